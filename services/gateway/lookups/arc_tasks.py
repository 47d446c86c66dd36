"""Tasks of the ARC data sets, a few at a time: their example pairs, and what they ask."""

from services.gateway.access.records import Records
from services.gateway.lookups.counted import count_page
from services.registry.db.pages import Page
from services.registry.runs import datasets
from trm.puzzles.arc.sets import RECIPES
from trm.puzzles.arc_files import load_shipped
from trm.puzzles.arc_grids import Task
from trm.puzzles.datasets.datasets import BUILTIN

SUBSETS = {"train": "training", "test": "evaluation"}


def page(records: Records, id_or_name: str, split: str, cursor: str | None, limit: int) -> Page[Task]:
    """The next tasks by name; none of a data set of tables. Raises DatasetNotFound or InvalidCursor."""
    if id_or_name not in BUILTIN:
        records.ask(datasets.get, id_or_name)
    tasks = load_shipped(RECIPES[id_or_name])[SUBSETS[split]] if id_or_name in RECIPES else ()
    where = f"tasks of {id_or_name}/{split}"
    return count_page(where, len(tasks), cursor, limit, lambda places: [tasks[place] for place in places])
