"""Tasks of the ARC data sets, a few at a time: their example pairs, and what they ask."""

from services.gateway.lookups import dataset_lookup
from services.registry.access.visibility import AccessScope
from services.registry.db.database import Database
from services.registry.db.pages import Page, decode_place, encode_cursor
from trm.puzzles.arc.sets import RECIPES
from trm.puzzles.arc_files import load_shipped
from trm.puzzles.arc_grids import Task
from trm.puzzles.datasets.datasets import BUILTIN

SUBSETS = {"train": "training", "test": "evaluation"}


def page(
    database: Database, access: AccessScope, id_or_name: str, split: str, cursor: str | None, limit: int
) -> Page[Task]:
    """The next tasks by name; none of a data set of tables. Raises DatasetNotFound or InvalidCursor."""
    if id_or_name not in BUILTIN:
        dataset_lookup.find_uploaded(database, access, id_or_name)
    where = f"tasks of {id_or_name}/{split}"
    first = 0 if cursor is None else decode_place(where, cursor)
    tasks = load_shipped(RECIPES[id_or_name])[SUBSETS[split]] if id_or_name in RECIPES else ()
    last = first + limit
    return Page(list(tasks[first:last]), encode_cursor(where, [last]) if last < len(tasks) else None)
