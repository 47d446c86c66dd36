"""Checks puzzles on submission: one that a worker could not solve never becomes a job."""

from collections.abc import Iterator

from services.gateway.problems.catalogue import ERRORS_LISTED
from services.gateway.problems.errors import PartsRefused, RequestInvalid
from services.gateway.schemas.problem import ProblemItem, pointer
from services.gateway.schemas.puzzle import Given
from services.gateway.schemas.solve_job import SolveJobRequest
from trm.config.run import RunConfig
from trm.errors import PuzzleError
from trm.puzzles import grids, rules, search
from trm.puzzles.spec import PuzzleSpec


def admit(request: SolveJobRequest, config: RunConfig, most: int) -> tuple[list[str], PuzzleSpec]:
    """The canonical texts of a request's puzzles, for the model of this configuration, and their shape, which all of them have.

    The first one decides it where the model answers every size.

    Raises RequestInvalid, ConfigError, or PartsRefused, naming each bad puzzle and its cell.
    """
    _check_as_a_whole(request, config.puzzle, most)
    refused: list[ProblemItem] = []
    spec = _shape(request, config, refused)
    request.effort.require_possible(spec, config.model)
    texts = list(_admit_puzzles(request, spec, refused)) if not refused else []
    if refused:
        first = refused[0]
        message = first.detail if len(refused) == 1 else f"{len(refused)} puzzles are refused. {first.detail}"
        raise PartsRefused(first.code or PuzzleError.code, message, refused)
    return texts, spec


def _shape(request: SolveJobRequest, config: RunConfig, refused: list[ProblemItem]) -> PuzzleSpec:
    if config.model.any_size:
        try:
            return grids.resize(config.puzzle, request.grids[0])
        except PuzzleError as error:
            refused.append(_item(request, 0, error))
    return config.puzzle


def _check_as_a_whole(request: SolveJobRequest, spec: PuzzleSpec, most: int) -> None:
    if len(request.grids) > most:
        raise RequestInvalid(
            f"This service takes at most {most} puzzles a job, and these are {len(request.grids)}.", "puzzles"
        )
    if spec.kind == "arc":
        raise RequestInvalid(
            "ARC tasks are answered by votes over many variants, which this service does not do yet: use `python -m trm arc`.",
            "model",
        )
    if request.require_unique_solution and not spec.is_searchable:
        raise RequestInvalid(
            "Only Sudokus and grids with declared rules can be checked for a unique solution: these have no known rules.",
            "require_unique_solution",
        )


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
