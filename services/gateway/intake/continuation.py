"""Checks what a finished solve job left, for one that continues it."""

from dataclasses import dataclass
from typing import Any

from services.gateway.access.records import Records
from services.gateway.lookups.model_lookup import Model, find_model
from services.gateway.problems.errors import ModelChanged, RequestInvalid
from services.gateway.schemas.solve_job import TRACED_CHAINS, ContinueRequest
from services.registry.jobs import carries
from trm.config.cost import carry_bytes
from trm.errors import ConfigError, UnknownModel
from trm.interface.effort import MOST_STEPS, Effort
from trm.puzzles.spec import PuzzleSpec


@dataclass(frozen=True)
class Earlier:
    """A finished solve job that can be continued."""

    model: Model
    asked: dict[str, Any]  # its puzzles, and their shape where that is not the model's
    effort: Effort
    least_steps: int  # that it made for any of its answers


def find(records: Records, job_id: str) -> Earlier:
    """The job to continue; raises JobNotFound, JobNotContinuable, CarryExpired or ModelChanged."""
    request, least_steps = records.ask(carries.require_continuable, job_id)
    model = _find_same(records, request)
    asked: dict[str, Any] = {name: request[name] for name in ("puzzles", "puzzle") if name in request}
    return Earlier(model, asked, Effort(**request["effort"]), least_steps)


def require_further(earlier: Earlier, request: ContinueRequest) -> Effort:
    """The effort of the job that continues; raises ConfigError or RequestInvalid."""
    trained = earlier.model.config.model.max_supervision_steps
    budget = min(MOST_STEPS, (earlier.effort.max_steps or trained) + trained)
    effort = earlier.effort.continue_under(request, budget)
    effort.require_possible(_shape(earlier.model, earlier.asked), earlier.model.config.model)
    if (effort.max_steps or 0) <= earlier.least_steps:
        message = (
            f"max_steps counts from the beginning, and {earlier.least_steps} steps are made already: ask for more."
        )
        raise ConfigError(message, "max_steps")
    chains = len(earlier.asked["puzzles"]) * effort.chains
    if request.trace and chains > TRACED_CHAINS:
        raise RequestInvalid(f"A trace is kept of at most {TRACED_CHAINS} chains, not of the job's {chains}.", "trace")
    return effort


def require_room(most_bytes: int, model: Model, asked: dict[str, Any], effort: Effort) -> None:
    """Raises RequestInvalid when the carry of these puzzles is larger than one job may keep."""
    chains = len(asked["puzzles"]) * effort.chains
    size = chains * carry_bytes(model.config.model, _shape(model, asked))
    if size > most_bytes:
        raise RequestInvalid(
            f"The carry of {chains} chains of this model takes {size} bytes, and this service keeps {most_bytes} of a job. "
            "Send fewer puzzles at once, or ask the operator to raise TRM_MAX_CARRY_BYTES.",
            "keep_carry",
        )


def _shape(model: Model, asked: dict[str, Any]) -> PuzzleSpec:
    return PuzzleSpec.model_validate(asked["puzzle"]) if "puzzle" in asked else model.config.puzzle


def _find_same(records: Records, request: dict[str, Any]) -> Model:
    """The very model of the job: a checkpoint never changes, a shipped model does with the package."""
    try:
        model = find_model(records, request["model"])
    except UnknownModel as error:
        raise ModelChanged(f"The model {request['model']} is gone. Submit the puzzles again, with another.") from error
    if model.name != request["model"] or model.digest != request["weights"]:
        raise ModelChanged(
            f"The model {request['model']} has other weights than those that solved. Submit the puzzles again."
        )
    return model
