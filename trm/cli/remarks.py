"""What reading a table left out, told on stderr: it is neither an error nor a secret."""

import sys

from trm.puzzles.puzzle_set import PuzzleSet


def tell_remarks(*tables: object) -> None:
    """Each remark once; data sets that are no tables have none."""
    remarks = [remark for table in tables if isinstance(table, PuzzleSet) for remark in table.remarks]
    for remark in dict.fromkeys(remarks):
        print(remark, file=sys.stderr)
