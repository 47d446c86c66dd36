"""Who makes a request: what authentication found out, for everything that comes after it."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from starlette.types import Scope as Connection

from services.gateway.access import permissions
from services.gateway.problems.errors import ScopeMissing
from services.registry.access.scopes import Scope
from services.registry.access.visibility import AccessScope
from services.registry.db.access_tables import ApiKey
from services.registry.db.ids import LOCAL_OWNER


@dataclass(frozen=True)
class Identity:
    """Whoever presents an API key, or anybody at all where none is asked for."""

    id: str  # the key's
    owner: str
    scopes: frozenset[Scope]
    has_key: bool = True

    @property
    def is_admin(self) -> bool:
        """Whether everything is allowed, for every owner."""
        return Scope.ADMIN in self.scopes

    @property
    def access(self) -> AccessScope:
        """What this caller's queries find, and in whose name it makes things."""
        return AccessScope(self.owner, sees_all=self.is_admin)

    def require(self, scope: Scope) -> None:
        """Raises ScopeMissing unless this caller may do what the scope is for."""
        if not permissions.allows(self.scopes, frozenset({scope})):
            raise ScopeMissing(permissions.refusal(self.scopes, frozenset({scope})))

    @classmethod
    def of(cls, key: ApiKey) -> "Identity":
        """Whoever presents this key."""
        return cls(key.id, key.owner, frozenset(Scope(scope) for scope in key.scopes))


LOCAL = Identity(LOCAL_OWNER, LOCAL_OWNER, frozenset(Scope), has_key=False)
NOBODY = Identity("nobody", "", frozenset(), has_key=False)  # where no key was asked for although others need one


def remember(connection: Connection, caller: Identity) -> None:
    """Note on the connection who makes its request."""
    connection.setdefault("state", {})["caller"] = caller


def known(connection: Connection) -> Identity:
    """Who makes the request; nobody, who sees nothing, unless authentication said otherwise."""
    found = connection.get("state", {}).get("caller")
    return found if isinstance(found, Identity) else NOBODY


async def caller_of(request: Request) -> Identity:
    """Who makes the request."""
    return known(request.scope)


Caller = Annotated[Identity, Depends(caller_of)]
