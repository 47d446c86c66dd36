"""Files of ARC tasks: folders, archives, single tasks and Kaggle's combined JSON files, every grid checked."""

import json
import re
import tarfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePath
from typing import TypeGuard, TypeVar

import numpy as np

from trm.errors import DatasetError, UnknownDataset
from trm.file_signatures import HEAD, describe
from trm.puzzles.arc_grids import COLOURS, SIDE, Grid, Pair, Task

DATA = Path(__file__).parent / "data" / "arc"
AnyPath = TypeVar("AnyPath", str, Path)
SHIPPED = ("arc-agi-1", "arc-agi-2", "conceptarc")
LARGEST_TOTAL = 256 * 2**20  # bytes of JSON in an archive; all of ARC-AGI-2 is 7 MB
CHALLENGES, SOLUTIONS, SUBMISSION = "_challenges.json", "_solutions.json", "sample_submission.json"
BEGINNING = re.compile(r'\s*\{\s*("(train|test|name)"\s*:|"[^"]*"\s*:\s*\{)')  # of a task, or of tasks by name


def read_tasks(path: Path) -> tuple[Task, ...]:
    """Tasks of a folder or `.tar.gz` of task files, of one task file, of Kaggle's `*_challenges.json` or the folder of them.

    Sorted by path; a Kaggle file keeps its own order and takes its answers from `*_solutions.json` beside it, if there.
    Raises DatasetError naming the file, or task and pair.
    """
    texts = dict(_texts(path))
    solutions = {name: text for name, text in texts.items() if name.endswith(SOLUTIONS)}
    if not path.is_dir() and path.name.endswith(CHALLENGES) and (beside := _solutions_name(path)).is_file():
        solutions[_solutions_name(path.name)] = beside.read_bytes()
    tasks: list[Task] = []
    combined: set[str] = set()  # tasks that stand in a file of several
    for name, text in texts.items():
        if name not in solutions and PurePath(name).name != SUBMISSION:
            answers = solutions.get(_solutions_name(name))
            found = _parse(name, text, {} if answers is None else _solutions(name, answers))
            tasks += found
            combined |= {task.name for task in found if len(found) > 1 or name.endswith(CHALLENGES)}
    if not tasks:
        raise DatasetError(f"{path} holds no ARC task. Give task files in JSON with the keys train and test.")
    return _different(tasks, combined)


def holds_tasks(path: Path) -> bool:
    """Whether a file or folder holds ARC tasks: by its name, for JSON by its beginning."""
    if path.is_dir():
        return any(not _is_foreign(file) for file in path.rglob("*.json"))
    if path.name.endswith((".tar.gz", ".tgz")):
        return True
    try:
        head = path.read_bytes()[:HEAD] if path.suffix == ".json" else b""
    except OSError:
        return False
    return BEGINNING.match(head.decode("utf-8-sig", errors="ignore")) is not None


@cache
def load_shipped(name: str) -> dict[str, tuple[Task, ...]]:
    """The tasks of a shipped collection by subset, sorted by name.

    Subsets are training and evaluation, for conceptarc corpus and minimal. Raises UnknownDataset.
    """
    if name not in SHIPPED:
        raise UnknownDataset(f"There is no ARC collection {name!r}. Shipped: {', '.join(SHIPPED)}.")
    subsets: dict[str, list[Task]] = {}
    for member, text in _texts(DATA / f"{name}.tar.gz"):
        # x/data/training/a.json, x/corpus/Copy/Copy1.json or x/MinimalTasks/a.json
        _, folder, below, *_ = PurePath(member).parts
        subset = {"data": below, "corpus": "corpus", "MinimalTasks": "minimal"}[folder]
        subsets.setdefault(subset, []).extend(_parse(member, text, {}))
    return {subset: tuple(sorted(tasks, key=lambda task: task.name)) for subset, tasks in subsets.items()}


def task_from(name: str, document: object) -> Task:
    """A task from its JSON object with train and test; raises DatasetError naming task and pair."""
    if not isinstance(document, dict) or not {"train", "test"} <= document.keys():
        raise DatasetError(f"Task {name} is not an object with the keys train and test.")
    train, test = (_pairs(f"Task {name}, {role}", document[role], role == "train") for role in ("train", "test"))
    return Task(name, train, test)


def _texts(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of every task file, sorted by name."""
    try:
        if path.is_dir():
            files = (file for file in sorted(path.rglob("*.json")) if not _is_foreign(file))
            yield from ((str(file), file.read_bytes()) for file in files)
        elif path.name.endswith((".tar.gz", ".tgz")):
            yield from _members(path)
        else:
            yield path.name, path.read_bytes()
    except (OSError, EOFError, tarfile.TarError) as error:
        raise DatasetError(f"{path} cannot be read: {error}. Give JSON, a folder or a .tar.gz of it.") from error


def _is_foreign(file: PurePath) -> bool:
    """Hidden files, as macOS (`._a.json`) and editors leave them beside the files they belong to."""
    return file.name.startswith(".") or "__MACOSX" in file.parts


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(path, "r:gz") as archive:
        members = [m for m in archive if m.isfile() and m.name.endswith(".json") and not _is_foreign(PurePath(m.name))]
        if sum(member.size for member in members) > LARGEST_TOTAL:
            raise DatasetError(f"{path} unpacks to more than {LARGEST_TOTAL // 2**20} MiB. Split it.")
        for member in sorted(members, key=lambda m: m.name):
            content = archive.extractfile(member)
            if content is not None:
                yield member.name, content.read()


def _json(name: str, text: bytes) -> object:
    try:
        return json.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        what = describe(text[:HEAD])
        raise DatasetError(f"{name} is {what}." if what else f"{name} is not JSON: {error}.") from error


def _parse(name: str, text: bytes, solutions: dict[str, object]) -> list[Task]:
    document: object = _json(name, text)
    if _are_tasks_by_name(document, name):
        return [task_from(key, _add_answers(key, task, solutions.get(key))) for key, task in document.items()]
    try:
        return [task_from(PurePath(name).stem, document)]
    except DatasetError as error:
        raise DatasetError(f"{name}: {error}") from error


def _are_tasks_by_name(document: object, name: str) -> TypeGuard[dict[str, object]]:
    if not isinstance(document, dict) or {"train", "test"} & document.keys():
        return False
    return name.endswith(CHALLENGES) or (
        len(document) > 0
        and all(isinstance(task, dict) and {"train", "test"} <= task.keys() for task in document.values())
    )


def _solutions_name(challenges: AnyPath) -> AnyPath:
    """Name of the file with the answers to a file of challenges."""
    name = str(challenges).removesuffix(CHALLENGES) + SOLUTIONS
    return type(challenges)(name)


def _solutions(name: str, text: bytes) -> dict[str, object]:
    document = _json(_solutions_name(name), text)
    if not isinstance(document, dict):
        raise DatasetError(f"{_solutions_name(name)} is not an object of answers by task.")
    return document


def _add_answers(name: str, task: object, answers: object) -> object:
    """The task with Kaggle's answers put where a task file has them."""
    test = task.get("test") if isinstance(task, dict) else None
    if answers is None or not isinstance(task, dict) or not isinstance(test, list):
        return task
    if not isinstance(answers, list) or len(answers) != len(test):
        raise DatasetError(f"Task {name} asks {len(test)} tests; its solutions must be a list of as many grids.")
    filled = [p | {"output": a} if isinstance(p, dict) else p for p, a in zip(test, answers, strict=True)]
    return task | {"test": filled}


def _pairs(where: str, pairs: object, answered: bool) -> tuple[Pair, ...]:
    if not isinstance(pairs, list) or not pairs:
        raise DatasetError(f"{where} is not a list of at least one pair.")
    return tuple(_pair(f"{where} pair {number}", pair, answered) for number, pair in enumerate(pairs, start=1))


def _pair(where: str, pair: object, answered: bool) -> Pair:
    if not isinstance(pair, dict) or "input" not in pair or (answered and "output" not in pair):
        raise DatasetError(f"{where} is not an object with {'input and output' if answered else 'input'}.")
    question, answer = pair["input"], pair.get("output")
    return Pair(_grid(f"{where}, input", question), _grid(f"{where}, output", answer) if "output" in pair else None)


def _grid(where: str, rows: object) -> Grid:
    if not isinstance(rows, list) or not all(isinstance(row, list) and row for row in rows) or not rows:
        raise DatasetError(f"{where} is not a list of rows of colours.")
    height, width = len(rows), len(rows[0])
    if max(height, width) > SIDE:
        raise DatasetError(f"{where} is {height}x{width}; {SIDE}x{SIDE} is the most.")
    for number, row in enumerate(rows, start=1):
        if len(row) != width:
            raise DatasetError(f"{where}: row {number} has {len(row)} cells, the first has {width}.")
        if not all(type(cell) is int and 0 <= cell < COLOURS for cell in row):
            raise DatasetError(f"{where}: row {number} holds something other than the colours 0-9.")
    return np.array(rows, dtype=np.uint8)


def _different(tasks: list[Task], combined: set[str]) -> tuple[Task, ...]:
    """The tasks by name; of one that stands in several of Kaggle's files with the same questions, that with the most answers."""
    seen: dict[str, Task] = {}
    for task in tasks:
        other = seen.setdefault(task.name, task)
        if other is task:
            continue
        questions, others = ([pair.question.tolist() for pair in one.pairs] for one in (task, other))
        if task.name not in combined or questions != others:
            raise DatasetError(f"Two tasks are named {task.name}. Rename one: answers are counted by name.")
        seen[task.name] = max(other, task, key=lambda one: sum(pair.answer is not None for pair in one.test))
    return tuple(seen.values())
