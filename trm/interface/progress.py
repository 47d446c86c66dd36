"""A training's events, for people: a progress bar and a line per evaluation and checkpoint."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from trm.interface.events import (
    CheckpointFailed,
    CheckpointSaved,
    Evaluated,
    Evaluating,
    Event,
    Finished,
    Started,
    StepMetrics,
    Stopped,
    Updated,
)


def share(value: float | None) -> str:
    """A share as a percentage, or a dash when there is none."""
    return "-" if value is None else f"{value:.1%}"


class Reporter:
    """Shows events as they come; the bar is drawn on terminals only, the lines everywhere."""

    def __init__(self) -> None:
        self.console = Console(highlight=False)
        self.progress = Progress(
            TextColumn("[bold]training"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[news]}"),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self.task = self.progress.add_task("train", total=None, news="")

    def tell(self, event: Event) -> None:
        """Show one event."""
        match event:
            case Started():
                self._report_start(event)
            case Updated():
                self.progress.update(self.task, completed=event.step)
            case StepMetrics():
                self._report_metrics(event)
            case Evaluating():
                self._report_wait(f"{event.split} split: {event.through:,} of {event.n:,} puzzles")
            case Evaluated():
                self.console.print(self._describe_evaluation(event))
            case CheckpointSaved():
                self.console.print(f"step {event.step:>6}  saved {event.path} ({event.bytes / 1e6:.1f} MB)")
            case Stopped():
                self.progress.stop()
                self.console.print(f"stopped at step {event.step}; continue with --resume")
            case CheckpointFailed():
                self.console.print(f"step {event.step:>6}  [bold red]not saved[/] {event.message}")
            case Finished():
                self.progress.stop()
                self.console.print(
                    f"finished {event.step} steps in {event.seconds:.1f} s, {_describe_exact(event.exact_accuracy)}"
                )

    def _report_start(self, event: Started) -> None:
        resumed = f", resumed at step {event.resumed_from}" if event.resumed_from is not None else ""
        self.console.print(
            f"{event.parameters:,} parameters on {event.device} ({event.precision}), {event.train_puzzles:,} training, "
            f"{event.validation_puzzles:,} validation and {event.test_puzzles:,} test puzzles{resumed}"
        )
        if event.overlap:
            self.console.print(
                f"[yellow]{event.overlap:,} test puzzles are equivalent to training puzzles: accuracy will be overstated. See trm audit.[/]"
            )
        self.progress.update(self.task, total=event.total_steps, completed=event.step)
        self.progress.start()

    def _report_metrics(self, event: StepMetrics) -> None:
        steps = "-" if event.mean_supervision_steps is None else f"{event.mean_supervision_steps:.1f}"
        news = f"loss {event.loss:.3f}  exact {share(event.exact_accuracy)}  halts at {steps}"
        self.progress.update(self.task, news=news)
        if not self.console.is_terminal:
            self.console.print(f"step {event.step:>6}  {news}  {event.puzzles_per_second:.0f} puzzles/s")

    def _report_wait(self, news: str) -> None:
        self.progress.update(self.task, news=news)
        if not self.console.is_terminal:
            self.console.print(news)

    @staticmethod
    def _describe_evaluation(event: Evaluated) -> str:
        if event.exact_accuracy is None:
            return f"step {event.step:>6}  [bold]{event.split}[/] no answers to compare with"
        return (
            f"step {event.step:>6}  [bold]{event.split}[/] exact {share(event.exact_accuracy)}, cells {share(event.cell_accuracy)}"
            f" of {event.n} puzzles; would halt at step {event.mean_supervision_steps:.1f}"
        )


def _describe_exact(value: float | None) -> str:
    return "no answers to compare with" if value is None else f"exact accuracy {share(value)}"


@contextmanager
def waiting(doing: str) -> Iterator[None]:
    """What is being done and for how long, on stderr, for work whose end is not known; drawn on terminals only."""
    err = Console(stderr=True)
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        bar.add_task(doing, total=None)
        yield


@contextmanager
def progress(total: int, doing: str, *, quiet: bool) -> Iterator[Callable[[], None]]:
    """A bar on stderr; the value advances it by one."""
    with Progress(console=Console(stderr=True), disable=quiet) as bar:
        task = bar.add_task(doing, total=total)
        yield lambda: bar.advance(task)
