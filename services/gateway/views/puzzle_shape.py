"""The shape of a solve job's puzzles: what its answers are read and judged by."""

from sqlalchemy.orm import Session

from services.registry.access.visibility import AccessScope
from services.registry.db.tables import Job
from services.registry.jobs import jobs
from services.registry.runs import checkpoints
from trm.interface import pretrained
from trm.puzzles.spec import PuzzleSpec


def puzzle_of(session: Session, access: AccessScope, job: Job) -> PuzzleSpec:
    """The job's own shape, or that of its model; raises CheckpointNotFound, or UnknownModel of an older package."""
    if (shape := jobs.shape_of(session, access, job.id)) is not None:  # of another size than the model was trained on
        return PuzzleSpec.model_validate(shape)
    if job.pretrained is not None:
        return pretrained.pretrained(job.pretrained).config.puzzle
    return checkpoints.config_of(session, access, job.model_id or "").puzzle
