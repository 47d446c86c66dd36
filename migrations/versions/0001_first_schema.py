"""The first schema: jobs, runs, checkpoints, data sets, what is measured on them, and who may do what.

Revision ID: 0001
Revises: nothing
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

TEXT, INTEGER, BIG = sa.Text(), sa.Integer(), sa.BigInteger()
DOUBLE: sa.DOUBLE_PRECISION[float] = sa.DOUBLE_PRECISION()
JSON = postgresql.JSONB(astext_type=sa.Text())
MOMENT = postgresql.TIMESTAMP(timezone=True)
REALS: postgresql.ARRAY[float] = postgresql.ARRAY(sa.REAL(), dimensions=1)
KINDS = ("train", "solve")
STATUSES = ("queued", "running", "paused", "succeeded", "failed", "cancelled")
OUTCOMES = ("succeeded", "failed", "cancelled", "retried", "released", "lost")
UNCOUNTED = ("progress", "infrastructure", "released")
QUEUED = sa.text("status = 'queued'")


def upgrade() -> None:
    _create_datasets()
    _create_runs_and_checkpoints()
    _create_measurements()
    _create_jobs()
    _create_what_jobs_leave()
    _create_idempotency_keys()
    _create_access()
    _create_webhooks()
    _create_operations()


def downgrade() -> None:
    op.drop_constraint("fk_runs_parent_checkpoint_id_checkpoints", "runs")  # each of the two tables refers to the other
    for table in (
        "workers",
        "removed_jobs",
        "webhook_deliveries",
        "webhook_endpoints",
        "audit_log",
        "api_keys",
        "idempotency_keys",
        "solutions",
        "job_events",
        "job_attempts",
        "jobs",
        "run_metrics",
        "run_evaluations",
        "checkpoints",
        "runs",
        "datasets",
    ):
        op.drop_table(table)


def _required(kind: sa.types.TypeEngine[Any], *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=False) for name in names]


def _optional(kind: sa.types.TypeEngine[Any], *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind) for name in names]


def _owner() -> sa.Column[str]:
    return sa.Column("owner", sa.Text(), server_default="local", nullable=False)


def _now(name: str) -> sa.Column[datetime]:
    return sa.Column(name, MOMENT, server_default=sa.text("now()"), nullable=False)


def _count(name: str, kind: type[sa.Integer] = sa.Integer, *, start: int = 0) -> sa.Column[int]:
    return sa.Column(name, kind(), server_default=sa.text(str(start)), nullable=False)


def _enum(name: str, values: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=16)


def _create_datasets() -> None:
    op.create_table(
        "datasets",
        *_required(TEXT, "id"),
        _owner(),
        *_required(TEXT, "name", "kind", "url", "sha256"),
        *_required(JSON, "spec", "splits"),
        *_optional(INTEGER, "overlap"),
        *_optional(JSON, "report"),
        _now("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_datasets"),
        sa.UniqueConstraint("owner", "name", name="uq_datasets_owner_name"),
    )
    op.create_index("ix_datasets_owner_created_at_id", "datasets", ["owner", "created_at", "id"])


def _create_runs_and_checkpoints() -> None:
    op.create_table(
        "runs",
        *_required(TEXT, "id"),
        _owner(),
        *_optional(TEXT, "name", "parent_checkpoint_id", "device"),
        *_required(TEXT, "preset", "dataset"),
        *_required(JSON, "config"),
        *_optional(BIG, "parameters"),
        _count("step", sa.BigInteger),
        *_required(BIG, "total_steps"),
        *_optional(DOUBLE, "exact_accuracy"),
        _now("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
    )
    op.create_index("ix_runs_created_at_id", "runs", ["created_at", "id"])
    op.create_index("ix_runs_owner_created_at_id", "runs", ["owner", "created_at", "id"])
    op.create_index("ix_runs_parent_checkpoint_id", "runs", ["parent_checkpoint_id"])
    op.create_table(
        "checkpoints",
        *_required(TEXT, "id", "run_id", "url", "digest"),
        *_required(INTEGER, "attempt"),
        *_required(BIG, "step", "bytes"),
        *_required(JSON, "metrics"),
        *_optional(MOMENT, "retired_at"),
        _now("created_at"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_checkpoints_run_id_runs"),
        sa.PrimaryKeyConstraint("id", name="pk_checkpoints"),
        sa.UniqueConstraint("run_id", "step", "attempt", name="uq_checkpoints_run_id_step_attempt"),
    )
    op.create_index("ix_checkpoints_created_at_id", "checkpoints", ["created_at", "id"])
    retired = sa.text("retired_at IS NOT NULL")
    op.create_index("ix_checkpoints_retired", "checkpoints", ["retired_at"], postgresql_where=retired)
    parent = "fk_runs_parent_checkpoint_id_checkpoints"
    op.create_foreign_key(parent, "runs", "checkpoints", ["parent_checkpoint_id"], ["id"])


def _create_measurements() -> None:
    op.create_table(
        "run_evaluations",
        *_required(TEXT, "run_id", "split"),
        *_required(BIG, "step", "n"),
        *_required(INTEGER, "attempt"),
        *_required(DOUBLE, "seconds", "mean_supervision_steps"),
        *_optional(DOUBLE, "exact_accuracy", "cell_accuracy", "verified", "halt_accuracy"),
        *_required(REALS, "halted", "halt_probability", "step_exact_accuracy"),
        _now("created_at"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_run_evaluations_run_id_runs"),
        sa.PrimaryKeyConstraint("run_id", "step", "split", "attempt", name="pk_run_evaluations"),
    )
    op.create_table(
        "run_metrics",
        *_required(TEXT, "run_id"),
        *_required(BIG, "step", "puzzles_finished"),
        *_required(INTEGER, "attempt"),
        *_required(DOUBLE, "seconds", "loss", "lm_loss", "halt_loss", "learning_rate", "puzzles_per_second"),
        *_optional(DOUBLE, "exact_accuracy", "cell_accuracy", "halt_accuracy", "mean_supervision_steps"),
        *_required(postgresql.ARRAY(sa.BigInteger(), dimensions=1), "slots"),
        *_required(REALS, "halted", "halt_probability", "step_exact_accuracy"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_run_metrics_run_id_runs"),
        sa.PrimaryKeyConstraint("run_id", "step", "attempt", name="pk_run_metrics"),
    )


def _create_jobs() -> None:
    checks = {
        "running_has_lease": "(status = 'running') = (lease_token IS NOT NULL)",
        "lease_expires": "(lease_token IS NULL) = (lease_expires_at IS NULL)",
        "final_is_finished": "(status IN ('succeeded', 'failed', 'cancelled')) = (finished_at IS NOT NULL)",
        "failed_has_error": "(status = 'failed') = (error_code IS NOT NULL)",
        "cancelled_was_asked": "status <> 'cancelled' OR cancel_requested_at IS NOT NULL",
        "queued_is_wanted": "status <> 'queued' OR cancel_requested_at IS NULL",
        "pause_is_pending": "pause_requested_at IS NULL OR status IN ('running', 'paused')",
        "paused_was_asked": "status <> 'paused' OR pause_requested_at IS NOT NULL",
        "only_queued_expires": "expires_at IS NULL OR status = 'queued'",
        "only_running_has_deadline": "deadline_at IS NULL OR status = 'running'",
        "priority_in_bounds": "priority BETWEEN -10 AND 10",
        "attempts_in_bounds": "attempt BETWEEN 0 AND max_attempts",
        "train_has_run": "kind <> 'train' OR run_id IS NOT NULL",
        "solve_has_model": "kind <> 'solve' OR (model_id IS NULL) <> (pretrained IS NULL)",
    }
    op.create_table(
        "jobs",
        *_required(TEXT, "id"),
        _owner(),
        sa.Column("kind", _enum("kind", KINDS), nullable=False),
        sa.Column("status", _enum("status", STATUSES), server_default="queued", nullable=False),
        _count("priority", sa.SmallInteger),
        *_required(JSON, "request"),
        *_optional(TEXT, "run_id", "model_id", "pretrained"),
        _count("attempt"),
        *_required(INTEGER, "max_attempts"),
        _count("earlier_attempts"),
        _count("earlier_failures"),
        _count("earlier_cancellations"),
        *_optional(TEXT, "worker"),
        *_optional(sa.Uuid(), "lease_token"),
        *_optional(
            MOMENT, "lease_expires_at", "cancel_requested_at", "pause_requested_at", "expires_at", "deadline_at"
        ),
        *_optional(INTEGER, "ttl_seconds", "timeout_seconds"),
        _now("available_at"),
        *_optional(MOMENT, "published_at"),
        _count("step", sa.BigInteger),
        *_optional(BIG, "total_steps"),
        *_optional(DOUBLE, "progress", "eta_seconds"),
        *_optional(JSON, "estimate", "result"),
        *_optional(TEXT, "error_code", "error_message"),
        _count("version", sa.BigInteger, start=1),
        _now("created_at"),
        *_optional(MOMENT, "started_at", "finished_at"),
        *(sa.CheckConstraint(check, name=op.f(f"ck_jobs_{name}")) for name, check in checks.items()),
        sa.ForeignKeyConstraint(["model_id"], ["checkpoints.id"], name="fk_jobs_model_id_checkpoints"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_jobs_run_id_runs"),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
    )
    _create_job_indexes()


def _create_job_indexes() -> None:
    retried, finished = "earlier_failures + earlier_cancellations > 0", "finished_at IS NOT NULL"
    first: list[str | sa.TextClause] = ["kind", sa.text("priority DESC"), "available_at", "id"]
    op.create_index("ix_jobs_created_at_id", "jobs", ["created_at", "id"])
    op.create_index("ix_jobs_owner_created_at_id", "jobs", ["owner", "created_at", "id"])
    op.create_index("ix_jobs_kind_status", "jobs", ["kind", "status"])
    op.create_index("ix_jobs_run_id", "jobs", ["run_id"])
    op.create_index("ix_jobs_model_id", "jobs", ["model_id"])
    op.create_index("ix_jobs_finished", "jobs", ["kind", "finished_at"], postgresql_where=sa.text(finished))
    op.create_index("ix_jobs_retried", "jobs", ["kind"], postgresql_where=sa.text(retried))
    op.create_index("ix_jobs_queued", "jobs", ["kind", "available_at"], postgresql_where=QUEUED)
    op.create_index("ix_jobs_next", "jobs", first, postgresql_where=QUEUED)
    op.create_index("ix_jobs_waiting", "jobs", ["owner"], postgresql_where=QUEUED)
    op.create_index("ix_jobs_announced", "jobs", ["published_at"], postgresql_where=QUEUED)
    op.create_index("ix_jobs_expiring", "jobs", ["expires_at"], postgresql_where=sa.text("expires_at IS NOT NULL"))
    op.create_index("ix_jobs_leased", "jobs", ["lease_expires_at"], postgresql_where=sa.text("status = 'running'"))


def _create_what_jobs_leave() -> None:
    op.create_table(
        "job_attempts",
        *_required(TEXT, "job_id", "worker"),
        *_required(INTEGER, "attempt"),
        _now("started_at"),
        *_optional(MOMENT, "ended_at"),
        sa.Column("outcome", _enum("outcome", OUTCOMES)),
        sa.Column("uncounted", _enum("uncounted", UNCOUNTED)),
        *_optional(TEXT, "error_code", "error_message"),
        *_optional(BIG, "first_step", "last_step"),
        sa.CheckConstraint("(ended_at IS NULL) = (outcome IS NULL)", name=op.f("ck_job_attempts_ended_has_outcome")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_job_attempts_job_id_jobs"),
        sa.PrimaryKeyConstraint("job_id", "attempt", name="pk_job_attempts"),
    )
    op.create_table(
        "job_events",
        *_required(TEXT, "job_id", "type"),
        *_required(BIG, "seq"),
        *_required(JSON, "data"),
        _now("created_at"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_job_events_job_id_jobs"),
        sa.PrimaryKeyConstraint("job_id", "seq", name="pk_job_events"),
    )
    op.create_index("ix_job_events_created_at", "job_events", ["created_at"], postgresql_using="brin")
    op.create_table(
        "solutions",
        *_required(TEXT, "job_id", "question", "answer", "reason", "chosen_by"),
        *_required(INTEGER, "index", "steps", "total_steps", "chain", "votes", "chains"),
        *_optional(sa.Boolean(), "verified"),
        *_required(DOUBLE, "halt_probability"),
        *_optional(JSON, "trace"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_solutions_job_id_jobs"),
        sa.PrimaryKeyConstraint("job_id", "index", name="pk_solutions"),
    )


def _create_idempotency_keys() -> None:
    op.create_table(
        "idempotency_keys",
        *_required(TEXT, "owner", "route", "key", "fingerprint", "subject"),
        *_optional(sa.SmallInteger(), "status"),
        *_optional(JSON, "headers"),
        *_optional(TEXT, "body"),
        _now("created_at"),
        sa.PrimaryKeyConstraint("owner", "route", "key", name="pk_idempotency_keys"),
    )
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"])


def _create_access() -> None:
    op.create_table(
        "api_keys",
        *_required(TEXT, "id", "owner", "name", "secret_sha256"),
        *_required(postgresql.ARRAY(sa.Text()), "scopes"),
        *_optional(MOMENT, "expires_at", "revoked_at", "last_used_at"),
        _now("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
    )
    op.create_index("ix_api_keys_created_at_id", "api_keys", ["created_at", "id"])
    op.create_table(
        "audit_log",
        *_required(TEXT, "id"),
        _now("created_at"),
        *_required(TEXT, "owner", "caller", "action", "outcome"),
        *_optional(TEXT, "object", "request_id"),
        _count("count", sa.BigInteger, start=1),
        sa.PrimaryKeyConstraint("id", name="pk_audit_log"),
    )
    op.create_index("ix_audit_log_created_at_id", "audit_log", ["created_at", "id"])


def _create_webhooks() -> None:
    op.create_table(
        "webhook_endpoints",
        *_required(TEXT, "id", "owner", "url", "secret"),
        *_required(postgresql.ARRAY(sa.Text()), "events"),
        *_optional(MOMENT, "disabled_at"),
        _now("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_endpoints"),
    )
    op.create_index("ix_webhook_endpoints_owner", "webhook_endpoints", ["owner"])
    endpoint = "fk_webhook_deliveries_endpoint_id_webhook_endpoints"
    done = "delivered_at IS NULL OR due_at IS NULL"
    op.create_table(
        "webhook_deliveries",
        *_required(TEXT, "id", "endpoint_id"),
        *_required(JSON, "payload"),
        _count("attempt", sa.BigInteger),
        sa.Column("due_at", MOMENT, server_default=sa.text("now()")),
        *_optional(MOMENT, "delivered_at"),
        *_optional(TEXT, "outcome"),
        _now("created_at"),
        sa.CheckConstraint(done, name=op.f("ck_webhook_deliveries_delivered_is_done")),
        sa.ForeignKeyConstraint(["endpoint_id"], ["webhook_endpoints.id"], name=endpoint, ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_deliveries"),
    )
    op.create_index("ix_webhook_deliveries_endpoint_id", "webhook_deliveries", ["endpoint_id"])
    due = sa.text("due_at IS NOT NULL")
    op.create_index("ix_webhook_deliveries_due", "webhook_deliveries", ["due_at"], postgresql_where=due)


def _create_operations() -> None:
    op.create_table(
        "removed_jobs",
        sa.Column("kind", _enum("kind", KINDS), nullable=False),
        sa.Column("status", _enum("status", STATUSES), nullable=False),
        *_required(BIG, "count"),
        sa.PrimaryKeyConstraint("kind", "status", name="pk_removed_jobs"),
    )
    op.create_table(
        "workers",
        *_required(TEXT, "name", "role", "metrics", "device"),
        *_required(INTEGER, "cores"),
        _now("started_at"),
        _now("seen_at"),
        sa.PrimaryKeyConstraint("name", name="pk_workers"),
    )
