"""Prepacked weights change the order of bytes in memory, and no answer."""

import pytest
import torch
from torch import nn

from trm.compiling import compiled_blocks, why_not
from trm.config import ModelConfig, RunConfig
from trm.layers import Linear
from trm.model import Thought, TinyRecursiveModel
from trm.prepacking import PrepackedLinear, can_prepack, prepack
from trm.puzzles.puzzle_set import PuzzleSet
from trm.solver import Solver

CPU = torch.device("cpu")
WIDE = {"hidden_size": 256, "layers": 2, "recursions": 1, "latent_steps": 1, "heads": 4}
needs_onednn = pytest.mark.skipif(not can_prepack(CPU), reason="weights are prepacked on x86 only")


def wide(config: RunConfig, **changes: object) -> RunConfig:
    """The same training with a network that is wide enough."""
    model = ModelConfig.model_validate(config.model.model_dump() | WIDE | changes)
    return config.model_copy(update={"model": model})


def built(config: RunConfig) -> TinyRecursiveModel:
    """The network with its first weights, which stand still."""
    model = TinyRecursiveModel(config.model, config.puzzle)
    model.initialise(torch.Generator().manual_seed(0))
    return model.requires_grad_(False)


@torch.inference_mode()
def step(model: TinyRecursiveModel, puzzles: PuzzleSet) -> Thought:
    """A supervision step."""
    rows, state = model.puzzle_rows(torch.zeros(len(puzzles), dtype=torch.int64)), torch.float32
    thought: Thought = model(torch.from_numpy(puzzles.questions), rows, *model.initial_state(len(puzzles), state))
    return thought


def linears(model: nn.Module, kind: type[nn.Module]) -> list[str]:
    """Names of the modules of a kind."""
    return sorted(name for name, module in model.named_modules() if type(module) is kind)


@needs_onednn
@pytest.mark.parametrize("changes", [{"mixer": "mlp"}, {"mixer": "attention"}, {"experts": 2}])
def test_a_step_is_the_same(changes: dict[str, object], config: RunConfig, puzzles: PuzzleSet) -> None:
    plain, packed = built(wide(config, **changes)), built(wide(config, **changes))
    prepack(packed)
    assert linears(packed, PrepackedLinear)
    for count in (1, 2, 17):
        for ours, theirs in zip(step(packed, puzzles.take(count)), step(plain, puzzles.take(count)), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@needs_onednn
@pytest.mark.skipif(why_not(CPU) is not None, reason="no compiler")
def test_a_compiled_step_is_the_same_for_any_number_of_puzzles(config: RunConfig, puzzles: PuzzleSet) -> None:
    plain, packed = built(wide(config)), built(wide(config))
    prepack(packed)
    compiled_blocks(packed, CPU, any_batch=True)
    for count in (1, 2, 17):
        for ours, theirs in zip(step(packed, puzzles.take(count)), step(plain, puzzles.take(count)), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@needs_onednn
def test_what_multiplies_from_the_left_or_is_narrow_stays(config: RunConfig) -> None:
    model = built(wide(config, experts=2, layers=1))
    names = linears(model, Linear)
    prepack(model)
    assert linears(model, PrepackedLinear) == [n for n in names if "layers.0.mlp.experts" in n]
    assert set(linears(model, Linear)) == set(names) - set(linears(model, PrepackedLinear))
    assert "layers.0.mixer.mlp.down" in linears(model, Linear)
    assert "layers.0.mlp.router" in linears(model, Linear)
    narrow = built(config)
    prepack(narrow)
    assert not linears(narrow, PrepackedLinear)


def test_a_solver_prepacks_where_it_can_and_answers_the_same(config: RunConfig, puzzles: PuzzleSet) -> None:
    config = wide(config)
    solver, plain = Solver(built(config), config, CPU), built(config)
    assert bool(linears(solver.model, PrepackedLinear)) == can_prepack(CPU)
    assert solver.model.parameter_count() == plain.parameter_count()
    solved = solver.solve(puzzles.questions[:5], keep_trace=True)
    expected = step(plain, puzzles.take(5)).logits.argmax(-1)
    assert [s.trace[0].answer.tolist() for s in solved if s.trace] == expected.tolist()
