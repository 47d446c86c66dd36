"""Attempts that do not count, how long jobs take, how many were removed, which workers there are.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

MOMENT = postgresql.TIMESTAMP(timezone=True)


def _enum(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=False, length=16)


def upgrade() -> None:
    _tell_what_counts()
    _tell_how_long()
    _make_retention_cheap()
    _list_workers()


def _tell_what_counts() -> None:
    kinds = ("progress", "infrastructure", "released")
    op.add_column("job_attempts", sa.Column("uncounted", _enum("uncounted", *kinds), nullable=True))
    op.create_check_constraint(op.f("ck_job_attempts_uncounted"), "job_attempts", sa.column("uncounted").in_(kinds))
    op.execute("UPDATE job_attempts SET uncounted = 'released' WHERE outcome = 'released'")


def _tell_how_long() -> None:
    for name in ("progress", "eta_seconds"):
        op.add_column("jobs", sa.Column(name, postgresql.DOUBLE_PRECISION(), nullable=True))
    op.add_column("jobs", sa.Column("estimate", postgresql.JSONB(), nullable=True))


def _make_retention_cheap() -> None:
    finished = sa.text("finished_at IS NOT NULL")
    op.create_index("ix_jobs_finished", "jobs", ["kind", "finished_at"], postgresql_where=finished)
    op.create_index("ix_job_events_created_at", "job_events", ["created_at"], postgresql_using="brin")
    kinds, statuses = ("train", "solve"), ("queued", "running", "paused", "succeeded", "failed", "cancelled")
    op.create_table(
        "removed_jobs",
        sa.Column("kind", _enum("kind", *kinds), nullable=False),
        sa.Column("status", _enum("status", *statuses), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(sa.column("kind").in_(kinds), name=op.f("ck_removed_jobs_kind")),
        sa.CheckConstraint(sa.column("status").in_(statuses), name=op.f("ck_removed_jobs_status")),
        sa.PrimaryKeyConstraint("kind", "status", name=op.f("pk_removed_jobs")),
    )


def _list_workers() -> None:
    op.create_table(
        "workers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("metrics", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("cores", sa.Integer(), nullable=False),
        sa.Column("started_at", MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.Column("seen_at", MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_workers")),
    )


def downgrade() -> None:
    op.drop_table("workers")
    op.drop_table("removed_jobs")
    op.drop_index("ix_job_events_created_at", table_name="job_events")
    op.drop_index("ix_jobs_finished", table_name="jobs")
    for name in ("progress", "eta_seconds", "estimate"):
        op.drop_column("jobs", name)
    op.drop_column("job_attempts", "uncounted")
