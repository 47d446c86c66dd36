"""Who makes a request: what authentication found out, for everything that comes after it."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from starlette.types import Scope as Connection

from services.gateway.access import permissions
from services.gateway.problems.errors import ScopeMissing
from services.registry.access.scopes import Scope
from services.registry.db.access_tables import ApiKey
from services.registry.db.ids import LOCAL_OWNER
from services.registry.db.owners import Sight


@dataclass(frozen=True)
class Identity:
    """A caller: the owner of the API key that was presented, or any client where no key is required."""

    id: str  # the key's
    owner: str
    scopes: frozenset[Scope]
    has_key: bool = True

    @property
    def is_admin(self) -> bool:
        """Whether everything is allowed, for every owner."""
        return Scope.ADMIN in self.scopes

    @property
    def sight(self) -> Sight:
        """What this caller's queries find, and in whose name it makes things."""
        return Sight(self.owner, sees_all=self.is_admin)

    def require(self, scope: Scope) -> None:
        """Raises ScopeMissing unless this caller may do what the scope is for."""
        if not permissions.allows(self.scopes, frozenset({scope})):
            raise ScopeMissing(permissions.refusal(self.scopes, frozenset({scope})))

    @classmethod
    def of(cls, key: ApiKey) -> "Identity":
        """The caller that presents this key."""
        return cls(key.id, key.owner, frozenset(Scope(scope) for scope in key.scopes))


LOCAL = Identity(LOCAL_OWNER, LOCAL_OWNER, frozenset(Scope), has_key=False)
ANONYMOUS = Identity("anonymous", "", frozenset(), has_key=False)  # on paths that need no key, where others do


def remember(connection: Connection, caller: Identity) -> None:
    """Note on the connection who makes its request."""
    connection.setdefault("state", {})["caller"] = caller


def identify(connection: Connection) -> Identity:
    """Who makes the request; ANONYMOUS, which sees nothing, unless authentication has set another."""
    found = connection.get("state", {}).get("caller")
    return found if isinstance(found, Identity) else ANONYMOUS


async def caller_of(request: Request) -> Identity:
    """Who makes the request."""
    return identify(request.scope)


Caller = Annotated[Identity, Depends(caller_of)]
