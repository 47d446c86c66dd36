"""The Idempotency-Key header: a client that does not know whether its request arrived may send it again."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import Depends, Header, Request, Response
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from services.gateway.access.caller import Caller
from services.gateway.intake.intake import Intake
from services.gateway.lookups.model_lookup import unknown
from services.gateway.views.answers import Answer
from services.registry.db.database import Database
from services.registry.errors import DatasetNameTaken, KeyTaken, RegistryError
from services.registry.submissions import idempotency
from services.registry.submissions.idempotency import Key
from services.registry.submissions.submissions import Submission
from trm.errors import CheckpointNotFound

REPLAYED = {"Idempotency-Replayed": "true"}
IdempotencyKey = Annotated[
    str | None,
    Header(
        pattern=r"^[\x21-\x7e]{1,255}$",
        description="A text of your own, such as a UUID, that makes it safe to send this request again: within 24 hours, the same "
        "request with the same key is answered as it was the first time, with `Idempotency-Replayed: true`.",
    ),
]


@dataclass(frozen=True)
class IdempotencyContext:
    """The caller, the route, and the idempotency key if there is one."""

    owner: str
    route: str
    given: str | None

    def key(self, *asked: str) -> Key | None:
        """The key of a request with this content; None for a request without an Idempotency-Key."""
        if self.given is None:
            return None
        return Key(self.owner, self.route, self.given, hashlib.sha256("\0".join(asked).encode()).hexdigest())


async def _read_context(request: Request, caller: Caller, idempotency_key: IdempotencyKey = None) -> IdempotencyContext:
    return IdempotencyContext(caller.owner, f"{request.method} {request.scope['path']}", idempotency_key)


Idempotency = Annotated[IdempotencyContext, Depends(_read_context)]


def respond(answer: Answer) -> Response:
    """Convert a stored answer to a response."""
    return Response(answer.body, answer.status, answer.headers, "application/json")


async def submit_once(database: Database, intake: Intake, key: Key | None, make: Callable[[], Submission]) -> Answer:
    """Accept a job unless this key was used for it before; returns the response."""
    if key is not None and (earlier := await run_in_threadpool(find, database, key)) is not None:
        return earlier
    submission = replace(await run_in_threadpool(make), key=key)
    try:
        return (await intake.submit(submission)).answer
    except KeyTaken as error:
        return await run_in_threadpool(earlier_answer, database, key, error)
    except CheckpointNotFound as error:
        raise unknown(error) from error


def answer_once(database: Database, key: Key | None, act: Callable[[], Answer]) -> Answer:
    """Act unless this key was used for the same before; returns the response. What `act` changes is recorded by `keep_answer`."""
    if key is not None and (earlier := find(database, key)) is not None:
        return earlier
    try:
        return act()
    except (KeyTaken, DatasetNameTaken) as error:  # by this very request, it may be
        return earlier_answer(database, key, error)


def keep_answer(session: Session, key: Key | None, subject: str, act: Callable[[Session], Answer]) -> Answer:
    """Apply a change, and keep the response with the key if there is one; raises KeyTaken."""
    if key is None:
        return act(session)
    idempotency.require(session, key, subject)
    answer = act(session)
    idempotency.keep(session, key, answer.render())
    return answer


def find(database: Database, key: Key) -> Answer | None:
    """Return the stored response to the same request; raises KeyReused."""
    with database.transaction() as session:
        kept = idempotency.find(session, key)
    if kept is None:
        return None
    answer = Answer.of(kept)
    return replace(answer, headers={**answer.headers, **REPLAYED})


def earlier_answer(database: Database, key: Key | None, error: RegistryError) -> Answer:
    """The answer to the first request with this key; raises KeyReused, or `error` when there was none."""
    earlier = find(database, key) if key is not None else None
    if earlier is None:
        raise error
    return earlier
