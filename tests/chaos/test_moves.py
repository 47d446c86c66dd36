"""Cancelling against everything else that may happen to a job at the same moment."""

import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.chaos.customer import Customer
from tests.chaos.stand import Stand

ROUNDS = 12
SEED = 7
SAID = {"cancel": (202, 409), "pause": (202, 409), "resume": (202, 409), "retry": (202, 409)}


def both(customer: Customer, job: str, *verbs: str, apart: float = 0) -> list[int]:
    """Ask for moves of a job at the same moment, or so many seconds apart; what was answered."""

    def ask(number: int) -> int:
        time.sleep(number * apart)
        status = customer.move(job, verbs[number]).status_code
        assert status in SAID[verbs[number]]
        return status

    with ThreadPoolExecutor(len(verbs)) as pool:
        return list(pool.map(ask, range(len(verbs))))


@pytest.mark.slow
@pytest.mark.quick
@pytest.mark.fault("moves", "cancel against claim, and against success")
def test_cancel_while_it_is_claimed_or_ends(stand: Stand, customer: Customer) -> None:
    draw = random.Random(SEED)
    for _ in range(2 * ROUNDS):
        job = customer.solve()
        customer.broken.add(job)
        time.sleep(draw.uniform(0, 0.1))
        [said] = both(customer, job, "cancel")
        ended = customer.ended(job)
        assert ended["status"] in (("cancelled", "succeeded") if said == 202 else ("succeeded",))


@pytest.mark.fault("moves", "cancel against pause, resume, retry and another cancel, of solve jobs and of trainings")
@pytest.mark.parametrize("kind", ["solve", "train"])
@pytest.mark.parametrize(
    "verbs",
    [
        ("pause", "cancel"),
        ("cancel", "pause"),
        ("pause", "resume", "cancel"),
        ("cancel", "cancel"),
        ("cancel", "retry", "cancel"),
    ],
)
def test_cancel_against_other_moves(stand: Stand, customer: Customer, kind: str, verbs: tuple[str, ...]) -> None:
    draw = random.Random(SEED)
    for _ in range(ROUNDS if kind == "solve" else 3):
        job = customer.solve(20) if kind == "solve" else customer.train(100_000)
        customer.broken.add(job)
        time.sleep(draw.uniform(0, 0.1) if kind == "solve" else draw.uniform(0, 4))
        both(customer, job, *verbs, apart=draw.choice([0, 0.02]))
        customer.move(job, "cancel")
        assert customer.ended(job)["status"] in ("cancelled", "succeeded")


@pytest.mark.fault("moves", "cancel during a checkpoint, and of a paused job")
def test_cancel_in_a_checkpoint_and_while_paused(stand: Stand, customer: Customer) -> None:
    training = customer.train(100_000, checkpoint_every=1)
    customer.checkpointed(training)
    paused = customer.train(100_000)
    customer.broken |= {training, paused}
    customer.move(paused, "pause")
    for job in (training, paused):
        customer.move(job, "cancel")
        assert customer.ended(job)["status"] == "cancelled"
