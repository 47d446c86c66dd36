"""The Idempotency-Key header: whoever does not know whether a request arrived may send it again."""

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
from services.registry.errors import KeyTaken, RegistryError
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
class Mark:
    """Who asks, where, and with which idempotency key if any."""

    owner: str
    route: str
    given: str | None

    def key(self, *asked: str) -> Key | None:
        """The key of a request that asks for this; None when it is not marked."""
        if self.given is None:
            return None
        return Key(self.owner, self.route, self.given, hashlib.sha256("\0".join(asked).encode()).hexdigest())


async def _mark(request: Request, caller: Caller, idempotency_key: IdempotencyKey = None) -> Mark:
    return Mark(caller.owner, f"{request.method} {request.scope['path']}", idempotency_key)


Marked = Annotated[Mark, Depends(_mark)]


def respond(answer: Answer) -> Response:
    """The answer as a response."""
    return Response(answer.body, answer.status, answer.headers, "application/json")


async def submit_once(database: Database, intake: Intake, key: Key | None, make: Callable[[], Submission]) -> Answer:
    """Take a job in, unless this key has brought it in already; what to answer."""
    if key is not None and (earlier := await run_in_threadpool(find, database, key)) is not None:
        return earlier
    submission = replace(await run_in_threadpool(make), key=key)
    try:
        return (await intake.submit(submission)).answer
    except KeyTaken as error:
        return await run_in_threadpool(earlier_answer, database, key, error)
    except CheckpointNotFound as error:
        raise unknown(error) from error


def act_once(database: Database, key: Key | None, subject: str, act: Callable[[Session], Answer]) -> Answer:
    """Do something to a subject in one transaction, unless it was done with this key already; what to answer."""
    if key is not None and (earlier := find(database, key)) is not None:
        return earlier
    try:
        with database.transaction() as session:
            if key is not None:
                idempotency.require(session, key, subject)
            answer = act(session)
            if key is not None:
                idempotency.keep(session, key, answer.rendered())
            return answer
    except KeyTaken as error:
        return earlier_answer(database, key, error)


def find(database: Database, key: Key) -> Answer | None:
    """What the same request was answered before; raises KeyReused."""
    with database.transaction() as session:
        kept = idempotency.find(session, key)
    if kept is None:
        return None
    answer = Answer.of(kept)
    return replace(answer, headers={**answer.headers, **REPLAYED})


def earlier_answer(database: Database, key: Key | None, error: RegistryError) -> Answer:
    """What whoever was first was answered; raises KeyReused, or `error` when nobody was."""
    earlier = find(database, key) if key is not None else None
    if earlier is None:
        raise error
    return earlier
