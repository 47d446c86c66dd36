"""Which scopes a request needs: one table, and what it does not name is for admins alone."""

import re
from collections.abc import Collection

from services.registry.scopes import Scope

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
PREFIX = "/v1"
OPEN = re.compile(r"/v1/problems(/[^/]*)?")  # what an error means is no secret, least of all to who has no key
ADMINS_ALONE = re.compile(r"/v1/(api-keys|audit)(/.*)?")
WRITES = (  # the first that matches decides; one of the scopes is enough
    (re.compile(r"/v1/(training-jobs|datasets|runs|checkpoints)(/.*)?"), frozenset({Scope.TRAIN})),
    (re.compile(r"/v1/solve-jobs(/.*)?"), frozenset({Scope.SOLVE})),
    (re.compile(r"/v1/(jobs|webhooks)(/.*)?"), frozenset({Scope.TRAIN, Scope.SOLVE})),
)


def is_guarded(path: str) -> bool:
    """Whether the path needs a key at all."""
    return (path == PREFIX or path.startswith(f"{PREFIX}/")) and OPEN.fullmatch(path) is None


def needed(method: str, path: str) -> frozenset[Scope]:
    """The scopes of which a key must have one, besides `admin`, which is always enough; none: admins alone."""
    if ADMINS_ALONE.fullmatch(path):
        return frozenset()
    if method in SAFE:
        return frozenset(Scope)
    return next((scopes for pattern, scopes in WRITES if pattern.fullmatch(path)), frozenset())


def allows(scopes: Collection[Scope], method: str, path: str) -> bool:
    """Whether a key with these scopes may make this request."""
    return Scope.ADMIN in scopes or not needed(method, path).isdisjoint(scopes)
