"""Plots, drawn with matplotlib (the optional extra `plot`)."""

from importlib.util import find_spec
from pathlib import Path

from trm.errors import PackageMissing
from trm.experiments.results import Row

INCHES_PER_ROW = 0.32


def require_matplotlib() -> None:
    """Raise PackageMissing, saying what to install, when nothing could be drawn; worth asking before long work."""
    if find_spec("matplotlib") is None:
        raise PackageMissing("Plots need matplotlib. Install it with: pip install 'trm-service[plot]'")


def ablation_plot(path: Path, table: list[Row], title: str) -> None:
    """Exact accuracy of every row: a bar for the mean, a dot for each seed."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 1.2 + INCHES_PER_ROW * len(table)), layout="constrained")
    axes = figure.subplots()
    places = range(len(table), 0, -1)
    axes.barh(places, [100 * row.mean for row in table], color="#9ecae1")
    for place, row in zip(places, table, strict=True):
        axes.plot([100 * a for a in row.accuracies], [place] * len(row.accuracies), "o", color="#08519c", markersize=3)
    axes.axvline(100 * table[0].mean, color="#666666", linewidth=0.8, linestyle="--")
    axes.set_yticks(list(places), [row.ablation for row in table])
    axes.set_xlabel("exact accuracy on the test split, % (dots: seeds; dashed: first row)")
    axes.set_title(title, fontsize=9)
    figure.savefig(path, metadata={"Date": None})
