"""Runs: trainings, and the numbers that they have left."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from trm.client.api import Checkpoint, Run, RunEvaluation, RunMetric, RunMetrics, RunSummary
from trm.client.nouns.jobs import label_params
from trm.client.record import Page, id_of
from trm.client.transport import Noun

ROWS_AT_ONCE = 5000


class Runs(Noun):
    """`client.runs`; a run is given as a `Run`, a `RunSummary` or its id."""

    def list(
        self,
        *,
        name: str | None = None,
        tag: Sequence[str] = (),
        metadata: Mapping[str, str] | None = None,
        page_size: int = 100,
    ) -> Iterator[RunSummary]:
        """Every run with these labels, newest first."""
        asked = {"name": name, **label_params(tag, metadata)}
        return self._transport.list("listRuns", Page[RunSummary], params=asked, page_size=page_size)

    def get(self, run: RunSummary | str) -> Run:
        """One run, with its whole configuration."""
        return self._transport.ask("getRun", Run, path={"run_id": id_of(run)})

    def metrics(self, run: RunSummary | str, *, after_step: int = 0, every: int = 1) -> Iterator[RunMetric]:
        """The logged steps after one, in order; of every so many steps only the last that was logged."""
        after: int | None = after_step
        while after is not None:
            asked = {"after_step": after, "every": every, "limit": ROWS_AT_ONCE}
            rows = self._transport.ask("listRunMetrics", RunMetrics, path={"run_id": id_of(run)}, params=asked)
            yield from rows.data
            after = rows.next_after_step

    def curve(self, run: RunSummary | str, *, after_step: int = 0, max_points: int = 500) -> RunMetrics:
        """The whole curve after a step in at most so many rows, from 10 to 5000, as a plot needs them."""
        asked = {"after_step": after_step, "max_points": max_points}
        return self._transport.ask("listRunMetrics", RunMetrics, path={"run_id": id_of(run)}, params=asked)

    def evaluations(
        self, run: RunSummary | str, *, order: Literal["oldest", "newest"] = "oldest", page_size: int = 100
    ) -> Iterator[RunEvaluation]:
        """Its evaluations on held-out puzzles, oldest or newest first."""
        path, asked = {"run_id": id_of(run)}, {"order": order}
        return self._transport.list(
            "listRunEvaluations", Page[RunEvaluation], path=path, params=asked, page_size=page_size
        )

    def checkpoints(self, run: RunSummary | str, *, page_size: int = 100) -> Iterator[Checkpoint]:
        """Its checkpoints, newest first."""
        path = {"run_id": id_of(run)}
        return self._transport.list("listRunCheckpoints", Page[Checkpoint], path=path, page_size=page_size)
