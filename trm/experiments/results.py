"""Results of ablations: one trial a seed, one row an ablation, as a table."""

import statistics
from dataclasses import dataclass

BASE = "base"  # the recipe as it is


@dataclass(frozen=True)
class Trial:
    """One training of one ablation with one seed."""

    ablation: str
    seed: int
    parameters: int
    exact_accuracy: float  # on the whole test split
    cell_accuracy: float
    mean_supervision_steps: float
    seconds: float


@dataclass(frozen=True)
class Row:
    """The trials of one ablation together."""

    ablation: str
    parameters: int
    accuracies: tuple[float, ...]  # exact, one a seed
    cell_accuracy: float
    seconds: float  # mean of a training

    @property
    def mean(self) -> float:
        """Mean exact accuracy."""
        return statistics.fmean(self.accuracies)

    @property
    def spread(self) -> float:
        """Standard deviation between seeds (n - 1); 0 for one seed."""
        return statistics.stdev(self.accuracies) if len(self.accuracies) > 1 else 0.0


def rows(trials: list[Trial], order: list[str]) -> list[Row]:
    """One row an ablation, in this order."""
    found = []
    for name in order:
        own = sorted((t for t in trials if t.ablation == name), key=lambda t: t.seed)
        if own:
            accuracies = tuple(t.exact_accuracy for t in own)
            cells, seconds = (
                statistics.fmean(getattr(t, field) for t in own) for field in ("cell_accuracy", "seconds")
            )
            found.append(Row(name, own[0].parameters, accuracies, cells, seconds))
    return found


def markdown(table: list[Row], heading: str) -> str:
    """The table as Markdown, differences against the base where it was run."""
    base = next((row.mean for row in table if row.ablation == BASE), None)
    lines = [heading, "", "| recipe | exact, mean | spread | against base | cells | parameters | seconds |"]
    lines.append("|---|---:|---:|---:|---:|---:|---:|")
    for row in table:
        against = "" if base is None or row.ablation == BASE else f"{100 * (row.mean - base):+.1f}"
        lines.append(
            f"| {row.ablation} | {100 * row.mean:.1f} | {100 * row.spread:.1f} | {against} | {100 * row.cell_accuracy:.1f} "
            f"| {row.parameters:,} | {row.seconds:.0f} |"
        )
    return "\n".join(lines) + "\n"
