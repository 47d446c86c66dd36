"""Heartbeats that touch no index: the end of a lease is in none, and a page of jobs has room for a row's next version.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

RUNNING = sa.text("status = 'running'")


def upgrade() -> None:
    op.execute("ALTER TABLE jobs SET (fillfactor = 80)")
    op.create_index("ix_jobs_running", "jobs", ["id"], postgresql_where=RUNNING)
    op.drop_index("ix_jobs_leased", "jobs")


def downgrade() -> None:
    op.create_index("ix_jobs_leased", "jobs", ["lease_expires_at"], postgresql_where=RUNNING)
    op.drop_index("ix_jobs_running", "jobs")
    op.execute("ALTER TABLE jobs RESET (fillfactor)")
