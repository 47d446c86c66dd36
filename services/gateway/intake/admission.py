"""Checks puzzles on submission: one that a worker could not solve never becomes a job."""

from collections.abc import Iterator
from typing import NamedTuple

from services.gateway.problems.catalogue import ERRORS_LISTED
from services.gateway.problems.errors import EffortRefused, PuzzlesRefused, RequestInvalid
from services.gateway.problems.problems import named
from services.gateway.schemas.problem import ProblemItem, pointer
from services.gateway.schemas.puzzle import Given
from services.gateway.schemas.solve_job import SolveJobRequest
from trm.config.run import RunConfig
from trm.errors import ConfigError, PuzzleError
from trm.puzzles import grids, rules, search
from trm.puzzles.spec import PuzzleSpec


class Admitted(NamedTuple):
    """Puzzles that a model can answer: their canonical texts, all of one shape."""

    puzzles: list[str]
    spec: PuzzleSpec


def admit(request: SolveJobRequest, config: RunConfig, most: int) -> Admitted:
    """The puzzles of a request, for the model of this configuration; the first one decides the size where the model answers every size.

    Raises RequestInvalid, EffortRefused, or PuzzlesRefused, naming each bad puzzle and its cell.
    """
    _check_as_a_whole(request, config.puzzle, most)
    refused: list[ProblemItem] = []
    spec = _shape(request, config, refused)
    _check_effort(request, spec, config)
    texts = list(_admit_puzzles(request, spec, refused)) if not refused else []
    if refused:
        raise PuzzlesRefused(refused)
    return Admitted(texts, spec)


def _shape(request: SolveJobRequest, config: RunConfig, refused: list[ProblemItem]) -> PuzzleSpec:
    if config.model.any_size:
        try:
            return grids.resize(config.puzzle, request.grids[0])
        except PuzzleError as error:
            refused.append(_item(request, 0, error))
    return config.puzzle


def _check_as_a_whole(request: SolveJobRequest, spec: PuzzleSpec, most: int) -> None:
    if len(request.grids) > most:
        message = f"This service takes at most {most} puzzles a job, and these are {len(request.grids)}."
        raise RequestInvalid(message, [ProblemItem(pointer="/puzzles", detail=message)])
    if spec.kind == "arc":
        message = "ARC tasks are answered by votes over many variants, which this service does not do yet: use `python -m trm arc`."
        raise RequestInvalid(message, [ProblemItem(pointer="/model", detail=message)])
    if request.require_unique_solution and spec.kind != "sudoku":
        message = "Only Sudokus can be checked for a unique solution: these puzzles have no rules that we know."
        raise RequestInvalid(message, [ProblemItem(pointer="/require_unique_solution", detail=message)])


def _check_effort(request: SolveJobRequest, spec: PuzzleSpec, config: RunConfig) -> None:
    try:
        request.effort.require_possible(spec, config.model)
    except ConfigError as error:
        place = pointer(*named(str(error), request.model_fields_set))
        raise EffortRefused(str(error), [ProblemItem(pointer=place, detail=str(error))]) from error


def _admit_puzzles(request: SolveJobRequest, spec: PuzzleSpec, refused: list[ProblemItem]) -> Iterator[str]:
    for index, given in enumerate(request.grids):
        try:
            yield _check_puzzle(given, spec, unique=request.require_unique_solution)
        except PuzzleError as error:
            refused.append(_item(request, index, error))
            if len(refused) == ERRORS_LISTED:
                return


def _item(request: SolveJobRequest, index: int, error: PuzzleError) -> ProblemItem:
    place = pointer(*request.pointer_path(index))
    return ProblemItem(code=error.code, pointer=place, detail=f"Puzzle {index}: {error}")


def _check_puzzle(given: Given, spec: PuzzleSpec, *, unique: bool) -> str:
    tokens = grids.parse(spec, given)
    rules.require_consistent(spec, tokens)
    if unique:
        search.require_unique(spec, tokens)
    return grids.text(spec, tokens)
