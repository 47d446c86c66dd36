"""Prepacked weights change the order of bytes in memory, and no answer; elsewhere than on x86 a solver keeps the plain ones."""

import pytest
import torch
from torch import nn

from trm.config.model import ModelConfig
from trm.config.run import RunConfig
from trm.network.compiling import why_not
from trm.network.layers import Linear
from trm.network.model import StepOutput, TinyRecursiveModel
from trm.network.prepacking import PrepackedLinear, can_prepack
from trm.puzzles.puzzle_set import PuzzleSet
from trm.solving.solver import Solver

CPU = torch.device("cpu")
WIDE = {"hidden_size": 256, "layers": 2, "recursions": 1, "latent_steps": 1, "heads": 4}


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
def step(model: TinyRecursiveModel, puzzles: PuzzleSet) -> StepOutput:
    """A supervision step."""
    rows = model.puzzle_rows(torch.zeros(len(puzzles), dtype=torch.int64))
    output: StepOutput = model(
        torch.from_numpy(puzzles.questions), rows, *model.initial_state(len(puzzles), torch.float32)
    )
    return output


def named(model: nn.Module, kind: type[nn.Module]) -> set[str]:
    """Names of the modules of a kind."""
    return {name for name, module in model.named_modules() if type(module) is kind}


@pytest.mark.parametrize(
    ("changes", "compiled"),
    [
        ({"mixer": "mlp"}, False),
        pytest.param({"mixer": "mlp"}, True, marks=pytest.mark.slow),
        ({"mixer": "attention"}, False),
        ({"experts": 2}, False),
    ],
)
def test_a_step_is_the_same_for_any_number_of_puzzles(
    changes: dict[str, object], compiled: bool, config: RunConfig, puzzles: PuzzleSet
) -> None:
    config = wide(config, **changes)
    compiles = compiled and why_not(CPU) is None
    plain = built(config)
    packed = Solver(built(config), config, CPU, compiling="always" if compiles else "never").model
    assert bool(named(packed, PrepackedLinear)) == can_prepack(CPU)
    assert packed.parameter_count() == plain.parameter_count()
    for count in (1, 2, 17):
        for ours, theirs in zip(step(packed, puzzles.take(count)), step(plain, puzzles.take(count)), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_what_multiplies_from_the_left_or_is_narrow_stays_plain(config: RunConfig) -> None:
    wider = wide(config, experts=2, layers=1)
    model = Solver(built(wider), wider, CPU).model
    experts = {f"layers.0.mlp.experts.{number}.{name}" for number in range(2) for name in ("gate_up", "down")}
    assert named(model, PrepackedLinear) == (experts if can_prepack(CPU) else set())
    assert {"layers.0.mixer.mlp.gate_up", "layers.0.mixer.mlp.down", "layers.0.mlp.router"} <= named(model, Linear)
    assert not named(Solver(built(config), config, CPU).model, PrepackedLinear)


def test_a_solver_of_prepacked_weights_answers_the_same(config: RunConfig, puzzles: PuzzleSet) -> None:
    config = wide(config)
    solved = Solver(built(config), config, CPU).solve_tokens(puzzles.questions[:5], keep_trace=True)
    expected = step(built(config), puzzles.take(5)).logits.argmax(-1)
    assert [s.trace[0].tokens.tolist() for s in solved if s.trace] == expected.tolist()
