"""`trm audit`: what is wrong with a data set."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from trm.cli.options import AsJson
from trm.cli.remarks import print_remarks
from trm.json_text import to_json
from trm.puzzles.datasets.audit import SOLVED, Audit
from trm.puzzles.datasets.audit import audit as run_audit
from trm.puzzles.datasets.datasets import load


def audit(
    dataset: Annotated[str, typer.Argument(help="Built-in name, table, folder, or hub:OWNER/NAME.")],
    against: Annotated[str, typer.Option(help="The split to compare with the training split.")] = "test",
    solve: Annotated[int, typer.Option(min=0, help="Sudokus of each split to search for second answers.")] = SOLVED,
    as_json: AsJson = False,
) -> None:
    """Look for repeated, equivalent, ambiguous and wrong puzzles; exit status 1 when there are any that spoil a score."""
    progress = Console(stderr=True)

    def show(numbers: Sequence[int], doing: str) -> Iterable[int]:
        return track(numbers, doing, console=progress)

    splits = load(dataset, "train"), load(dataset, against)
    print_remarks(*splits)
    report = run_audit(*splits, solve, show)
    if as_json:
        print(to_json(_to_fields(report)))
    else:
        for sentence in report.sentences():
            Console(highlight=False).print(sentence, soft_wrap=True, markup=False)
    if not report.clean:
        raise typer.Exit(1)


def _to_fields(report: Audit) -> dict[str, object]:
    return {
        "clean": report.clean,
        "findings": report.sentences(),
        "puzzle": report.spec.model_dump(mode="json"),
        "splits": {name: asdict(getattr(report, name)) for name in ("train", "test")},
        "compared": report.meaning,
        "shared": report.shared,
    }
