"""What the boards have in common: their links, their variables, and how panels become a board."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import (
    Dashboard,
    DashboardCursorSync,
    DashboardLinkType,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from deploy.grafana.boards.panels import CONSOLE, POSTGRES, Panel, link

TAG = "trm"  # links between the boards are links to this tag
GATEWAY = "http://localhost:8000"  # where compose publishes it; a text field on the board


@dataclass(frozen=True)
class Variable:
    """A choice of several values, which a query of the database lists as `__text` and `__value`."""

    name: str
    label: str
    meaning: str
    query: str


@dataclass(frozen=True)
class Section:
    """A row of a board with its panels."""

    title: str
    page: str  # of the console, to which its panels lead
    panels: Sequence[Panel]


@dataclass(frozen=True)
class Board:
    """A board before it is built."""

    uid: str
    title: str
    description: str
    page: str  # of the console
    sections: Sequence[Section]
    variables: Sequence[Variable] = field(default=())


def build(board: Board) -> Dashboard:
    """The board as Grafana knows it; panels are numbered from 1 in their order."""
    made = dashboard.Dashboard(board.title).uid(board.uid).description(board.description).tags([TAG])
    made.refresh("10s").time("now-1h", "now").timezone("browser").tooltip(DashboardCursorSync.CROSSHAIR).readonly()
    made.link(dashboard.DashboardLink("Boards").type(DashboardLinkType.DASHBOARDS).tags([TAG]).keep_time(True))
    made.link(link("Console", f"{CONSOLE}{board.page}"))
    for variable in board.variables:
        made.with_variable(_choice(variable))
    address = dashboard.TextBoxVariable("console").label("Console").default_value(GATEWAY)
    made.with_variable(address.description("The gateway's address, for links to its console."))
    for section in board.sections:
        made.with_row(dashboard.Row(section.title))
        for panel in section.panels:
            made.with_panel(panel.builder.links([link("Console", f"{CONSOLE}{panel.page or section.page}")]))
    finished = made.build()
    for number, placed in enumerate(finished.panels or (), start=1):
        placed.id_val = number
    return finished


def _choice(variable: Variable) -> dashboard.QueryVariable:
    every = VariableOption(text=["All"], value=["$__all"])
    made = dashboard.QueryVariable(variable.name).label(variable.label).description(variable.meaning)
    made.query(" ".join(variable.query.split())).datasource(POSTGRES).current(every).include_all(True).multi(True)
    return made.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(VariableSort.DISABLED)
