"""Progress covers all that a training does, and the time that is left falls as it goes on."""

from collections.abc import Iterator
from itertools import pairwise
from types import SimpleNamespace

import pytest

from trm.config.run import RunConfig
from trm.interface.events import Evaluated, Evaluating, Event, Finished, Started, StepMetrics, Updated
from workers.training import progress
from workers.training.progress import TrainingProgress

UPDATE, PUZZLE, LOADING = 0.5, 0.01, 5.0  # seconds
STEPS, TEST, VALIDATION, EVERY = 100, 4000, 200, 50


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


@pytest.fixture
def training(config: RunConfig) -> RunConfig:
    train = config.train.model_copy(update={"steps": STEPS, "test_puzzles": None, "evaluate_puzzles": VALIDATION})
    return config.model_copy(update={"train": train})


def life(clock: list[float], first: int = 0) -> Iterator[Event]:
    """A training whose validations hold it up, and whose test takes nearly as long as its updates."""
    clock[0] += LOADING
    yield Started(first, STEPS, 1, "cpu", "float32", first or None, 1000, 300, TEST, 0)
    for step in range(first + 1, STEPS + 1):
        clock[0] += UPDATE
        if step == STEPS:
            yield metrics_of(step)
        if step % EVERY == 0:
            yield from evaluation(clock, step, "validation", VALIDATION)
        if step < STEPS:
            yield Updated(step)
    yield from evaluation(clock, STEPS, "test", TEST)
    yield Updated(STEPS)
    yield Finished(STEPS, 1.0, 1.0, 1)


def metrics_of(step: int) -> StepMetrics:
    return StepMetrics(step, 1.0, 0.0, 0.0, 0.0, 0.0, 0, 0.0, None, None, None, None, [], [], [], [])


def evaluated(step: int, split: str, n: int) -> Evaluated:
    return Evaluated(step, split, n, n * PUZZLE, 1.0, 1.0, None, 1.0, 1.0, [], [], [])


def evaluation(clock: list[float], step: int, split: str, n: int) -> Iterator[Event]:
    for through in range(0, n, 100):
        yield Evaluating(step, split, n, through)
        clock[0] += 100 * PUZZLE
    yield evaluated(step, split, n)


@pytest.mark.parametrize("first", [0, 40])
def test_the_share_is_that_of_the_time_and_the_rest_is_foretold(
    clock: list[float], training: RunConfig, first: int
) -> None:
    heard, seen = TrainingProgress(training), []
    for event in life(clock, first):
        heard.take(event)
        seen.append((clock[0], heard.share, heard.eta_seconds))
    end = clock[0]
    assert all(earlier <= later for (_, earlier, _), (_, later, _) in pairwise(seen))
    assert seen[-1][1:] == (1.0, 0.0)
    for at, share, eta in seen[len(seen) // 2 :]:  # once an evaluation was seen
        assert eta == pytest.approx(end - at, abs=0.12 * (end - seen[0][0]))
        begun = seen[0][0] - first * (UPDATE + VALIDATION * PUZZLE / EVERY)
        assert share == pytest.approx((at - begun) / (end - begun), abs=0.08)


def test_only_an_update_that_nothing_has_held_up_is_timed(clock: list[float], training: RunConfig) -> None:
    heard = TrainingProgress(training)
    timed = [seconds for event in life(clock) if (seconds := heard.take(event)) is not None]
    assert set(timed) == {UPDATE}
    assert len(timed) == STEPS - 3  # not the first, nor those that an evaluation came before


def test_nothing_is_foretold_before_the_first_update(clock: list[float], training: RunConfig) -> None:
    heard = TrainingProgress(training)
    heard.take(next(life(clock)))
    assert (heard.share, heard.eta_seconds) == (0.0, None)
