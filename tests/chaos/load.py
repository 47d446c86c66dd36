"""Clients that keep sending requests while something breaks."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from tests.chaos.customer import Customer

CLIENTS = 3
PAUSE_SECONDS = 0.1


@contextmanager
def under_load(customer: Customer, steps: int = 200) -> Iterator[str]:
    """A training, which is the value, and solve jobs one after the other from several clients, until the block ends."""
    done = threading.Event()

    def ask() -> None:
        while not done.wait(PAUSE_SECONDS):
            customer.solve()

    training = customer.train(steps)
    customer.under_way(training)
    with ThreadPoolExecutor(CLIENTS) as pool:
        asking = [pool.submit(ask) for _ in range(CLIENTS)]
        try:
            yield training
        finally:
            done.set()
        for one in asking:
            one.result()
