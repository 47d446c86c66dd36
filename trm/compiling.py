"""Compiled blocks: what lies between two matrix products becomes one loop. Needs a C++ compiler on a CPU, Triton on a GPU."""

import importlib.util
import shutil
from typing import Literal

import torch

from trm.errors import CompilerMissing
from trm.model import TinyRecursiveModel

Choice = Literal["auto", "always", "never"]
WORTHWHILE = 1_000_000  # parameters: compiling takes seconds, which a smaller model does not win back


def why_not(device: torch.device) -> str | None:
    """Why blocks cannot be compiled here; None if they can."""
    if device.type == "cuda":
        return None if importlib.util.find_spec("triton") else "Triton is not installed"
    return None if shutil.which("g++") or shutil.which("clang++") else "no C++ compiler (g++ or clang++) is on the PATH"


def should_compile(choice: Choice, model: TinyRecursiveModel, device: torch.device) -> bool:
    """What a choice comes to: `auto` compiles where it can, and where it is worthwhile; raises CompilerMissing."""
    if choice == "never":
        return False
    reason = why_not(device)
    if choice == "always" and reason is not None:
        raise CompilerMissing(f"The model cannot be compiled: {reason}. Install one, or leave compiling off.")
    return reason is None and (choice == "always" or model.parameter_count() >= WORTHWHILE)


def compiled_blocks(model: TinyRecursiveModel, device: torch.device, *, any_batch: bool) -> None:
    """Compile every block of the network in place, at its first use; raises CompilerMissing.

    One program serves all blocks of a shape. `any_batch` makes it serve every number of puzzles as well.
    """
    if (reason := why_not(device)) is not None:
        raise CompilerMissing(f"The model cannot be compiled: {reason}. Install one, or leave compiling off.")
    for module in model.blocks():
        module.compile(dynamic=any_batch or None)
