"""Compiled blocks: what lies between two matrix products becomes one loop.

Needs a C++ compiler on a CPU, Triton and a C compiler on a GPU, and Python's headers.
"""

import importlib.util
import shutil
import sysconfig
from pathlib import Path

import torch

from trm.config.run import CompileChoice, RunConfig
from trm.errors import CompilerMissing
from trm.network.model import TinyRecursiveModel

WORTHWHILE = 256  # channels: compiling takes seconds, which a narrower model does not win back
WORTHWHILE_CELLS = 100_000  # of all puzzles of all updates: 20 updates of 64 Sudokus take as long as compiling
PROGRAMS = 64  # of one network: for each size of puzzle one with gradients and one without; torch runs what is beyond uncompiled


def why_not(device: torch.device) -> str | None:
    """Why nothing can be compiled here; None if it can."""
    if device.type == "cuda" and importlib.util.find_spec("triton") is None:
        return "Triton is not installed"
    compilers = ("gcc", "clang") if device.type == "cuda" else ("g++", "clang++")
    if not any(map(shutil.which, compilers)):
        return f"no compiler ({' or '.join(compilers)}) is on the PATH"
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        return "Python's headers are not installed (on Debian: python3-dev)"
    return None


def should_compile(
    choice: CompileChoice, config: RunConfig, device: torch.device, *, updates: int | None = None
) -> bool:
    """What a choice comes to: `auto` compiles where it can and where it is worthwhile; raises CompilerMissing for `always`.

    `updates` are those of a whole training; None for a model that answers until it is closed.
    """
    if choice == "always":
        _require_compiler(device)
    is_worthwhile = config.model.any_size or config.model.hidden_size >= WORTHWHILE
    if updates is not None:
        is_worthwhile &= updates * config.train.batch_size * config.puzzle.cells >= WORTHWHILE_CELLS
    return choice == "always" or (choice == "auto" and is_worthwhile and why_not(device) is None)


def compile_blocks(model: TinyRecursiveModel, device: torch.device, *, any_batch: bool) -> None:
    """Compile the network in place, at its first use; raises CompilerMissing.

    Wide layers one by one, since one program serves all of a shape; narrow ones as a whole, since there what lies between the
    products takes most of the time. `any_batch` makes a program serve every number of puzzles as well.
    """
    _require_compiler(device)
    torch._dynamo.config.recompile_limit = PROGRAMS
    for module in model.networks() if model.config.any_size else model.blocks():
        module.compile(dynamic=any_batch or None)


def _require_compiler(device: torch.device) -> None:
    if (reason := why_not(device)) is not None:
        raise CompilerMissing(f"The model cannot be compiled: {reason}. Install one, or leave compiling off.")
