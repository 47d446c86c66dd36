"""The rows of the database as one caller sees them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy.orm import Session

from services.registry.access.visibility import AccessScope
from services.registry.db.database import Database

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Records:
    """A database, and which of its rows a caller's queries find."""

    database: Database
    access: AccessScope

    def ask(self, query: Callable[Concatenate[Session, AccessScope, P], T], *args: P.args, **options: P.kwargs) -> T:
        """What one query of the registry returns, in a transaction of its own; raises what it raises, or DatabaseUnavailable."""
        with self.database.transaction() as session:
            return query(session, self.access, *args, **options)
