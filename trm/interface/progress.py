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

from trm.interface import events


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

    def tell(self, event: events.Event) -> None:
        """Show one event."""
        match event:
            case events.Started():
                self._report_start(event)
            case events.Updated():
                self.progress.update(self.task, completed=event.step)
            case events.StepMetrics():
                self._report_metrics(event)
            case events.Evaluating():
                news = f"{event.split} split: {event.through:,} of {event.n:,} puzzles"
                self._report_news(news, news)
            case events.Evaluated():
                self.console.print(self._describe_evaluation(event))
            case events.CheckpointSaved():
                self.console.print(f"step {event.step:>6}  saved {event.path} ({event.bytes / 1e6:.1f} MB)")
            case events.Stopped():
                self.progress.stop()
                self.console.print(f"stopped at step {event.step}; continue with --resume")
            case events.CheckpointFailed():
                self.console.print(f"step {event.step:>6}  [bold red]not saved[/] {event.message}")
            case events.Finished():
                self.progress.stop()
                exact = event.exact_accuracy
                score = "no answers to compare with" if exact is None else f"exact accuracy {share(exact)}"
                self.console.print(f"finished {event.step} steps in {event.seconds:.1f} s, {score}")

    def _report_start(self, event: events.Started) -> None:
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

    def _report_metrics(self, event: events.StepMetrics) -> None:
        steps = "-" if event.mean_supervision_steps is None else f"{event.mean_supervision_steps:.1f}"
        news = f"loss {event.loss:.3f}  exact {share(event.exact_accuracy)}  halts at {steps}"
        self._report_news(news, f"step {event.step:>6}  {news}  {event.puzzles_per_second:.0f} puzzles/s")

    def _report_news(self, news: str, line: str) -> None:
        """Beside the bar, or as a line where none is drawn."""
        self.progress.update(self.task, news=news)
        if not self.console.is_terminal:
            self.console.print(line)

    @staticmethod
    def _describe_evaluation(event: events.Evaluated) -> str:
        if event.exact_accuracy is None:
            return f"step {event.step:>6}  [bold]{event.split}[/] no answers to compare with"
        return (
            f"step {event.step:>6}  [bold]{event.split}[/] exact {share(event.exact_accuracy)}, cells {share(event.cell_accuracy)}"
            f" of {event.n} puzzles; would halt at step {event.mean_supervision_steps:.1f}"
        )


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
