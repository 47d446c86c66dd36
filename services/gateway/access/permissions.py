"""Which scopes a request needs: one table by noun, and what it does not name is for admins alone."""

from collections.abc import Collection

from services.registry.access.scopes import Scope

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
PREFIX = "/v1"
OPEN = "problems"  # what an error means is no secret, least of all to who has no key
TRAIN, SOLVE = frozenset({Scope.TRAIN}), frozenset({Scope.SOLVE})
WRITERS: dict[str, frozenset[Scope]] = {  # one of the scopes is enough to write; to read, every key is
    "training-jobs": TRAIN,
    "datasets": TRAIN,
    "runs": TRAIN,
    "checkpoints": TRAIN,
    "solve-jobs": SOLVE,
    "jobs": TRAIN | SOLVE,  # the job's own kind decides, once it is known
    "webhooks": TRAIN | SOLVE,
    "models": frozenset(),
    "presets": frozenset(),
}

ADMINS = frozenset({"api-keys", "audit"})


def is_guarded(path: str) -> bool:
    """Whether the path needs a key at all."""
    return path == PREFIX or (path.startswith(f"{PREFIX}/") and _noun(path) != OPEN)


def list_scopes(method: str, path: str) -> frozenset[Scope]:
    """The scopes of which a key must have one, besides `admin`, which is always enough; none: admins alone."""
    scopes = WRITERS.get(_noun(path))
    if scopes is None:
        return frozenset()
    return frozenset(Scope) if method in SAFE else scopes


def allows(scopes: Collection[Scope], needed: frozenset[Scope]) -> bool:
    """Whether a key with these scopes may do what needs one of those."""
    return Scope.ADMIN in scopes or not needed.isdisjoint(scopes)


def refusal(scopes: Collection[Scope], needed: frozenset[Scope]) -> str:
    """Why such a key may not, in a sentence."""
    wanted = " or ".join(sorted(needed | {Scope.ADMIN}))
    return f"This needs a key with the scope {wanted}; yours has: {', '.join(sorted(scopes)) or 'none'}."


def name_path(path: str) -> str:
    """The path as far as this table knows it: what a refusal is called, however it goes on."""
    noun = _noun(path)
    return f"{PREFIX}/{noun}" if noun in WRITERS or noun in ADMINS else PREFIX


def _noun(path: str) -> str:
    return path.removeprefix(f"{PREFIX}/").partition("/")[0]
