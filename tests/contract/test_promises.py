"""What is said twice is said the same: settings, metrics, documents, presets."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry
from pydantic import BaseModel

from deploy.site.metrics import every_family
from services.registry.metrics.metrics import GatewayMetrics
from services.registry.settings import Settings
from tests.openapi import PATHS
from trm.cli.reference import PAGES
from trm.config.ablations import ABLATIONS
from trm.config.model import ModelConfig
from trm.config.overrides import resolve
from trm.config.presets import PRESETS
from trm.config.train import Depth, TrainConfig
from trm.interface.effort import Effort
from trm.puzzles.datasets.datasets import BUILTIN, spec_of

ROOT = Path(__file__).parents[2]


def test_metrics_are_documented() -> None:
    page = (ROOT / "docs/reference/metrics.md").read_text()
    assert {f.name for f in every_family()} == set(re.findall(r"^\| `(trm_[a-z_]+)`", page, re.MULTILINE))


def test_metrics_are_documented_with_their_labels() -> None:
    page = (ROOT / "docs/reference/metrics.md").read_text()
    documented = dict(re.findall(r"^\| `(trm_[a-z_]+)` \| \w+ \| ([^|]+) \|", page, re.MULTILINE))
    expected = {f.name: {label for sample in f.samples for label in sample.labels} - {"le"} for f in every_family()}
    http = GatewayMetrics(CollectorRegistry())  # these have no samples before the first request
    expected["trm_http_requests"] = {*http.http_requests._labelnames}
    expected["trm_http_request_seconds"] = {*http.http_request_seconds._labelnames}
    assert {name: set(labels.split(", ")) - {"-"} for name, labels in documented.items()} == expected


def test_example_environment_lists_every_setting() -> None:
    lines = (ROOT / ".env.example").read_text()
    named = set(re.findall(r"^# TRM_([A-Z_]+)=", lines, re.MULTILINE))
    assert named == {name.upper() for name in Settings.model_fields}


def test_prometheus_scrapes_every_process() -> None:
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}
    assert jobs["gateway"]["static_configs"] == [{"targets": ["gateway:8000"]}]
    [workers] = jobs["workers"]["http_sd_configs"]  # however many there are: each of them tells the gateway
    assert workers["url"] == "http://gateway:8000/metrics/targets"
    assert "/metrics/targets" in PATHS


@pytest.mark.parametrize(
    "module", ["services.gateway.app", "workers.training.train", "workers.reaper", "trm.puzzles.datasets.datasets"]
)
def test_torch_stays_out(module: str) -> None:
    code = f"import {module}, sys; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_imports_run_one_way() -> None:
    subprocess.run([Path(sys.executable).with_name("lint-imports")], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_presets_resolve_with_their_data_sets(name: str) -> None:
    config = resolve(name, spec_of(PRESETS[name].dataset))
    assert config.dataset in BUILTIN


@pytest.mark.parametrize("page", [*PAGES])
def test_presets_and_settings_are_documented(page: str) -> None:
    assert (ROOT / f"docs/reference/{page}.md").read_text() == PAGES[page](), f"python -m trm inspect --page {page}"


@pytest.mark.parametrize("model", [ModelConfig, TrainConfig, Depth, Effort])
def test_every_setting_is_explained(model: type[BaseModel]) -> None:
    assert [name for name, field in model.model_fields.items() if not field.description] == []


def test_ablations_are_documented() -> None:
    page = (ROOT / "docs/explanation/what-helps.md").read_text()
    assert {name for name in ABLATIONS if f"| {name} |" not in page} == set()


def test_defaults_are_the_official_ones() -> None:
    model, train = ModelConfig(), TrainConfig()
    assert (model.hidden_size, model.layers, model.heads, model.expansion) == (512, 2, 8, 4)
    assert (model.recursions, model.latent_steps, model.max_supervision_steps, model.prefix_tokens) == (3, 6, 16, 16)
    assert (train.learning_rate, train.weight_decay, train.beta1, train.beta2) == (1e-4, 1.0, 0.9, 0.95)
    assert (train.batch_size, train.warmup_steps, train.min_learning_rate_ratio) == (768, 2_000, 1.0)
    assert (train.ema_decay, train.halt_exploration, train.halt_loss_weight, train.loss) == (
        0.999,
        0.1,
        0.5,
        "stablemax",
    )
    assert train.steps == 65_104  # 50,000 epochs of 1,000 puzzles in batches of 768
    assert PRESETS["sudoku-extreme"].model == model
    assert PRESETS["sudoku-extreme"].train == train
