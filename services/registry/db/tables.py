"""The tables. The schema itself is made by the migrations; a test holds the two together."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    SmallInteger,
    Text,
    UniqueConstraint,
    bindparam,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, column_property, mapped_column

from services.registry.db.base import Base, Dated, Integers, Json, Reals
from services.registry.db.ids import LOCAL_OWNER as OWNER
from services.registry.states import JobKind, JobStatus, Outcome, UncountedReason

REVISION = "0008"  # of the migrations that make these tables; revisions are numbered upwards
QUEUED = text("status = 'queued'")


class Dataset(Dated):
    """An uploaded data set; built-in ones have no row."""

    __tablename__ = "datasets"

    owner: Mapped[str] = mapped_column(server_default=OWNER)
    name: Mapped[str]
    kind: Mapped[str]  # of puzzle
    spec: Mapped[Json]
    splits: Mapped[Json]  # puzzles in each
    overlap: Mapped[int | None]  # test puzzles equivalent to a training puzzle
    report: Mapped[Json | None]  # what was found wrong with it
    url: Mapped[str]
    sha256: Mapped[str]

    __table_args__ = (UniqueConstraint("owner", "name"), Index(None, "owner", "created_at", "id"))


class Job(Dated):
    """A unit of queued work; the row is authoritative; a message only says to look at it."""

    __tablename__ = "jobs"

    owner: Mapped[str] = mapped_column(server_default=OWNER)
    kind: Mapped[JobKind]
    status: Mapped[JobStatus] = mapped_column(server_default=JobStatus.QUEUED.value)
    priority: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))  # higher ones are claimed first
    name: Mapped[str | None]
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    meta: Mapped[Json] = mapped_column("metadata", JSONB, server_default=text("'{}'"))  # its owner's own
    request: Mapped[Json] = mapped_column(deferred=True)  # may be large: loaded where it is read
    run_id: Mapped[str | None] = mapped_column(ForeignKey("runs.id"), index=True)
    model_id: Mapped[str | None] = mapped_column(ForeignKey("checkpoints.id"), index=True)
    pretrained: Mapped[str | None]  # instead: the name of a model that ships with the package
    continues: Mapped[str | None]  # the solve job whose carries it begins with; it may have been removed since
    attempt: Mapped[int] = mapped_column(server_default=text("0"))  # fencing token: grows with every claim
    max_attempts: Mapped[int]
    earlier_attempts: Mapped[int] = mapped_column(server_default=text("0"))  # before its owner's last retry
    earlier_failures: Mapped[int] = mapped_column(server_default=text("0"))  # ends that its owner's retries took back
    earlier_cancellations: Mapped[int] = mapped_column(server_default=text("0"))
    worker: Mapped[str | None]
    lease_token: Mapped[UUID | None]
    lease_expires_at: Mapped[datetime | None]
    cancel_requested_at: Mapped[datetime | None]
    pause_requested_at: Mapped[datetime | None]
    ttl_seconds: Mapped[int | None]  # to wait for a worker, at most
    expires_at: Mapped[datetime | None]  # when that is over; none once a worker has begun
    timeout_seconds: Mapped[int | None]  # of work, all attempts since the last retry together
    deadline_at: Mapped[datetime | None]  # when that is over, while a worker is at it
    available_at: Mapped[datetime] = mapped_column(server_default=func.now())  # not to be claimed before
    published_at: Mapped[datetime | None]  # when its message was last sent
    step: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    total_steps: Mapped[int | None] = mapped_column(BigInteger)
    progress: Mapped[float | None]  # share of the whole work, where steps are not all of it
    eta_seconds: Mapped[float | None]  # how long the rest will take, as of the last heartbeat
    estimate: Mapped[Json | None]  # what was said of it when it was submitted
    requires: Mapped[Json | None]  # of its worker, as services.registry.jobs.requirements records it; none: any will do
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]
    result: Mapped[Json | None]
    version: Mapped[int] = mapped_column(BigInteger, server_default=text("1"))  # grows with every visible change
    traceparent: Mapped[str | None]  # of the request, where that was traced (W3C)
    started_at: Mapped[datetime | None]  # of the latest attempt
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("(status = 'running') = (lease_token IS NOT NULL)", name="running_has_lease"),
        CheckConstraint("(lease_token IS NULL) = (lease_expires_at IS NULL)", name="lease_expires"),
        CheckConstraint(
            "(status IN ('succeeded', 'failed', 'cancelled')) = (finished_at IS NOT NULL)", name="final_is_finished"
        ),
        CheckConstraint("(status = 'failed') = (error_code IS NOT NULL)", name="failed_has_error"),
        CheckConstraint("status <> 'cancelled' OR cancel_requested_at IS NOT NULL", name="cancelled_was_asked"),
        CheckConstraint("status <> 'queued' OR cancel_requested_at IS NULL", name="queued_is_wanted"),
        CheckConstraint("pause_requested_at IS NULL OR status IN ('running', 'paused')", name="pause_is_pending"),
        CheckConstraint("status <> 'paused' OR pause_requested_at IS NOT NULL", name="paused_was_asked"),
        CheckConstraint("expires_at IS NULL OR status = 'queued'", name="only_queued_expires"),
        CheckConstraint("deadline_at IS NULL OR status = 'running'", name="only_running_has_deadline"),
        CheckConstraint("priority BETWEEN -10 AND 10", name="priority_in_bounds"),
        CheckConstraint("attempt BETWEEN 0 AND max_attempts", name="attempts_in_bounds"),
        CheckConstraint("kind <> 'train' OR run_id IS NOT NULL", name="train_has_run"),
        CheckConstraint("kind = 'train' OR (model_id IS NULL) <> (pretrained IS NULL)", name="solve_has_model"),
        Index(None, "created_at", "id"),
        Index(None, "owner", "created_at", "id"),
        Index(None, "kind", "status"),  # counted every few seconds
        Index("ix_jobs_finished", "kind", "finished_at", postgresql_where=text("finished_at IS NOT NULL")),
        Index("ix_jobs_retried", "kind", postgresql_where=text("earlier_failures + earlier_cancellations > 0")),
        Index("ix_jobs_queued", "kind", "available_at", postgresql_where=QUEUED),
        Index("ix_jobs_next", "kind", text("priority DESC"), "available_at", "id", postgresql_where=QUEUED),
        Index("ix_jobs_choosy", "kind", postgresql_where=text("status = 'queued' AND requires IS NOT NULL")),
        Index("ix_jobs_waiting", "owner", postgresql_where=QUEUED),
        Index("ix_jobs_expiring", "expires_at", postgresql_where=text("expires_at IS NOT NULL")),
        Index("ix_jobs_announced", "published_at", postgresql_where=QUEUED),
        Index("ix_jobs_continuing", "continues", postgresql_where=text("continues IS NOT NULL")),
        Index("ix_jobs_running", "id", postgresql_where=text("status = 'running'")),  # few; no heartbeat touches it
        {"postgresql_with": {"fillfactor": "80"}},  # room for a row's next version on its page
    )


def has_status(status: JobStatus) -> ColumnElement[bool]:
    """Whether a job has this status, for queries that look for jobs by it.

    It is written into the statement: a plan that was made once for every status could not use the indexes of one.
    A statement that names a job compares the column: it needs none of these indexes.
    """
    return Job.status == bindparam(None, status, Job.status.type, literal_execute=True)


class RunEvaluation(Base):
    """A run's accuracy on a whole split, measured at one step."""

    __tablename__ = "run_evaluations"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    step: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    split: Mapped[str] = mapped_column(primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True)
    n: Mapped[int] = mapped_column(BigInteger)  # puzzles with a known answer
    seconds: Mapped[float]
    exact_accuracy: Mapped[float | None]  # None where no answer was known
    cell_accuracy: Mapped[float | None]
    verified: Mapped[float | None]  # share whose answer obeys the rules
    mean_supervision_steps: Mapped[float]
    halt_accuracy: Mapped[float | None]
    halted: Mapped[Reals]
    halt_probability: Mapped[Reals]
    step_exact_accuracy: Mapped[Reals]
    report: Mapped[Json | None]  # trm.interface.report.Report, of the test split
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Run(Dated):
    """A training, across all attempts at it."""

    __tablename__ = "runs"

    id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(server_default=OWNER)
    name: Mapped[str | None]
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    meta: Mapped[Json] = mapped_column("metadata", JSONB, server_default=text("'{}'"))  # its owner's own
    preset: Mapped[str]
    dataset: Mapped[str]
    config: Mapped[Json]  # trm.config.run.RunConfig, whole
    parent_checkpoint_id: Mapped[str | None] = mapped_column(  # whose weights it began with
        ForeignKey("checkpoints.id", use_alter=True), index=True
    )
    parameters: Mapped[int | None] = mapped_column(BigInteger)  # known once the model was built
    device: Mapped[str | None]
    step: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))  # the last logged
    total_steps: Mapped[int] = mapped_column(BigInteger)
    exact_accuracy: Mapped[float | None]  # the last evaluated, on either split
    job_id: Mapped[str | None] = column_property(
        select(Job.id)
        .where(Job.run_id == id, Job.kind == JobKind.TRAIN)
        .order_by(Job.created_at.desc())
        .limit(1)
        .correlate_except(Job)
        .scalar_subquery()
    )
    best_exact_accuracy: Mapped[float | None] = column_property(
        select(func.max(RunEvaluation.exact_accuracy))
        .where(RunEvaluation.run_id == id, RunEvaluation.split == "validation")
        .correlate_except(RunEvaluation)
        .scalar_subquery()
    )
    test_exact_accuracy: Mapped[float | None] = column_property(
        select(RunEvaluation.exact_accuracy)
        .where(RunEvaluation.run_id == id, RunEvaluation.split == "test")
        .order_by(RunEvaluation.step.desc(), RunEvaluation.attempt.desc())
        .limit(1)
        .correlate_except(RunEvaluation)
        .scalar_subquery()
    )

    __table_args__ = (Index(None, "created_at", "id"), Index(None, "owner", "created_at", "id"))


class JobAttempt(Base):
    """One execution of a job by one worker."""

    __tablename__ = "job_attempts"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True)
    worker: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ended_at: Mapped[datetime | None]
    outcome: Mapped[Outcome | None]
    uncounted: Mapped[UncountedReason | None]  # why it does not count against the job's limit
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]
    first_step: Mapped[int | None] = mapped_column(BigInteger)  # the step it resumed from
    last_step: Mapped[int | None] = mapped_column(BigInteger)

    __table_args__ = (CheckConstraint("(ended_at IS NULL) = (outcome IS NULL)", name="ended_has_outcome"),)


class JobEvent(Base):
    """Something that happened to a job, numbered from 1 without gaps."""

    __tablename__ = "job_events"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    type: Mapped[str]
    data: Mapped[Json]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (Index(None, "created_at", postgresql_using="brin"),)


class JobLine(Base):
    """A line that a job's trainer has written, numbered from 1 without gaps."""

    __tablename__ = "job_lines"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    attempt: Mapped[int]
    text: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Checkpoint(Dated):
    """A saved state of a run that is complete in the storage."""

    __tablename__ = "checkpoints"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"))
    attempt: Mapped[int]
    step: Mapped[int] = mapped_column(BigInteger)
    url: Mapped[str]
    digest: Mapped[str]
    bytes: Mapped[int] = mapped_column(BigInteger)
    metrics: Mapped[Json]
    retired_at: Mapped[datetime | None]  # to be deleted: it may no longer be used

    __table_args__ = (
        UniqueConstraint("run_id", "step", "attempt"),
        Index(None, "created_at", "id"),
        Index("ix_checkpoints_retired", "retired_at", postgresql_where=text("retired_at IS NOT NULL")),
    )


class ModelVersion(Dated):
    """What a name that an owner gave has pointed at since then; the newest version is what it means."""

    __tablename__ = "model_versions"

    owner: Mapped[str]
    name: Mapped[str]
    version: Mapped[int]  # from 1
    checkpoint_id: Mapped[str] = mapped_column(ForeignKey("checkpoints.id"), index=True)

    __table_args__ = (UniqueConstraint("owner", "name", "version"),)


class RunMetric(Base):
    """One logged step of a run; the arrays have one entry for each supervision step."""

    __tablename__ = "run_metrics"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    step: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True)
    seconds: Mapped[float]  # since the attempt began to train
    loss: Mapped[float]
    lm_loss: Mapped[float]
    halt_loss: Mapped[float]
    learning_rate: Mapped[float]
    puzzles_finished: Mapped[int] = mapped_column(BigInteger)
    puzzles_per_second: Mapped[float]
    exact_accuracy: Mapped[float | None]
    cell_accuracy: Mapped[float | None]
    halt_accuracy: Mapped[float | None]
    mean_supervision_steps: Mapped[float | None]
    slots: Mapped[Integers]
    halted: Mapped[Reals]
    halt_probability: Mapped[Reals]
    step_exact_accuracy: Mapped[Reals]


class Solution(Base):
    """The answer to one puzzle of a solve job."""

    __tablename__ = "solutions"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    index: Mapped[int] = mapped_column(primary_key=True)  # of the puzzle in the request
    question: Mapped[str]
    answer: Mapped[str]
    verified: Mapped[bool | None]  # by the rules; None for a kind that has none
    halt_probability: Mapped[float]
    steps: Mapped[int]  # supervision steps of the chain whose answer this is
    total_steps: Mapped[int]  # of all chains
    reason: Mapped[str]  # why that chain stopped, as in trm.interface.solution
    chosen_by: Mapped[str]  # why its answer was given
    chain: Mapped[int]
    votes: Mapped[int]
    chains: Mapped[int]
    trace: Mapped[list[Json] | None]


class KeptCarry(Base):
    """What the chains of one puzzle of a solve job need to continue, for a while."""

    __tablename__ = "carries"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    index: Mapped[int] = mapped_column(primary_key=True)  # of the puzzle in the request
    data: Mapped[bytes]  # trm.solving.carry.Carry
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)


class IdempotencyKey(Base):
    """What was answered to a request that its owner marked with a key, for when it is sent again."""

    __tablename__ = "idempotency_keys"

    owner: Mapped[str] = mapped_column(primary_key=True)
    route: Mapped[str] = mapped_column(primary_key=True)  # method and path
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]  # of what was asked
    subject: Mapped[str]  # id of the job or data set
    answer: Mapped[bytes | None]  # as the gateway has rendered it; none only inside the transaction that adds it
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
