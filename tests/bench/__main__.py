"""`python -m tests.bench`: measures, prints a table, writes bench.json."""

import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console

from tests.bench import bodies, company, memory, service, solve_job, solving, training
from tests.bench.machine import dtype_at_best
from tests.bench.models import CPU
from tests.bench.row import Row, table
from trm.network.device import name_of, pick_device
from trm.network.host import keep_big_buffers

SECTIONS: dict[str, Callable[[bool], Iterable[Row]]] = {
    "training": training.rows,
    "solving": solving.rows,
    "bodies": bodies.rows,
    "memory": memory.rows,
    "service": service.rows,
    "job": solve_job.rows,
    "company": company.rows,
}
console = Console(width=150)


def main(
    only: Annotated[list[str] | None, typer.Option(help=f"Only these sections: {', '.join(SECTIONS)}.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer repetitions.")] = False,
    gpu: Annotated[bool, typer.Option("--gpu", help="The training step on the GPU instead.")] = False,
    out: Annotated[Path, typer.Option(help="Where the rows go, as JSON.")] = Path("bench.json"),
) -> None:
    """Measure ours against the baselines, in turns, in this run."""
    keep_big_buffers()  # as our own processes do; the baselines have it too
    torch.set_num_threads(os.cpu_count() or 1)
    begun, found = time.monotonic(), list[Row]()
    sections = {"gpu": lambda _quick: training.gpu_rows(pick_device("cuda"))} if gpu else SECTIONS
    for name, measure in sections.items():
        if not gpu and only and name not in only:
            continue
        print(f"measuring {name} ...", file=sys.stderr)
        started = time.monotonic()
        for row in measure(quick):
            print(f"  {row.name}: {row.ratio:.2f} times ({row.note})", file=sys.stderr)
            found.append(row)
        print(f"  {time.monotonic() - started:.0f} s", file=sys.stderr)
    out.write_text(json.dumps([row.as_dict() for row in found], indent=1) + "\n")
    console.print(table(found))
    cores, seconds, dtype = os.cpu_count(), time.monotonic() - begun, name_of(dtype_at_best(CPU))
    machine = f"{platform.machine()}, {cores} cores, {dtype}, torch {torch.__version__}"
    console.print(f"{machine}, {seconds:.0f} s; rows in {out}")


if __name__ == "__main__":
    typer.run(main)
