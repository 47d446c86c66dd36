"""The kinds of panels that the boards have, and their queries."""

from collections.abc import Mapping, Sequence
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
from grafana_foundation_sdk.models.dashboard import Panel as BuiltPanel
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

PROMETHEUS = DataSourceRef("prometheus", "trm-prometheus")
POSTGRES = DataSourceRef("postgres", "trm-postgres")
CONSOLE = "${console}/#/"  # the address is a variable of every board
COLUMNS = 24  # of Grafana's grid
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
Panel = Builder[BuiltPanel]


def lines(
    title: str,
    description: str,
    unit: str,
    queries: Queries,
    *,
    page: str,
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


def number(title: str, description: str, unit: str, query: str, *, page: str, at: Sequence[float] = ()) -> Panel:
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
    page: str,
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


def bars(title: str, description: str, unit: str, query: str, *, page: str, width: int = 8) -> Panel:
    """Bars for the rows of a table, whose first column names them."""
    legend = common.VizLegendOptions().show_legend(True).placement(plain.LegendPlacement.BOTTOM)
    legend.display_mode(plain.LegendDisplayMode.LIST)
    panel = barchart.Panel().unit(unit).legend(legend).show_value(plain.VisibilityMode.AUTO).fill_opacity(70)
    return _finish(panel, title, description, query, page, width, 9, shape="table")


def heat(title: str, description: str, unit: str, query: str, *, page: str, width: int = 8) -> Panel:
    """How the observations of a histogram spread over its buckets, over time."""
    panel = heatmap.Panel().unit(unit).calculate(False).filter_values(heatmap.FilterValueRange().le(1e-9))
    panel.show_legend().mode(plain.TooltipDisplayMode.SINGLE).show_y_histogram()
    return _finish(panel, title, description, {"{{le}}": query}, page, width, 9, heat=True)


def _finish(
    panel: Any,  # noqa: ANN401 - every kind of panel has a class of its own, with these methods
    title: str,
    description: str,
    queries: Queries,
    page: str,
    width: int,
    height: int,
    *,
    shape: str = "time_series",
    heat: bool = False,
    exemplars: bool = False,
) -> Panel:
    is_sql = isinstance(queries, str)
    finished: Panel = panel
    panel.title(title).description(description).datasource(POSTGRES if is_sql else PROMETHEUS)
    panel.grid_pos(GridPos(h=height, w=width))
    panel.links([link("Console", f"{CONSOLE}{page}")])
    if isinstance(queries, str):
        panel.with_target(Sql(queries, shape))
        return finished
    for ref, (legend, expression) in zip("ABCDEFGH", queries.items(), strict=False):
        query = prometheus.Dataquery().expr(expression).legend_format(legend).ref_id(ref).datasource(PROMETHEUS)
        query.range().exemplar(exemplars)
        panel.with_target(query.format(PromQueryFormat.HEATMAP if heat else PromQueryFormat.TIME_SERIES))
    return finished


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
