"""The pictures of docs/explanation/performance.md."""

from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

if TYPE_CHECKING:
    from tests.bench.growth import Point
    from tests.bench.roofline import Operation


def growth_plot(path: Path, points: "list[Point]") -> None:
    """A panel for each thing that grows, from 0 ms upwards over a logarithmic axis."""
    panels = list(dict.fromkeys(point.against for point in points))
    figure = Figure(figsize=(4.2 * len(panels), 3.8), layout="constrained")
    for axes, against in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for what in dict.fromkeys(point.what for point in points if point.against == against):
            own = [point for point in points if point.what == what]
            axes.plot([max(1, p.x) for p in own], [1000 * p.seconds for p in own], "o-", markersize=3, label=what)
        axes.set(xscale="log", xlabel=against, ylabel="ms")
        places = sorted({point.x for point in points if point.against == against})
        axes.set_xticks([max(1, x) for x in places], [f"{x:,}" for x in places], fontsize=7)
        axes.minorticks_off()
        axes.set_ylim(bottom=0)
        axes.legend(fontsize=6)
    figure.savefig(path, metadata={"Date": None})


def roofline_plot(path: Path, operations: "list[Operation]", peak: float, bandwidth: float) -> None:
    """FLOP/s over FLOP a byte, below the roof that memory and arithmetic make."""
    figure = Figure(figsize=(7, 4.4), layout="constrained")
    axes = figure.subplots()
    span = [0.3, peak / bandwidth, 1000]
    axes.plot(span, [min(peak, x * bandwidth) / 1e9 for x in span], color="#333333", linewidth=1)
    axes.annotate(f"{peak / 1e9:.0f} GFLOP/s", (span[1] * 1.2, peak / 1e9 * 1.08), fontsize=7)
    axes.annotate(f"{bandwidth / 1e9:.1f} GB/s", (0.5, 0.5 * bandwidth / 1e9 * 1.5), fontsize=7, rotation=35)
    for one in operations:
        axes.plot(one.flops / one.bytes, one.flops / one.seconds / 1e9, "o", markersize=6, label=one.name)
    axes.set(xscale="log", yscale="log", xlabel="FLOP for each byte that must be touched", ylabel="GFLOP/s")
    axes.legend(fontsize=7, loc="lower right")
    figure.savefig(path, metadata={"Date": None})
