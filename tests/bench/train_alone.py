"""A training that reports nothing: `python -m tests.bench.train_alone CONFIG` prints the seconds at each of its updates."""

import json
import sys
from pathlib import Path

from trm.config.run import RunConfig
from trm.data.splits import load_splits
from trm.interface.events import StepMetrics
from trm.network.device import pick_device
from trm.training.session import Session
from trm.training.trainer import Trainer


def main(path: str) -> None:
    """Train with this configuration."""
    config = RunConfig.model_validate_json(Path(path).read_text())
    session = Session(Trainer(config, load_splits(config.dataset, config), pick_device("cpu")))
    print(json.dumps([event.seconds for event in session.run() if isinstance(event, StepMetrics)]))


if __name__ == "__main__":
    main(sys.argv[1])
