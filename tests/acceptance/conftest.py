"""The whole stack as real processes, started once for all acceptance tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.registry.settings import Settings
from services.stack import operator
from tests.api import Client, Json
from tests.collector import Collector, collecting

# Small enough to train within seconds.
TINY = {
    "model.hidden_size": 16, "model.layers": 1, "model.latent_steps": 1, "model.max_supervision_steps": 4,
    "train.batch_size": 16, "train.log_every": 5, "train.evaluate_every": 50, "train.evaluate_puzzles": 20,
    "train.checkpoint_every": 20, "train.test_puzzles": 50,
}  # fmt: skip

INTERRUPTIBLE = 300  # steps of it, which take seconds: something can happen meanwhile


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stack")


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    """Where the stack sends its spans."""
    with collecting() as opened:
        yield opened


@pytest.fixture(scope="session")
def stack(data_dir: Path, collector: Collector) -> Iterator[Settings]:
    """A running stack whose leases run out quickly, and which is traced."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")  # milliseconds
        for name, value in {
            "DATA_DIR": str(data_dir), "LEASE_SECONDS": "4", "HEARTBEAT_SECONDS": "1", "REAPER_INTERVAL_SECONDS": "0.5",
            "REPUBLISH_SECONDS": "2", "DEVICE": "cpu",
        }.items():  # fmt: skip
            patch.setenv(f"TRM_{name}", value)
        settings = Settings()
        operator.up(settings, lambda _: None)
        try:
            yield settings
        finally:
            operator.down(settings)


@pytest.fixture
def client(stack: Settings) -> Iterator[Client]:
    running, is_new = operator.up(stack, lambda _: None)  # a second `up` finds the first
    assert not is_new
    with Client(running.api) as open_client:
        yield open_client


def submit_training(client: Client, steps: int) -> Json:
    return client.post("/v1/training-jobs", {"preset": "sudoku-4x4", "overrides": TINY | {"train.steps": steps}})
