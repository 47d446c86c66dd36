"""`python -m tests.bench.roofline`: what the processor allows, and where the network's operations stand below it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import torch.nn.functional as F
import typer

from tests.bench.machine import fastest, flops, matrix_peak, memory_bandwidth
from tests.bench.models import CPU, WITH_PREFIX, trainer
from tests.bench.plots import roofline_plot
from tests.bench.solving import full_size, step_flops
from trm.network.host import keep_big_buffers

S, D, TOKEN_INNER, CHANNEL_INNER, BATCH, LAYERS, EVALUATIONS = 97, 512, 512, 1536, 16, 2, 21
BYTES = 2  # of bfloat16, which this picture needs


@dataclass(frozen=True)
class Operation:
    """Work, the memory it must at least touch, and how fast it was."""

    name: str
    flops: float
    bytes: float
    seconds: float


def main(plot: Annotated[Path, typer.Option(help="Where the picture goes, as SVG.")] = Path("roofline.svg")) -> None:
    """Measure and draw."""
    keep_big_buffers()
    peak, bandwidth = matrix_peak(CPU), memory_bandwidth(CPU)
    operations = [*products(), pointwise(), supervision_step(), update()]
    roofline_plot(plot, operations, peak, bandwidth)
    print(f"peak {peak / 1e9:.0f} GFLOP/s, memory {bandwidth / 1e9:.1f} GB/s")
    for one in operations:
        rate, intensity = one.flops / one.seconds, one.flops / one.bytes
        roof = min(peak, intensity * bandwidth)
        print(f"{one.name:48} {intensity:8.1f} FLOP/B {rate / 1e9:8.0f} GFLOP/s {rate / roof:6.0%} of its roof")


def products() -> Iterator[Operation]:
    """The four matrix products of a layer, forward, 16 puzzles."""
    for name, rows, inner, cols in (
        ("tokens up", 2 * TOKEN_INNER, S, BATCH * D),
        ("tokens down", S, TOKEN_INNER, BATCH * D),
        ("channels up", S * BATCH, D, 2 * CHANNEL_INNER),
        ("channels down", S * BATCH, CHANNEL_INNER, D),
    ):
        a, b = torch.randn(rows, inner).bfloat16(), torch.randn(inner, cols).bfloat16()
        seconds = fastest(lambda a=a, b=b: a @ b, CPU, 15)  # type: ignore[misc]
        touched = BYTES * (rows * inner + inner * cols + rows * cols)
        yield Operation(f"product: {name}", 2 * rows * inner * cols, touched, seconds)


def pointwise() -> Operation:
    """SwiGLU's silu(gate) * up between two products, eager."""
    gate, up = (torch.randn(S * BATCH, CHANNEL_INNER).bfloat16() for _ in range(2))
    seconds = fastest(lambda: F.silu(gate) * up, CPU, 15)
    return Operation("between products: silu(gate) * up, eager", 5 * gate.numel(), 3 * BYTES * gate.numel(), seconds)


def supervision_step() -> Operation:
    """Of one puzzle, as the solver makes it, compiled where there is a compiler."""
    solver = full_size(WITH_PREFIX)
    model = solver.model
    state, inputs = model.initial_state(1, solver.dtype), torch.ones(1, 81, dtype=torch.int32)
    rows = model.puzzle_rows(torch.zeros(1, dtype=torch.int64))
    with torch.inference_mode():
        seconds = fastest(lambda: model(inputs, rows, *state), CPU, 9)
    return Operation(
        "a supervision step of one Sudoku", step_flops(WITH_PREFIX), EVALUATIONS * _network_bytes(1), seconds
    )


def update() -> Operation:
    """A training update, batch 32: seven evaluations have a gradient, which is twice their work and touches as much again twice."""
    batch = 32
    ours = trainer(WITH_PREFIX, batch, CPU, compiled=True)
    run: Callable[[], None] = ours.update
    run()
    work = flops(trainer(WITH_PREFIX, batch, CPU, compiled=False).update)
    return Operation("a training update, batch 32", work, (14 + 3 * 7) * _network_bytes(batch), fastest(run, CPU, 3))


def _network_bytes(batch: int) -> float:
    """What one evaluation of the network must touch: operands and results of its products, each once."""
    tokens = 3 * TOKEN_INNER * S + batch * D * (2 * S + 4 * TOKEN_INNER)
    channels = 3 * CHANNEL_INNER * D + batch * S * (2 * D + 4 * CHANNEL_INNER)
    return BYTES * LAYERS * (tokens + channels)


if __name__ == "__main__":
    typer.run(main)
