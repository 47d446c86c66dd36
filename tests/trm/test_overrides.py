"""What may change between a checkpoint and the training that continues with its weights."""

from collections.abc import Callable

import pytest

from trm.config.overrides import adjust, fork, resolve
from trm.config.run import RunConfig
from trm.errors import InvalidOverride
from trm.puzzles.datasets.datasets import spec_of

TRAINED = resolve("sudoku-4x4", spec_of("sudoku-4x4"), {})


@pytest.mark.parametrize("go_on", [fork, adjust])
def test_the_depth_of_the_recursion_may_change(go_on: Callable[..., RunConfig]) -> None:
    deeper = go_on(TRAINED, {"model.recursions": 5, "model.latent_steps": 7})
    assert (deeper.model.recursions, deeper.model.latent_steps) == (5, 7)
    assert deeper.train == TRAINED.train


@pytest.mark.parametrize("go_on", [fork, adjust])
@pytest.mark.parametrize("change", [{"model.hidden_size": 32}, {"model.layers": 3}, {"model.random_start": True}])
def test_what_the_weights_were_trained_for_may_not(go_on: Callable[..., RunConfig], change: dict[str, object]) -> None:
    with pytest.raises(InvalidOverride, match="fit no other model"):
        go_on(TRAINED, change)
