"""Bodies that pass messages between the cells of a grid: what they hear, which symmetries they keep, and that answers keep the maze."""

import numpy as np
import pytest
import torch
from torch import Tensor

from trm.config.model import ModelConfig
from trm.network.messages import SCALE, DirectedNeighbours, MessageLayer, Neighbours
from trm.network.model import StepOutput, TinyRecursiveModel
from trm.puzzles.maze import OPEN, PATH, spec_for
from trm.puzzles.spec import PuzzleSpec
from trm.puzzles.symmetries.symmetry import Symmetry, views

WIDTH = 16
BODIES = ("neighbours", "directed_neighbours")


def config_of(mixer: str) -> ModelConfig:
    return ModelConfig.model_validate(
        {
            "mixer": mixer,
            "hidden_size": WIDTH,
            "expansion": 2.0,
            "feed_forward": "normed_swiglu",
            "latent_steps": 3,
            "recursions": 2,
            "prefix_tokens": 0,
            "random_start": True,
        }
    )


def model_of(mixer: str, spec: PuzzleSpec) -> TinyRecursiveModel:
    model = TinyRecursiveModel(config_of(mixer), spec)
    model.initialise(torch.Generator().manual_seed(0))
    with torch.no_grad():
        model.halt_head.weight.normal_(generator=torch.Generator().manual_seed(1))  # a fresh one hears nothing
    return model.double()


def mazes(spec: PuzzleSpec, count: int = 3) -> Tensor:
    """Random grids of walls and open cells with a start and a goal."""
    rng = np.random.default_rng(2)
    grids = rng.integers(1, 3, (count, spec.cells))
    for grid in grids:
        grid[rng.choice(spec.cells, 2, replace=False)] = (3, 4)
    return torch.from_numpy(grids)


def think(model: TinyRecursiveModel, inputs: Tensor, y: Tensor, z: Tensor) -> StepOutput:
    output: StepOutput = model(inputs, model.puzzle_rows(torch.zeros(len(inputs), dtype=torch.int64)), y, z)
    return output


def started(model: TinyRecursiveModel, count: int) -> tuple[Tensor, Tensor]:
    return model.initial_state(count, torch.float64, torch.Generator().manual_seed(3))


def heard_by_definition(mixer: str, grid: Tensor, row: int, col: int) -> Tensor:
    """The messages `(k D,)` that one cell of a grid `(rows, cols, D)` hears."""

    def at(down: int, right: int) -> Tensor:
        r, c = row + down, col + right
        inside = 0 <= r < grid.shape[0] and 0 <= c < grid.shape[1]
        return grid[r, c] if inside else torch.zeros_like(grid[0, 0])

    above, below, left, right = at(-1, 0), at(1, 0), at(0, -1), at(0, 1)
    if mixer == "directed_neighbours":
        return torch.cat((at(0, 0), above, below, left, right))
    corners = at(-1, -1) + at(-1, 1) + at(1, -1) + at(1, 1)
    return torch.cat((at(0, 0), (above + below + left + right) * SCALE, corners * SCALE, grid.mean((0, 1))))


@pytest.mark.parametrize("mixer", BODIES)
def test_a_cell_hears_its_neighbours_as_defined(mixer: str) -> None:
    spec = spec_for(3, 4)
    layer: MessageLayer = model_of(mixer, spec).layers[0]  # type: ignore[assignment]
    assert isinstance(layer, Neighbours if mixer == "neighbours" else DirectedNeighbours)
    x = torch.randn(2, spec.cells, WIDTH, dtype=torch.float64)
    gathered = layer.gather(x).view(2, 3, 4, -1)
    for puzzle, row, col in np.ndindex(2, 3, 4):
        heard = heard_by_definition(mixer, x[puzzle].view(3, 4, WIDTH), row, col)
        torch.testing.assert_close(gathered[puzzle, row, col], layer.heard(heard))


@pytest.mark.parametrize("shape", [(5, 5), (4, 6)])
def test_neighbours_answer_the_image_of_a_maze_with_the_image_of_its_answer(shape: tuple[int, int]) -> None:
    """Question and both states are turned alike: everything that comes out is turned too, to float error."""
    spec = spec_for(*shape)
    model, inputs = model_of("neighbours", spec), mazes(spec)
    y, z = started(model, len(inputs))
    straight = think(model, inputs, y, z)
    symmetries = views(spec, 8, 0)
    assert len(symmetries) == (8 if shape[0] == shape[1] else 4)
    for symmetry in symmetries:
        cells = torch.from_numpy(symmetry.cells)
        turned = think(model, inputs[:, cells], y[:, cells], z[:, cells])
        for name in ("y", "z", "logits"):
            torch.testing.assert_close(getattr(turned, name), getattr(straight, name)[:, cells])
        torch.testing.assert_close(turned.halt_logit, straight.halt_logit)


def test_directed_neighbours_tell_directions_apart() -> None:
    spec = spec_for(5, 5)
    model, inputs = model_of("directed_neighbours", spec), mazes(spec)
    y, z = started(model, len(inputs))
    straight = think(model, inputs, y, z)
    assert not any(_is_kept(model, inputs, y, z, straight, symmetry) for symmetry in views(spec, 8, 0)[1:])


def _is_kept(
    model: TinyRecursiveModel, inputs: Tensor, y: Tensor, z: Tensor, straight: StepOutput, symmetry: Symmetry
) -> bool:
    cells = torch.from_numpy(symmetry.cells)
    turned = think(model, inputs[:, cells], y[:, cells], z[:, cells])
    return torch.allclose(turned.y, straight.y[:, cells])


def test_directed_neighbours_do_not_notice_where_in_a_grid_they_are() -> None:
    """The same surroundings give the same state: a layer commutes with a shift, away from the border."""
    small, large = spec_for(6, 7), spec_for(9, 11)
    layer, wide = (model_of("directed_neighbours", spec).layers[0] for spec in (small, large))
    x = torch.randn(1, *(small.rows, small.cols, WIDTH), dtype=torch.float64)
    padded = torch.nn.functional.pad(x, (0, 0, 3, 1, 2, 1))
    inner = wide(padded.flatten(1, 2)).view(1, large.rows, large.cols, WIDTH)[:, 2:8, 3:10]
    torch.testing.assert_close(inner, layer(x.flatten(1, 2)).view_as(x))


@pytest.mark.parametrize("mixer", BODIES)
def test_one_set_of_weights_answers_every_size(mixer: str) -> None:
    small, large = (model_of(mixer, spec_for(*shape)) for shape in ((5, 5), (7, 12)))
    large.load_state_dict(small.state_dict())
    inputs = mazes(large.puzzle)
    assert think(large, inputs, *started(large, len(inputs))).logits.shape == (len(inputs), 84, 6)


@pytest.mark.parametrize("mixer", BODIES)
def test_an_answer_keeps_the_maze(mixer: str) -> None:
    spec = spec_for(6, 6)
    model, inputs = model_of(mixer, spec), mazes(spec, 8)
    output = think(model, inputs, *started(model, len(inputs)))
    answers = output.logits.argmax(-1)
    is_open = inputs == OPEN
    assert torch.equal(answers[~is_open], inputs[~is_open])
    assert set(answers[is_open].tolist()) == {OPEN, PATH}
    assert output.logits.isfinite().all()
