"""A command's connection to a service: opened from the options that all such commands share."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import wraps
from typing import TYPE_CHECKING, Any

from trm.cli.options import ApiKey, AsJson, Options, ProfileName, Url, parameters_of, take
from trm.cli.service.address import Address, Given, find_address

if TYPE_CHECKING:
    from trm.client import Client

SERVICE: Options = {
    "url": (Url, None),
    "api_key": (ApiKey, None),
    "profile": (ProfileName, None),
    "as_json": (AsJson, False),
}
PATIENCE = 2.0  # seconds in which a service that is away is asked again: a person waits


@dataclass(frozen=True)
class Session:
    """An open client, and how results are to be printed."""

    client: "Client"
    address: Address
    given: Given
    as_json: bool

    @contextmanager
    def patient(self) -> Iterator["Session"]:
        """The same for what takes long: a gateway that is restarted meanwhile is waited for."""
        from trm.client import Client

        with Client(self.address.url, self.address.api_key) as client:
            yield replace(self, client=client)

    def repeat(self, command: str) -> str:
        """The command line that does this on the same service."""
        options = {"--profile": self.given.profile, "--url": self.given.url}
        return " ".join([f"trm {command}", *(f"{name} {value}" for name, value in options.items() if value)])


@contextmanager
def open_session(given: Given, *, as_json: bool) -> Iterator[Session]:
    """A session with the service that the options, the environment or a profile name; raises NoService and ProfileError."""
    from trm.client import Client  # brings an HTTP library, which `trm --help` does without

    address = find_address(given)
    with Client(address.url, address.api_key, retry_seconds=PATIENCE) as client:
        yield Session(client, address, given, as_json)


def on_service(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the options that name a service, and --json; it is called with a session in their place."""

    @wraps(command)
    def asked(*, url: str | None, api_key: str | None, profile: str | None, as_json: bool, **own: Any) -> None:  # noqa: ANN401
        with open_session(Given(url, api_key, profile), as_json=as_json) as session:
            command(session, **own)

    return take(asked, parameters_of(command)[1:], SERVICE)
