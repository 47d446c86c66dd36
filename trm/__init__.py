"""Tiny Recursive Models: the library.

    run = trm.train("sudoku-4x4", steps=400)
    print(run.solver().solve("...4....2....4.3"))

The names in `__all__` are the public ones. They are imported when they are first used: importing `trm` loads no torch.

The packages from top to bottom, as imports run:

cli              every command of `python -m trm`
interop          official checkpoints, golden vectors, export
experiments      ablations side by side, their plots
training         session (the loop), trainer (one update), its state, losses, optimizers, schedule, validation
evaluation       accuracy on puzzles and on ARC, measurements for a model's card
solving          solver, engine and slots: chains of thinking until a solution
data             splits, feeds, augmentation
checkpoints      checkpoint, its writer, tensor files, packs
network          layers, recursion and its variants, model, and how they use a machine
interface        effort, solution, events, shipped models, measurements; no torch
config           model, training, run, presets, ablations; no torch
client           a typed client of the service's HTTP API; no torch
puzzles          kinds, rules, symmetries, data sets, ARC, pictures; no torch
errors, version
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trm.config.presets import presets as presets
    from trm.errors import TrmError as TrmError
    from trm.evaluation.evaluation import Evaluation as Evaluation
    from trm.evaluation.evaluation import evaluate as evaluate
    from trm.interface.effort import Effort as Effort
    from trm.interface.solution import Solution as Solution
    from trm.puzzles.datasets.datasets import datasets as datasets
    from trm.solving.loading import load as load
    from trm.solving.solver import Solver as Solver
    from trm.training.run import Run as Run
    from trm.training.run import train as train

    __version__: str

_HOMES = {
    "Effort": "trm.interface.effort",
    "Evaluation": "trm.evaluation.evaluation",
    "Run": "trm.training.run",
    "Solution": "trm.interface.solution",
    "Solver": "trm.solving.solver",
    "TrmError": "trm.errors",
    "datasets": "trm.puzzles.datasets.datasets",
    "evaluate": "trm.evaluation.evaluation",
    "load": "trm.solving.loading",
    "presets": "trm.config.presets",
    "train": "trm.training.run",
}
__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> object:
    """The public member of this name, from the module that defines it."""
    if name == "__version__":
        return import_module("trm.version").trm_version()
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
