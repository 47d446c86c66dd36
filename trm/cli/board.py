"""The board of a puzzle after every supervision step, redrawn in place or one below the other."""

import time
from contextlib import AbstractContextManager
from typing import Any, Literal, Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from trm.interface.solution import Solution, SolveStep, Tokens
from trm.puzzles.drawing.render import render, render_small
from trm.puzzles.grids import text
from trm.puzzles.spec import PuzzleSpec

Drawing = Literal["below", "in place"]
HEAD = 3  # lines beside the board: step, bar, and the one below it
WIDTH = 24  # characters of the bar of a halt probability
PAUSE_SECONDS, PACED = 0.15, 24  # steps come faster than can be seen: the first so many stay for this long
VERDICTS = {
    True: "[green]verified by the rules[/]", False: "[red]breaks the rules[/]", None: "no rules to verify it by",
}  # fmt: skip


class Board(AbstractContextManager["Board"]):
    """Draws the answers to one puzzle, step by step; in place on a terminal alone, since nothing else can be redrawn."""

    def __init__(self, spec: PuzzleSpec, question: Tokens, drawing: Drawing, console: Console) -> None:
        self.spec, self.question, self.console = spec, question, console
        self._previous: dict[int, Tokens] = {}  # chain -> its last answer
        redraws = drawing == "in place" and console.is_terminal
        self._live = Live(console=console, auto_refresh=False) if redraws else None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
            self._live.update(self._draw(self.question, None), refresh=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, step: SolveStep) -> None:
        """Draw the answer after a step; cells that have changed since the one before are lit."""
        previous = self._previous.get(step.chain, self.question)
        self._previous[step.chain] = step.tokens
        of_chain = f" of chain {step.chain}" if len(self._previous) > 1 else ""
        changed = f"{count} cell changed" if (count := len(step.changed_cells)) == 1 else f"{count} cells changed"
        head = f"step {step.step}{of_chain}: halt probability {step.halt_probability:.3f}, {changed}"
        drawn = self._draw(step.tokens, previous)
        if self._live is None:
            self.console.print(head)
            self.console.print(drawn)
            return
        self._live.update(Group(head, _draw_bar(step.halt_probability), drawn), refresh=True)
        if step.step <= PACED:
            time.sleep(PAUSE_SECONDS)

    def _draw(self, tokens: Tokens, previous: Tokens | None) -> Text:
        drawn = render(self.spec, tokens, givens=self.question, previous=previous)
        if self._live is None or drawn.plain.count("\n") + HEAD <= self.console.height:
            return drawn
        return render_small(self.spec, tokens, previous) or drawn  # of what does not fit only the top would be seen


def _draw_bar(share: float) -> Text:
    full = round(share * WIDTH)
    return Text("█" * full, style="green").append("░" * (WIDTH - full), style="dim")


def describe(solution: Solution) -> str:
    """One sentence: how far to trust an answer, and what it took."""
    steps = f"{solution.steps} {'step' if solution.steps == 1 else 'steps'} ({solution.reason})"
    summary = f"{VERDICTS[solution.verified]}; halt probability {solution.halt_probability:.3f} after {steps}"
    if solution.chosen_by == "only":
        return summary
    return (
        f"{summary}; chain {solution.chain} chosen by {solution.chosen_by}, {solution.votes} of {solution.chains} chains agree, "
        f"{solution.total_steps} steps in all"
    )


def to_fields(solution: Solution) -> dict[str, Any]:
    """A solution as the HTTP API has it."""
    names = ("answer", "verified", "halt_probability", "reason", "halted", "chosen_by", "chain", "votes", "chains")
    return {
        "index": 0,
        "question": text(solution.spec, solution.question),
        **{name: getattr(solution, name) for name in names},
        "supervision_steps": solution.steps,
        "total_supervision_steps": solution.total_steps,
    }
