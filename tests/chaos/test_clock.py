"""Processes whose clock is wrong: only the database's may matter."""

from datetime import datetime

import pytest

from tests.chaos import points
from tests.chaos.customer import Customer
from tests.chaos.stand import SOLVE, TRAIN, Stand

HOUR = 3600


@pytest.mark.fault("clock", "an hour ahead, or behind, in the workers and the reaper")
@pytest.mark.parametrize("seconds", [HOUR, -HOUR], ids=["ahead", "behind"])
def test_clocks_that_are_wrong(stand: Stand, customer: Customer, seconds: int) -> None:
    wrong = (TRAIN, SOLVE, "reaper")
    for name in wrong:
        stand.restart(name, **{points.CLOCK: str(seconds)})
    try:
        jobs = [customer.train(200), *(customer.solve(20, ttl_seconds=600, timeout_seconds=600) for _ in range(5))]
        for job in jobs:
            found = customer.succeeded(job)
            assert found["attempt"] == 1
            [attempt] = found["attempts"]
            ended, begun, made = (
                datetime.fromisoformat(at) for at in (attempt["ended_at"], attempt["started_at"], found["created_at"])
            )
            assert made <= begun <= ended
            assert (ended - made).total_seconds() < HOUR / 2
    finally:
        for name in wrong:
            stand.restart(name)
