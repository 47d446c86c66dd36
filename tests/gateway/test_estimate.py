"""A submission says how long it will take, and which warnings apply."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event

from services.gateway.lookups.pace_lookup import PaceLookup
from services.gateway.schemas.job import Estimate
from services.gateway.views.estimate import estimate
from services.registry.access.visibility import EVERYTHING
from services.registry.db.database import Database
from services.registry.db.operations_tables import WorkerProcess
from services.registry.jobs.requirements import Requirements
from services.registry.runs.paces import Measured
from trm.config.cost import duration, efficiency, update_flops
from trm.config.overrides import resolve
from trm.config.presets import PRESETS, find_misfit
from trm.config.run import RunConfig
from trm.puzzles.datasets.datasets import spec_of
from trm.puzzles.spec import PuzzleSpec

NOW = datetime.now(UTC)
HOURS = 24
OLDEST = 1.0  # seconds


def configuration(preset: str, **changes: object) -> RunConfig:
    data = PRESETS[preset].dataset
    return resolve(preset, spec_of(data), {f"train.{name}": value for name, value in changes.items()}, data)


def worker(device: str, cores: int = 2) -> WorkerProcess:
    return WorkerProcess(name="w", role="train", metrics="h:1", device=device, cores=cores, started_at=NOW, seen_at=NOW)


def test_the_same_configuration_is_timed_as_it_was() -> None:
    before, after = configuration("sudoku-4x4"), configuration("sudoku-4x4", steps=1000, learning_rate=1e-4)
    measured = [Measured(before.model_dump(mode="json"), 0.25)]
    assert estimate(after, measured, [worker("cpu")], 1000, HOURS) == Estimate(
        seconds=250.0, basis="measured", warnings=[]
    )


def test_another_one_is_scaled_by_its_arithmetic() -> None:
    before, after = configuration("sudoku-4x4"), configuration("sudoku-extreme")
    said = estimate(after, [Measured(before.model_dump(mode="json"), 0.25)], [worker("cpu")], 1000, HOURS)
    expected = after.train.steps * 0.25 * update_flops(after) / update_flops(before) * efficiency(before.model)
    assert said.seconds == pytest.approx(expected, abs=1)
    assert said.basis == "scaled"
    assert "occupy a worker for about" in said.warnings[0]


SHALLOW = {"recursions": 1, "latent_steps": 1}


@pytest.mark.parametrize(
    ("changes", "calls"),
    [
        ({"depth_curriculum": [SHALLOW | {"until": 1}]}, 2 * 3),
        ({"depth_curriculum": [SHALLOW | {"until": 0.25}]}, 0.25 * 2 * 3 + 0.75 * 3 * (1 + 1 + 3)),
        ({"starts": 4}, 3 * (3 + (1 + 1 + 3) / 4)),
    ],
)
def test_depth_curriculum_and_starts_count(changes: dict[str, object], calls: float) -> None:
    small = {"latent_steps": 2, "recursions": 3, "random_start": True}
    plain, changed = (
        resolve("sudoku-4x4", spec_of("sudoku-4x4"), {f"model.{name}": value for name, value in small.items()} | train)
        for train in ({}, {f"train.{name}": value for name, value in changes.items()})
    )
    assert update_flops(changed) / update_flops(plain) == pytest.approx(calls / (3 * (1 + 1 + 3)))


@pytest.mark.parametrize("change", [{"starts": 4}, {"depth_curriculum": [SHALLOW | {"until": 1}]}])
def test_what_was_timed_without_it_does_not_time_it(change: dict[str, object]) -> None:
    random = {"model.random_start": True}
    before, after = (
        resolve("sudoku-4x4", spec_of("sudoku-4x4"), random | {f"train.{name}": value for name, value in train.items()})
        for train in ({}, change)
    )
    measured = [Measured(before.model_dump(mode="json"), 0.25)]
    assert estimate(after, measured, [worker("cpu")], 1000, HOURS).basis == "scaled"


@pytest.mark.parametrize(("device", "slower"), [("cpu", True), ("cuda", False)])
def test_without_any_run_the_device_is_assumed(device: str, slower: bool) -> None:
    said = estimate(configuration("sudoku-extreme"), [], [worker(device)], 1000, HOURS)
    assert said.basis == "assumed"
    assert (said.seconds > HOURS * 3600) is slower
    assert bool(said.warnings) is slower


def test_runs_of_other_code_are_passed_over() -> None:
    said = estimate(configuration("sudoku-4x4"), [Measured({"model": {"unheard": 1}}, 1.0)], [], None, HOURS)
    assert said.basis == "assumed"
    assert "No training worker" in said.warnings[0]


def test_a_data_set_smaller_than_a_batch_is_warned_of() -> None:
    said = estimate(configuration("sudoku-4x4"), [], [worker("cpu")], 10, HOURS)
    assert "10 training puzzles" in said.warnings[0]


@pytest.mark.parametrize(
    ("preset", "dataset", "words"),
    [
        ("sudoku-4x4", "sudoku-6x6", "was made for sudoku of 4x4 cells, and these puzzles are sudoku of 6x6 cells"),
        ("sudoku-6x6", "maze-hard", "these puzzles are maze of 30x30 cells.* Made for such: maze-hard"),
        ("sudoku-extreme", "arc-2", "these puzzles are arc of 30x30 cells.* Made for such: arc-1"),
        ("arc-1", "sudoku-4x4", "was made for arc of 30x30 cells.* Made for such: sudoku-4x4"),
    ],
)
def test_puzzles_that_a_preset_was_not_made_for_are_warned_of(
    preset: str, dataset: str, words: str, client: TestClient
) -> None:
    plan = client.post("/v1/training-jobs?dry_run=true", json={"preset": preset, "dataset": dataset}).json()
    assert any(re.search(words, warning) for warning in plan["estimate"]["warnings"])
    ids = {"arc-1": 876_406, "arc-2": 1_191_730}
    assert plan["config"]["model"]["puzzle_ids"] == ids.get(
        dataset, 1
    )  # a training of other puzzles has no table of ARC's


@pytest.mark.parametrize("preset", PRESETS)
def test_no_preset_is_warned_of_for_its_own_puzzles(preset: str) -> None:
    assert find_misfit(preset, spec_of(PRESETS[preset].dataset)) is None


def test_smaller_puzzles_and_own_kinds_are_no_misfit() -> None:
    assert find_misfit("sudoku-6x6", spec_of("sudoku-4x4")) is None
    assert find_misfit("sudoku-extreme", PuzzleSpec(kind="grid", rows=5, cols=5, symbols=tuple("ab"))) is None


def test_no_warning_without_a_stated_time() -> None:
    assert estimate(configuration("sudoku-extreme"), [], [worker("cpu")], 1000, 0).warnings == []


def test_the_answer_to_a_submission_has_it_and_so_has_the_job(client: TestClient) -> None:
    body = {"preset": "sudoku-extreme", "overrides": {"train.steps": 518_226}}
    job = client.post("/v1/training-jobs", json=body).json()
    assert any("occupy a worker" in warning for warning in job["estimate"]["warnings"])
    assert client.get(f"/v1/jobs/{job['id']}").json()["estimate"] == job["estimate"]


def test_presets_say_what_to_train_them_on(client: TestClient) -> None:
    said = {preset["name"]: preset["hardware"] for preset in client.get("/v1/presets").json()["data"]}
    assert said["sudoku-4x4"].startswith("A CPU is enough")
    assert said["sudoku-extreme"].startswith("A GPU")
    assert all(said[name].startswith("A CPU is enough: about") for name in ("sudoku", "sudoku-1k", "maze"))
    assert client.get("/v1/presets/sudoku-extreme").json()["hardware"] == said["sudoku-extreme"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(3, "less than a minute"), (50, "about 1 minute"), (300, "about 5 minutes"), (7200, "about 2 hours"),
     (200_000, "about 2 days"), (1_300_000, "about 2 weeks"), (123_000_000, "about 4 years")],
)  # fmt: skip
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_a_sweep_reads_the_workers_once_and_sees_a_new_one_within_a_second(database: Database) -> None:
    def register(name: str) -> None:
        with database.transaction() as session:
            session.add(
                WorkerProcess(
                    name=name,
                    role="train",
                    metrics="h:1",
                    device="cpu",
                    cores=2,
                    started_at=NOW,
                    seen_at=datetime.now(UTC),
                )
            )

    asked = list[str]()
    event.listen(database.engine, "before_cursor_execute", lambda _c, _cur, sql, *_: asked.append(sql))
    lookup = PaceLookup(database)
    register("first")
    asked.clear()
    begun = time.monotonic()
    with ThreadPoolExecutor(8) as clients:
        found = list(clients.map(lambda _: lookup.find(EVERYTHING, Requirements()), range(100)))
    reads = sum("FROM workers" in sql for sql in asked)
    assert 1 <= reads <= 1 + time.monotonic() - begun + OLDEST
    assert {len(workers) for _, workers in found} == {1}

    register("second")
    time.sleep(OLDEST)
    _, workers = lookup.find(EVERYTHING, Requirements())
    assert {worker.name for worker in workers} == {"first", "second"}
    assert lookup.find(EVERYTHING, Requirements(device="cuda"))[1] == []
