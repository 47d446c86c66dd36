"""The engine: continuous batching of all requests to one model.

Puzzles of all requests share a fixed number of slots. They join at any supervision step, leave when they halt, and their places
are filled again before the next step. On a GPU two cohorts of slots take turns: while the device thinks about one, the host reads
the other's answers and refills it, so that the device never waits for the host. On a CPU one cohort is enough.
"""

import threading
from collections import deque
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from trm.errors import ConfigError, EngineFull
from trm.network.model import TinyRecursiveModel
from trm.solving.carry import Carry
from trm.solving.slots import ChainOutputs, Slots, default_slots
from trm.solving.solve_request import SolveRequest

MOST_REQUESTS = 1024  # running or waiting


class Cohort:
    """Slots that step together, and whose they are."""

    def __init__(self, slots: Slots) -> None:
        self.slots = slots
        self.owners: list[SolveRequest] = []  # distinct
        self.owner = np.zeros(0, dtype=np.int64)  # (K,) which of the owners has each occupied slot
        self.rows = np.zeros(0, dtype=np.int64)  # (K,) which of its rows that is
        self.collect: Callable[[], ChainOutputs] | None = None  # while a step is under way

    def enter(self, solve_request: SolveRequest, puzzles: int) -> None:
        """The request's next puzzles take free slots."""
        rows = solve_request.take(puzzles)
        questions, numbers, ids, carry = solve_request.prepare(rows)
        self.slots.enter(questions, ids, numbers, solve_request.noise_seed, carry)
        if solve_request not in self.owners:
            self.owners.append(solve_request)
        self.owner = np.concatenate((self.owner, np.full(len(rows), self.owners.index(solve_request))))
        self.rows = np.concatenate((self.rows, rows))

    def collect_results(self) -> None:
        """Wait for the step, hand its outcome to the owners, and release the slots that they are done with."""
        if self.collect is None:
            return
        output, self.collect = self.collect(), None
        stays = np.zeros(len(self.rows), dtype=bool)
        for number, solve_request in enumerate(self.owners):
            own = np.flatnonzero(self.owner == number)
            stays[own] = solve_request.record(self.rows[own], output.of(own), partial(self._copy_carry, own, output))
        self._keep(stays)

    def _copy_carry(self, own: NDArray[np.int64], output: ChainOutputs, chosen: NDArray[np.int64]) -> Carry:
        return self.slots.copy_carry(own[chosen], output.halt_probability[own[chosen]])

    def clear(self) -> None:
        """All slots are free, whatever was under way."""
        self.collect = None
        self._keep(np.zeros(len(self.rows), dtype=bool))

    def count_held(self, solve_request: SolveRequest) -> int:
        """Slots that this request holds."""
        return int((self.owner == self.owners.index(solve_request)).sum()) if solve_request in self.owners else 0

    def _keep(self, stays: NDArray[np.bool_]) -> None:
        if stays.all():
            return
        self.slots.keep(stays)
        self.owner, self.rows = self.owner[stays], self.rows[stays]
        present, self.owner = np.unique(self.owner, return_inverse=True)
        self.owners = [self.owners[number] for number in present.tolist()]


class Engine:
    """One model and its slots. Any thread may submit; one thread at a time may step."""

    def __init__(
        self, model: TinyRecursiveModel, dtype: torch.dtype, *, slots: int | None = None, cohorts: int | None = None
    ) -> None:
        """`slots` for each of `cohorts`; both suit the device unless given."""
        self.model = model
        capacity = slots or default_slots(model, dtype)
        count = cohorts or (1 if model.embedding.device.type == "cpu" else 2)
        self.capacity, self.cohorts = capacity, deque(Cohort(Slots(model, capacity, dtype)) for _ in range(count))
        self.solve_requests: list[SolveRequest] = []  # unfinished, oldest first
        self.steps = 0  # supervision steps of single chains, since the beginning: what the work amounts to
        self._lock = threading.Lock()

    @property
    def is_idle(self) -> bool:
        """Whether there is no unfinished request."""
        return not self.solve_requests

    @property
    def occupied(self) -> int:
        """Slots in use."""
        return sum(cohort.slots.count for cohort in self.cohorts)

    def submit(self, solve_request: SolveRequest) -> None:
        """Let its puzzles join; raises EngineFull when too many are waiting, ConfigError for more chains than slots, or CarryInvalid."""
        if solve_request.effort.chains > self.capacity:
            raise ConfigError(
                f"A puzzle's {solve_request.effort.chains} chains step together, and there are {self.capacity} slots. Ask for fewer "
                "rollouts or views, or give the solver more slots."
            )
        if solve_request.carry is not None:
            self.cohorts[0].slots.require_fit(solve_request.carry)
        with self._lock:
            if len(self.solve_requests) >= MOST_REQUESTS:
                raise EngineFull(f"{MOST_REQUESTS} requests are in progress already. Try again later.")
            solve_request.begin()
            if not solve_request.is_finished:
                self.solve_requests.append(solve_request)

    def step(self) -> bool:
        """Refill free slots and make one supervision step of a cohort; False when there was nothing to do.

        With several cohorts the outcome is that of the cohort that was begun longest ago.
        """
        cohort = self.cohorts[0]
        self.cohorts.rotate(-1)
        self._refill(cohort)
        if cohort.slots.count:
            self.steps += cohort.slots.count
            cohort.collect = cohort.slots.launch()
        self.cohorts[0].collect_results()  # the same one, where there is one
        with self._lock:
            self.solve_requests = [
                solve_request for solve_request in self.solve_requests if not solve_request.is_finished
            ]
        return bool(self.solve_requests) or any(cohort.slots.count for cohort in self.cohorts)

    def run(self) -> None:
        """Step until everything is answered."""
        while self.step():
            pass

    def abandon(self, error: Exception) -> None:
        """Fail all unfinished requests after a step that failed."""
        with self._lock:
            given_up, self.solve_requests = self.solve_requests, []
        for cohort in self.cohorts:
            cohort.clear()
        for solve_request in given_up:
            solve_request.give_up(error)

    def warm_up(self) -> None:
        """Make the first step's one-time work now: kernels are chosen, compiled and captured for every size they come in."""
        for cohort in self.cohorts:
            cohort.slots.warm_up()

    def _refill(self, cohort: Cohort) -> None:
        """Free slots go to the highest priority first, and within it to the request with the fewest: equal shares for all."""
        with self._lock:
            waiting = [solve_request for solve_request in self.solve_requests if solve_request.waiting]
        held = {id(solve_request): cohort.count_held(solve_request) for solve_request in waiting}
        while waiting and cohort.slots.free:
            highest = max(solve_request.priority for solve_request in waiting)
            rivals = sorted((i for i in waiting if i.priority == highest), key=lambda i: held[id(i)])
            first, chains = rivals[0], rivals[0].effort.chains
            if chains > cohort.slots.free:
                return  # its turn stays its turn
            ahead = held[id(rivals[1])] - held[id(first)] if len(rivals) > 1 else cohort.slots.free
            puzzles = min(max(1, ahead // chains), cohort.slots.free // chains, first.waiting)
            cohort.enter(first, puzzles)
            held[id(first)] += puzzles * chains
            waiting = [solve_request for solve_request in waiting if solve_request.waiting]
