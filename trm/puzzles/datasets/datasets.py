"""Data sets by name: built in, brought along in a folder, or on the hub."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ValidationError

from trm.errors import DatasetError, UnknownDataset
from trm.json_text import to_json
from trm.puzzles import arc_grids as arc
from trm.puzzles import maze
from trm.puzzles.arc_files import holds_tasks
from trm.puzzles.datasets import hub, official
from trm.puzzles.puzzle_set import PuzzleSet, holdout
from trm.puzzles.raw_table import ARC_ELSEWHERE
from trm.puzzles.spec import PuzzleSpec
from trm.puzzles.sudoku import spec_for
from trm.puzzles.tables import SPLITS as SPLITS
from trm.puzzles.tables import first_spec, read_table, write_table

DATA = Path(__file__).parents[1] / "data"
FILE_SPLITS = ("train", "test")  # of a table by itself


@dataclass(frozen=True)
class BuiltinDataset:
    """A data set that ships with the package."""

    name: str
    summary: str
    licence: str
    spec: PuzzleSpec  # shape and alphabet
    judged_by: str | None = None  # the data set whose validation and test splits it shares

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that ship."""
        if self.spec.kind == "arc":
            return ("train", "test")  # assembled by trm.puzzles.arc.sets
        return tuple(split for split in SPLITS if self._file(split).exists())

    def path(self, split: str) -> Path:
        """The file of a split; raises UnknownDataset when there is none."""
        _require_split(self.name, split, self.splits)
        return self._file(split)

    def _file(self, split: str) -> Path:
        return DATA / (self.name if split == "train" else self.judged_by or self.name) / f"{split}.csv.gz"


# fmt: off
SEE, FREE = "see README.md of the data", "Apache-2.0"
LISTS = f"unknown: the compilers of the lists state none, {SEE}"
EXTREME = f"unknown: none is stated for Sudoku-Extreme or by the compilers of the lists, {SEE}"
SHIPPED = (
    BuiltinDataset("sudoku-4x4", "4x4 Sudoku, generated; splits disjoint up to symmetry.", FREE, spec_for(4)),
    BuiltinDataset("sudoku-6x6", "6x6 Sudoku, generated; splits disjoint up to symmetry.", FREE, spec_for(6)),
    BuiltinDataset(
        "sudoku-extreme-1k", "1,000 puzzles of Sudoku-Extreme to train on; 5,000 comparably hard forum puzzles to test on.",
        EXTREME, spec_for(9)),
    BuiltinDataset(
        "sudoku-hard", "1,000 hard 9x9 Sudokus of published lists to train on; 50,000 of the same lists to test on.", LISTS, spec_for(9)),
    BuiltinDataset(
        "sudoku-hard-all", "Every 9x9 training puzzle that ships, 46,757; tested as sudoku-hard.",
        EXTREME, spec_for(9), judged_by="sudoku-hard"),
    BuiltinDataset(
        "maze-hard", "Maze-Hard: 30x30 mazes with paths of 110 cells and more, 1,000 to train on and 1,000 to test on.",
        f"unknown: none is stated for Maze-Hard, {SEE}", maze.spec_for(30, 30)),
    BuiltinDataset("arc-1", "ARC-AGI-1 and ConceptARC; tested on the 400 evaluation tasks.", f"{FREE}, MIT", arc.SPEC),
    BuiltinDataset("arc-2", "ARC-AGI-2 and ConceptARC; tested on the 120 evaluation tasks.", f"{FREE}, MIT", arc.SPEC),
)
# fmt: on
BUILTIN: dict[str, BuiltinDataset] = {dataset.name: dataset for dataset in SHIPPED}


def datasets() -> dict[str, BuiltinDataset]:
    """Every data set that ships, by its name."""
    return dict(BUILTIN)


def builtin(name: str) -> BuiltinDataset:
    """The built-in data set of this name; raises UnknownDataset with the names there are."""
    if name not in BUILTIN:
        raise UnknownDataset(f"There is no data set, file or folder {name!r}. Built in: {', '.join(sorted(BUILTIN))}.")
    return BUILTIN[name]


def spec_of(name: str | Path) -> PuzzleSpec:
    """The shape of a built-in data set, a saved folder, the official build, a table, ARC tasks in files or one on the hub.

    Without reading whole tables where it can.
    """
    if str(name) in BUILTIN:
        return builtin(str(name)).spec
    if official.is_official(Path(name)):
        return official.spec_of(Path(name))
    if _is_folder(name):
        return _manifest(Path(name)).spec
    if Path(name).exists():
        return _spec_of_files(Path(name))
    return first_spec(hub.table(str(name), "train")) if hub.is_hub(name) else builtin(str(name)).spec


def splits_of(name: str | Path) -> tuple[str, ...]:
    """The splits of a built-in data set, a saved folder or one on the hub; raises UnknownDataset for other names."""
    if str(name) not in BUILTIN and official.is_official(Path(name)):
        return official.SPLITS
    if _is_folder(name):
        return tuple(_manifest(Path(name)).splits)
    if _is_file(name):
        return FILE_SPLITS
    if str(name) not in BUILTIN and (tables := _tables(Path(name))):
        return tuple(tables)
    return hub.SPLITS if hub.is_hub(name) else builtin(str(name)).splits


def load(name: str | Path, split: str) -> PuzzleSet:
    """A split of a built-in data set, a folder of tables, the official build, a table, or `hub:OWNER/NAME`.

    Of a table by itself, a share is held out as its test split.

    Raises UnknownDataset for other names and splits, DatasetError for tables that cannot be had or used.
    """
    _require_split(str(name), split, splits_of(name))
    spec = spec_of(name)
    if spec.kind == "arc":
        raise DatasetError(ARC_ELSEWHERE)
    if str(name) not in BUILTIN and official.is_official(Path(name)):
        return official.load(Path(name), split)
    if _is_file(name):
        return _from_file(Path(name))[split]
    return read_table(_table(name, split), kind=spec.kind, spec=spec)


def _table(name: str | Path, split: str) -> Path:
    if str(name) not in BUILTIN and not _is_folder(name) and (tables := _tables(Path(name))):
        return tables[split]
    if _is_folder(name):
        return Path(name) / _manifest(Path(name)).splits[split]
    return hub.table(str(name), split) if hub.is_hub(name) else builtin(str(name)).path(split)


def save_dataset(folder: Path, name: str, splits: dict[str, PuzzleSet]) -> None:
    """Write tables and `dataset.json` beside `folder`, then rename into place: whole or not at all."""
    staging = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    try:
        staging.mkdir(parents=True)
        for split, puzzles in splits.items():
            write_table(staging / f"{split}.csv.gz", puzzles)
        spec = next(iter(splits.values())).spec
        manifest = {"name": name, "spec": spec.model_dump(mode="json"), "splits": {s: f"{s}.csv.gz" for s in splits}}
        (staging / "dataset.json").write_text(to_json(manifest))
        staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _require_split(name: str, split: str, splits: tuple[str, ...]) -> None:
    if split not in splits:
        has = " and ".join((", ".join(splits[:-1]), splits[-1]) if splits[1:] else splits)
        raise UnknownDataset(f"The data set {name!r} has no split {split!r}; it has {has}.")


def _is_folder(name: str | Path) -> bool:
    return str(name) not in BUILTIN and (Path(name) / "dataset.json").is_file()


def _is_file(name: str | Path) -> bool:
    return str(name) not in BUILTIN and Path(name).is_file() and not holds_tasks(Path(name))


def _tables(folder: Path) -> dict[str, Path]:
    """The tables of a folder without a manifest, by the split that they are called after."""
    found = {split: sorted(p for p in folder.glob(f"{split}.*") if p.is_file()) for split in SPLITS}
    return {split: paths[0] for split, paths in found.items() if paths} if found["train"] and found["test"] else {}


def _spec_of_files(path: Path) -> PuzzleSpec:
    """The shape of what a file or folder without a manifest holds."""
    if tables := _tables(path):
        return read_table(tables["train"]).spec
    if holds_tasks(path):
        return arc.SPEC
    if path.is_dir():
        raise DatasetError(
            f"{path} holds no data set: neither dataset.json, nor tables train.csv and test.csv, nor the folders train and test of an "
            "official build, nor ARC tasks in JSON."
        )
    return _from_file(path)["test"].spec


def _from_file(path: Path) -> dict[str, PuzzleSet]:
    """The splits of a table by itself."""
    return dict(zip(FILE_SPLITS, holdout(read_table(path)), strict=True))


class _Manifest(BaseModel):
    """`dataset.json` of a folder that `save_dataset` wrote."""

    spec: PuzzleSpec
    splits: dict[str, str]


def _manifest(folder: Path) -> _Manifest:
    file = folder / "dataset.json"
    try:
        return _Manifest.model_validate_json(file.read_bytes())
    except OSError as error:
        raise DatasetError(f"{file} cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        wrong = f"is damaged, or no manifest of a data set: {place + ': ' if place else ''}{first['msg']}."
        raise DatasetError(f"{file} {official.advice(folder) or wrong}") from error
