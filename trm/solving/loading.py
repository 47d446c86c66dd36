"""Which model to solve with: a shipped one by its name, or what a training or an export has written."""

from pathlib import Path

from trm.checkpoints.checkpoint import EXPORT_META, choose
from trm.errors import UnknownModel
from trm.interface.pretrained import names, pretrained
from trm.solving.solver import Solver


def load(model: str | Path, device: str = "auto") -> Solver:
    """A solver with a shipped model, an exported one, a checkpoint, or the newest intact checkpoint in a folder of them.

    A name that ships comes first: write `./NAME` for a folder of that name. Raises UnknownModel, CheckpointError.
    """
    if str(model) in names():
        return Solver.load(pretrained(str(model)).folder, device)
    folder = Path(model)
    if not folder.is_dir():
        raise UnknownModel(
            f"There is neither a shipped model nor a folder {str(model)!r}. Shipped: {', '.join(names())}."
        )
    return Solver.load(folder if (folder / EXPORT_META).exists() else choose(folder), device)
