"""The one body of every error (RFC 9457)."""

from pydantic import Field

from services.gateway.schemas.base import Response, examples
from trm.errors import WrongGridSize

REQUEST_ID = "req_01934e0c5f3b7c2aa1b2c3d4e5f60718"  # of examples


def pointer(*path: str | int) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


class ProblemItem(Response):
    """One thing that is wrong: where in the request, and how."""

    detail: str
    code: str | None = Field(
        default=None, description="The problem code of this item, where it differs from the whole."
    )
    pointer: str | None = Field(default=None, description="JSON pointer into the request body.")
    parameter: str | None = Field(default=None, description="Name of the path, query, header or form parameter.")
    row: int | None = Field(default=None, description="Data row of an uploaded file, counted from 1.")


class Problem(Response):
    """An error, as `application/problem+json`. Programs should look at `code`, people at `detail`."""

    model_config = examples(
        {
            "type": f"/v1/problems/{WrongGridSize.code}",
            "title": "A puzzle has the wrong size",
            "status": 422,
            "detail": "Puzzle 1: the grid has 80 cells, but this model solves 9 x 9 grids with 81.",
            "instance": "/v1/solve-jobs",
            "code": WrongGridSize.code,
            "request_id": REQUEST_ID,
            "errors": [{"code": WrongGridSize.code, "pointer": "/puzzles/0", "detail": "The grid has 80 cells."}],
        }
    )

    type: str = Field(description="Relative URL of this problem's description.")
    title: str = Field(description="The same sentence for every problem of this code.")
    status: int
    detail: str = Field(description="What was wrong with this request, and what to do.")
    instance: str = Field(description="Path of the request.")
    code: str = Field(description="Stable code; the reference lists them all.")
    request_id: str = Field(description="Quote this when asking the operator; the log has it too.")
    errors: list[ProblemItem] = Field(default=[], description="The parts at fault, at most 100 of them.")


class ProblemDescription(Response):
    """What a problem code means."""

    code: str
    title: str
    status: int | None = Field(description="HTTP status; null for codes that only finished jobs and commands carry.")
    advice: str = Field(description="What to do about it.")
