"""Indexes that keep the reaper's round short however long the queue is.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

QUEUED = sa.text("status = 'queued'")


def upgrade() -> None:
    op.create_index(op.f("ix_jobs_kind_status"), "jobs", ["kind", "status"])
    op.drop_index("ix_jobs_queued", table_name="jobs")
    op.create_index("ix_jobs_queued", "jobs", ["kind", "available_at"], postgresql_where=QUEUED)
    op.create_index("ix_jobs_announced", "jobs", ["published_at"], postgresql_where=QUEUED)


def downgrade() -> None:
    op.drop_index("ix_jobs_announced", table_name="jobs")
    op.drop_index("ix_jobs_queued", table_name="jobs")
    op.create_index("ix_jobs_queued", "jobs", ["available_at"], postgresql_where=QUEUED)
    op.drop_index(op.f("ix_jobs_kind_status"), table_name="jobs")
