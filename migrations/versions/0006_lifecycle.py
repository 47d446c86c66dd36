"""Pause, priority, limits in time and retries of jobs; parents of runs; retired checkpoints; idempotency keys.

Revision ID: 0006
Revises: 0005
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MOMENT = postgresql.TIMESTAMP(timezone=True)
CHECKS = {
    "pause_is_pending": "pause_requested_at IS NULL OR status IN ('running', 'paused')",
    "paused_was_asked": "status <> 'paused' OR pause_requested_at IS NOT NULL",
    "only_queued_expires": "expires_at IS NULL OR status = 'queued'",
    "only_running_has_deadline": "deadline_at IS NULL OR status = 'running'",
    "priority_in_bounds": "priority BETWEEN -10 AND 10",
}
STATUSES = "'queued', 'running', 'succeeded', 'failed', 'cancelled'"
QUEUED = sa.text("status = 'queued'")


def _job_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("caller", sa.Text(), server_default=sa.text("'anonymous'"), nullable=False),
        sa.Column("priority", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("earlier_attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("pause_requested_at", MOMENT),
        sa.Column("ttl_seconds", sa.Integer()),
        sa.Column("expires_at", MOMENT),
        sa.Column("timeout_seconds", sa.Integer()),
        sa.Column("deadline_at", MOMENT),
    ]


def upgrade() -> None:
    for column in _job_columns():
        op.add_column("jobs", column)
    _set_statuses(STATUSES.replace("'succeeded'", "'paused', 'succeeded'"))
    for name, check in CHECKS.items():
        op.create_check_constraint(op.f(f"ck_jobs_{name}"), "jobs", check)
    op.create_index(
        "ix_jobs_next", "jobs", ["kind", sa.text("priority DESC"), "available_at", "id"], postgresql_where=QUEUED
    )
    op.create_index("ix_jobs_waiting", "jobs", ["caller"], postgresql_where=QUEUED)
    op.create_index("ix_jobs_expiring", "jobs", ["expires_at"], postgresql_where=sa.text("expires_at IS NOT NULL"))
    op.add_column("runs", sa.Column("parent_checkpoint_id", sa.Text()))
    op.create_foreign_key(
        op.f("fk_runs_parent_checkpoint_id_checkpoints"), "runs", "checkpoints", ["parent_checkpoint_id"], ["id"]
    )
    op.create_index(op.f("ix_runs_parent_checkpoint_id"), "runs", ["parent_checkpoint_id"])
    op.add_column("checkpoints", sa.Column("retired_at", MOMENT))
    op.create_index(
        "ix_checkpoints_retired", "checkpoints", ["retired_at"], postgresql_where=sa.text("retired_at IS NOT NULL")
    )
    _create_keys()


def _create_keys() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("status", sa.SmallInteger()),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text())),
        sa.Column("body", sa.Text()),
        sa.Column("created_at", MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("caller", "route", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"])


def downgrade() -> None:
    """A paused job is cancelled: code of before would not know how to wake it."""
    op.drop_table("idempotency_keys")
    op.drop_index("ix_checkpoints_retired", table_name="checkpoints")
    op.drop_column("checkpoints", "retired_at")
    op.drop_index(op.f("ix_runs_parent_checkpoint_id"), table_name="runs")
    op.drop_constraint(op.f("fk_runs_parent_checkpoint_id_checkpoints"), "runs")
    op.drop_column("runs", "parent_checkpoint_id")
    for name in ("ix_jobs_expiring", "ix_jobs_waiting", "ix_jobs_next"):
        op.drop_index(name, table_name="jobs")
    for name in CHECKS:
        op.drop_constraint(op.f(f"ck_jobs_{name}"), "jobs")
    op.execute(
        "UPDATE jobs SET status = 'cancelled', cancel_requested_at = now(), finished_at = now() WHERE status = 'paused'"
    )
    _set_statuses(STATUSES)
    for column in _job_columns():
        op.drop_column("jobs", column.name)


def _set_statuses(names: str) -> None:
    op.drop_constraint(op.f("ck_jobs_status"), "jobs")
    op.create_check_constraint(op.f("ck_jobs_status"), "jobs", f"status IN ({names})")
