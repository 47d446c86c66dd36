"""Scopes required by each route, in one table by noun; routes that are not listed are for admins only."""

from collections.abc import Collection

from fastapi.routing import APIRoute

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
    "evaluation-jobs": SOLVE,
    "jobs": TRAIN | SOLVE,  # the job's own kind decides, once it is known
    "webhooks": TRAIN | SOLVE,
    "models": TRAIN,
    "presets": frozenset(),
    "queue": frozenset(),
    "workers": frozenset(),
}

ADMINS = frozenset({"api-keys", "audit"})


def is_guarded(path: str) -> bool:
    """Whether the path needs a key at all."""
    return path == PREFIX or (path.startswith(f"{PREFIX}/") and _find_noun(path) != OPEN)


def list_scopes(method: str, path: str) -> frozenset[Scope]:
    """The scopes of which a key needs one (`admin` always suffices); empty for admins only."""
    scopes = WRITERS.get(_find_noun(path))
    if scopes is None:
        return frozenset()
    return frozenset(Scope) if method in SAFE else scopes


def allows(scopes: Collection[Scope], needed: frozenset[Scope]) -> bool:
    """Whether a key with these scopes satisfies the required ones."""
    return Scope.ADMIN in scopes or not needed.isdisjoint(scopes)


def refusal(scopes: Collection[Scope], needed: frozenset[Scope]) -> str:
    """A sentence that explains a refusal for missing scopes."""
    wanted = " or ".join(sorted(needed | {Scope.ADMIN}))
    return f"This needs a key with the scope {wanted}; yours has: {', '.join(sorted(scopes)) or 'none'}."


def name_path(path: str) -> str:
    """The known prefix of the path, as the name of a refusal in the log."""
    noun = _find_noun(path)
    return f"{PREFIX}/{noun}" if noun in WRITERS or noun in ADMINS else PREFIX


def name_operation(route: APIRoute) -> str:
    """What an operation is called, in the interface and in the audit log: `getJob` of the function `get_job`."""
    first, *others = route.name.split("_")
    return first + "".join(word.capitalize() for word in others)


def _find_noun(path: str) -> str:
    return path.removeprefix(f"{PREFIX}/").partition("/")[0]
