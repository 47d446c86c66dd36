"""What is asked for, before it is recorded: a job, and for a training the run that it belongs to."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from services.registry import jobs, runs
from services.registry.base import Json
from services.registry.tables import Job


@dataclass(frozen=True)
class Submission:
    """Columns of rows to be, as `jobs.new_row` and `runs.new_row` make them."""

    job: Json
    run: Json | None = None

    def owned_by(self, owner: str) -> "Submission":
        """The same, in the name of an owner."""
        run = None if self.run is None else {**self.run, "owner": owner}
        return Submission({**self.job, "owner": owner}, run)


def record(session: Session, submitted: Sequence[Submission]) -> list[Job]:
    """Put the jobs in the queue with one statement a table. Announce them once this is committed."""
    new_runs = [submission.run for submission in submitted if submission.run is not None]
    if new_runs:
        runs.insert_rows(session, new_runs)  # first: jobs name them
    return jobs.insert_rows(session, [submission.job for submission in submitted])
