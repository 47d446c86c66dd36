"""One supervision step as a program that torch runs without this package."""

import io

import torch
from torch import Tensor, nn

from trm.config.run import RunConfig
from trm.errors import ConfigError
from trm.network.device import DTYPES
from trm.network.model import TinyRecursiveModel

PROGRAM = "step.pt2"
EXAMPLES = 2  # puzzles to trace with: one would be taken for a constant


class SupervisionStep(nn.Module):
    """tokens `(B, L)`, puzzle rows `(B, D)`, y and z -> y, z, logits `(B, L, V)`, halt logit `(B,)`; no gradient."""

    def __init__(self, model: TinyRecursiveModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor, rows: Tensor, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The improved answer and latent, and what is read from the answer."""
        output = self.model(tokens, rows, y, z)
        return output.y, output.z, output.logits, output.halt_logit


def program(model: TinyRecursiveModel, config: RunConfig) -> bytes:
    """A file for torch.export.load, of any batch size, in the precision that the model was trained for; raises ConfigError.

    Weights are inside, the table of puzzle embeddings is not: its rows are an input.
    """
    if config.model.hypotheses > 1:
        raise ConfigError("A model of several hypotheses has no program: choosing among them is up to the solver.")
    alone = TinyRecursiveModel(config.model, config.puzzle)
    alone.load_state_dict(model.state_dict())
    alone.eval().requires_grad_(False)
    for parameter in alone.parameters():  # and no buffer: the solver leaves those in float32 as well
        parameter.data = parameter.data.to(DTYPES[config.train.precision])
    tokens = torch.ones(EXAMPLES, config.puzzle.cells, dtype=torch.int64)  # blank puzzles
    rows = alone.puzzle_rows(torch.zeros(EXAMPLES, dtype=torch.int64))
    inputs = (tokens, rows, *alone.initial_state(EXAMPLES, DTYPES[config.train.precision]))
    alone.puzzle_embedding = alone.puzzle_embedding[:0].clone()
    batch = torch.export.Dim("batch", min=1)
    shapes = tuple({0: batch} for _ in inputs)
    with torch.no_grad():
        exported = torch.export.export(SupervisionStep(alone), inputs, dynamic_shapes=shapes)
    file = io.BytesIO()
    torch.export.save(exported, file)
    return file.getvalue()
