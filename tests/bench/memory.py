"""Memory of solving: what a model, its slots and a step add to a process. `python -m tests.bench.memory ours` prints it in MiB."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from tests.bench.models import CPU, WITH_PREFIX, configuration, official, sudokus, untrained
from tests.bench.official import evaluated
from tests.bench.row import Row
from tests.bench.solving import solve_drawn
from trm.network.host import keep_big_buffers, share_cores
from trm.solving.solver import Solver

PUZZLES, STEPS = 32, 2  # steps beyond the second use the same memory again
MIB = 2**20


def rows(_quick: bool) -> Iterator[Row]:
    """Each in a process of its own, nothing compiled, so that the compiler's memory is not counted."""
    ours, theirs = (
        float(subprocess.check_output([sys.executable, "-m", __name__, who])) for who in ("ours", "official")
    )
    name = f"memory of solving {PUZZLES} Sudokus at a time, equal mathematics"
    note = "official loop, not compiled; floor: weights and slots"
    yield Row(name, ours, theirs, "MiB", target=1.0, floor=_held(_solver()) / MIB, note=note)


def _solver() -> Solver:
    return Solver(untrained(WITH_PREFIX), configuration(WITH_PREFIX, 1), CPU, slots=PUZZLES)


def _held(solver: Solver) -> int:
    """Bytes of the weights and of every slot's state."""
    weights = solver.model.state_dict().values()
    state = (value for cohort in solver.engine.cohorts for value in vars(cohort.slots).values())
    return sum(array.nbytes for array in (*weights, *state) if isinstance(array, (torch.Tensor, np.ndarray)))


def measured(who: str) -> float:
    """MiB beyond those of the process before there was a model."""
    share_cores()
    keep_big_buffers()
    questions = sudokus(PUZZLES).questions
    torch.mm(torch.ones(64, 64), torch.ones(64, 64))  # what torch itself needs for its first product
    Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak is counted from zero from here
    before = _status("VmRSS")
    if who == "ours":
        solve_drawn(_solver(), questions, np.full(PUZZLES, STEPS))
    else:
        network = official(steps=STEPS, compiled=False)
        inputs = torch.from_numpy(questions)
        evaluated(network, inputs, inputs)
    return (_status("VmHWM") - before) / 1024


def _status(name: str) -> int:
    """KiB of this process, as the kernel counts."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    print(measured(sys.argv[1]))
