"""What the suite has found out, as JSON, as a table, and as the pages of the documents that are made from it."""

import json
import os
import platform
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

COUNTS = ("tried", "survived", "jobs", "lost", "doubled")
HEAD, SHORT_HEAD = ("what is broken", "fault", *COUNTS), ("what is broken", "faults", *COUNTS)


@dataclass(frozen=True)
class Trial:
    """One fault, tried once."""

    broken: str  # the part
    fault: str
    test: str
    survived: bool  # the test's own claims and every invariant hold
    jobs: int  # accepted meanwhile
    lost: int
    doubled: int
    seconds: float


@dataclass(frozen=True)
class Soak:
    """Random faults for some time."""

    seed: int
    minutes: float
    jobs: dict[str, int]  # by kind
    ends: dict[str, int]  # by status
    faults: dict[str, int]
    lost: int
    doubled: int
    seconds: float  # with the time to recover


@dataclass(frozen=True)
class Report:
    """A whole run of the suite."""

    measured: str
    machine: str
    trials: list[Trial]
    soaks: list[Soak]

    @classmethod
    def read(cls, path: Path) -> "Report":
        """From a file that `as_json` has made."""
        found = json.loads(path.read_text())
        trials = [Trial(**trial) for trial in found["trials"]]
        return cls(found["measured"], found["machine"], trials, [Soak(**soak) for soak in found["soaks"]])

    def rows(self) -> Iterator[tuple[str, ...]]:
        """A line for each fault, in the order of trial."""
        for broken, fault in dict.fromkeys((trial.broken, trial.fault) for trial in self.trials):
            yield broken, fault, *_sums(t for t in self.trials if (t.broken, t.fault) == (broken, fault))

    def groups(self) -> Iterator[tuple[str, ...]]:
        """A line for each part, with the number of its faults."""
        for broken in dict.fromkeys(trial.broken for trial in self.trials):
            ours = [trial for trial in self.trials if trial.broken == broken]
            yield broken, str(len({trial.fault for trial in ours})), *_sums(ours)

    def sentences(self) -> Iterator[str]:
        """Where and when it was measured, and what the soaks were."""
        yield f"Measured on {self.measured}: {self.machine}."
        for soak in self.soaks:
            kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(soak.jobs.items()))
            yield (
                f"Soak with seed {soak.seed}: {soak.minutes:g} minutes, {sum(soak.faults.values())} random faults of "
                f"{len(soak.faults)} kinds, {sum(soak.jobs.values())} jobs ({kinds}), {soak.lost} lost, {soak.doubled} doubled."
            )


def as_json(trials: list[Trial], soaks: list[Soak]) -> str:
    """A report of now and of this machine."""
    cores, python = os.cpu_count(), platform.python_version()
    machine = f"{cores} cores, {platform.machine()}, {platform.system()}, Python {python}"
    report = Report(datetime.now(UTC).date().isoformat(), machine, trials, soaks)
    return json.dumps(asdict(report), indent=1) + "\n"


def markdown(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table."""
    ruler = ("---", "---", *["---:"] * (len(head) - 2))
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ruler, *rows))


def _sums(trials: Iterable[Trial]) -> tuple[str, ...]:
    total: Counter[str] = Counter()
    for trial in trials:
        counts: dict[str, Any] = {"tried": 1, "survived": int(trial.survived), "jobs": trial.jobs}
        total.update(counts | {"lost": trial.lost, "doubled": trial.doubled})
    return tuple(str(total[name]) for name in COUNTS)
