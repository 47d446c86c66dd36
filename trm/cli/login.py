"""`trm login`: the address of a service and a key to it, kept as a profile."""

import os
import sys
from typing import Annotated

import typer

from trm.cli.options import AsJson, Url
from trm.cli.service.address import Given, find_address, find_stack, tidy
from trm.cli.service.printing import tell
from trm.cli.service.profiles import Profile, read_profiles
from trm.cli.service.session import PATIENCE

DEFAULT = "default"


def login(
    profile: Annotated[str, typer.Option("--profile", help="What to call it.")] = DEFAULT,
    url: Url = None,
    api_key: Annotated[
        str | None,
        typer.Option("--api-key", help="The key; - reads it from stdin. Asked for where the service wants one."),
    ] = None,
    forget: Annotated[bool, typer.Option("--forget", help="Remove the profile instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """Keep the address of a service and a key to it; commands use the newest profile, or the one that --profile names.

    The file is readable by its owner alone. --url and --api-key, then TRM_URL and TRM_API_KEY go before a profile.
    """
    profiles = read_profiles()
    if forget:
        url = profiles.get(profile).url
        del profiles.profiles[profile]
        profiles.current = next(reversed(profiles.profiles), None) if profiles.current == profile else profiles.current
        told = {"profile": profile, "url": url, "file": str(profiles.save())}
        tell(f"The profile {profile} is removed", told, as_json=as_json)
        return
    known = profiles.profiles.get(
        profile
    )  # TRM_URL, the address that the profile had before, or the stack of this folder
    usual = os.environ.get("TRM_URL") or (known and known.url) or find_stack()
    place = tidy(url or usual or typer.prompt("Address of the service"))
    key = _admit(place, sys.stdin.readline().strip() if api_key == "-" else api_key)
    profiles.profiles.pop(profile, None)  # the newest is the last
    profiles.profiles[profile], profiles.current = Profile(url=place, api_key=key), profile
    file = str(profiles.save())
    sentence = f"Logged in to {place} as profile {profile}, kept in {file}"
    tell(sentence, {"profile": profile, "url": place, "file": file}, as_json=as_json)


def _admit(url: str, key: str | None) -> str | None:
    """The key that the service accepts; None where it asks for none. Raises ApiError for one that it refuses."""
    from trm.client import ApiError, Client

    key = key or find_address(Given(url)).api_key
    while True:
        with Client(url, key, retry_seconds=PATIENCE) as client:
            try:
                client.queue()
                return key
            except ApiError as error:
                if key is not None or error.status != 401 or not sys.stdin.isatty():
                    raise
        key = typer.prompt("API key", hide_input=True)
