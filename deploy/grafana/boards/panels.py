"""The kinds of panels that the boards have, and their queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from grafana_foundation_sdk.builders import barchart, common, dashboard, heatmap, prometheus, stat, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common as plain
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    DataSourceRef,
    DynamicConfigValue,
    GridPos,
    Threshold,
    ThresholdsMode,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

PROMETHEUS = DataSourceRef("prometheus", "trm-prometheus")
POSTGRES = DataSourceRef("postgres", "trm-postgres")
CONSOLE = "${console}/#/"  # the address is a variable of every board
RATE = "[$__rate_interval]"
GREEN, ORANGE, RED = "green", "orange", "red"


class Sql(Builder[Dataquery], Dataquery):
    """A query of the database; the library has no class for Grafana's Postgres plugin."""

    def __init__(self, query: str, shape: str) -> None:
        self.query, self.shape, self.ref_id = " ".join(query.split()), shape, "A"

    def build(self) -> Self:
        """Itself."""
        return self

    def to_json(self) -> dict[str, object]:
        """As the plugin stores it."""
        asked = {"rawSql": self.query, "format": self.shape, "rawQuery": True, "editorMode": "code"}
        return {"datasource": POSTGRES, "refId": self.ref_id, **asked}


Queries = Mapping[str, str] | str  # PromQL by its legend, or SQL


@dataclass(frozen=True)
class Panel:
    """A panel before it is built, and the page of the console that it leads to: its section's, unless it has another."""

    builder: Any  # every kind of panel has a class of its own, with the same methods
    page: str | None


def quantile(share: float, metric: str, *by: str, where: str = "") -> str:
    """A quantile of a histogram over all processes, or for each value of some labels."""
    labels = ", ".join(("le", *by))
    return f"histogram_quantile({share}, sum by ({labels}) (rate({metric}_bucket{where}{RATE})))"


def typical_and_slow(metric: str, *by: str) -> dict[str, str]:
    """Queries of the median and the 95th percentile of a histogram, by their legend."""
    each = "".join(f"{{{{{label}}}}} " for label in by)
    return {f"{each}median": quantile(0.5, metric, *by), f"{each}95th percentile": quantile(0.95, metric, *by)}


def lines(
    title: str,
    description: str,
    queries: Queries,
    *,
    unit: str = "none",
    page: str | None = None,
    at: Sequence[float] = (),
    width: int = 8,
    stack: bool = False,
    exemplars: bool = False,
) -> Panel:
    """Lines over time; `at` are the values from which it is a warning and an error."""
    legend = (
        common.VizLegendOptions()
        .display_mode(plain.LegendDisplayMode.TABLE)
        .placement(plain.LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs(["lastNotNull", "max"])
    )
    tooltip = common.VizTooltipOptions().mode(plain.TooltipDisplayMode.MULTI).sort(plain.SortOrder.DESCENDING)
    panel = timeseries.Panel().unit(unit).legend(legend).tooltip(tooltip).line_width(1).fill_opacity(8)
    panel.show_points(plain.VisibilityMode.AUTO).axis_soft_min(0)
    if unit == "percentunit":
        panel.min(0).max(1)
    if stack:
        panel.stacking(common.StackingConfig().mode(plain.StackingMode.NORMAL).group("A")).fill_opacity(40)
    if at:
        panel.thresholds(_thresholds(at))
        panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(plain.GraphThresholdsStyleMode.DASHED))
    return _finish(panel, title, description, queries, page, width, 9, exemplars=exemplars)


def number(
    title: str,
    description: str,
    query: str,
    *,
    unit: str = "none",
    page: str | None = None,
    at: Sequence[float] = (),
) -> Panel:
    """The last value, large, in the colour of its threshold; `at` may fall, where less is worse."""
    last = common.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(False)
    panel = stat.Panel().unit(unit).reduce_options(last).graph_mode(plain.BigValueGraphMode.AREA)
    panel.color_mode(plain.BigValueColorMode.VALUE).thresholds(_thresholds(at))
    return _finish(panel, title, description, {"": query}, page, 6, 5)


def rows(
    title: str,
    description: str,
    query: str,
    *,
    page: str | None = None,
    link: str | None = None,
    width: int = 12,
    units: Mapping[str, str] | None = None,
) -> Panel:
    """A table of the database's rows; the column `id` leads to its page `link` of the console."""
    panel = table.Panel().unit("none").filterable(True).cell_height(plain.TableCellHeight.SM)
    if link is not None:
        target = {"title": "Open in the console", "url": f"{CONSOLE}{link}/${{__value.raw}}", "targetBlank": True}
        panel.override_by_name("id", [DynamicConfigValue("links", [target])])
    for column, unit in (units or {}).items():
        panel.override_by_name(column, [DynamicConfigValue("unit", unit)])
    return _finish(panel, title, description, query, page, width, 9, shape="table")


def bars(title: str, description: str, query: str, *, page: str | None = None) -> Panel:
    """Bars of shares for the rows of a table, whose first column names them."""
    legend = common.VizLegendOptions().show_legend(True).placement(plain.LegendPlacement.BOTTOM)
    legend.display_mode(plain.LegendDisplayMode.LIST)
    panel = barchart.Panel().unit("percentunit").legend(legend).show_value(plain.VisibilityMode.AUTO).fill_opacity(70)
    return _finish(panel, title, description, query, page, 12, 9, shape="table")


def heat(title: str, description: str, query: str) -> Panel:
    """How the observations of a histogram spread over its buckets, over time."""
    panel = heatmap.Panel().unit("none").calculate(False).filter_values(heatmap.FilterValueRange().le(1e-9))
    panel.show_legend().mode(plain.TooltipDisplayMode.SINGLE).show_y_histogram()
    return _finish(panel, title, description, {"{{le}}": query}, None, 8, 9, heat=True)


def _finish(
    panel: Any,  # noqa: ANN401 - as `Panel.builder`
    title: str,
    description: str,
    queries: Queries,
    page: str | None,
    width: int,
    height: int,
    *,
    shape: str = "time_series",
    heat: bool = False,
    exemplars: bool = False,
) -> Panel:
    panel.title(title).description(description).grid_pos(GridPos(h=height, w=width))
    if isinstance(queries, str):
        panel.datasource(POSTGRES).with_target(Sql(queries, shape))
        return Panel(panel, page)
    panel.datasource(PROMETHEUS)
    for ref, (legend, expression) in zip("ABCDEFGH", queries.items(), strict=False):
        query = prometheus.Dataquery().expr(expression).legend_format(legend).ref_id(ref).datasource(PROMETHEUS)
        query.range().exemplar(exemplars)
        panel.with_target(query.format(PromQueryFormat.HEATMAP if heat else PromQueryFormat.TIME_SERIES))
    return Panel(panel, page)


def link(title: str, url: str) -> dashboard.DashboardLink:
    """A link that opens a page beside the board."""
    return dashboard.DashboardLink(title).url(url).type(DashboardLinkType.LINK).target_blank(True)


def _thresholds(at: Sequence[float]) -> dashboard.ThresholdsConfig:
    """Green, orange from the first value, red from the last; a falling pair starts in red."""
    colors = [GREEN, *([ORANGE] * (len(at) - 1)), *([RED] if at else [])]
    if list(at) != sorted(at):
        at, colors = [*reversed(at)], [*reversed(colors)]
    steps = [
        Threshold(None, colors[0]),
        *(Threshold(value, color) for value, color in zip(at, colors[1:], strict=True)),
    ]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)
