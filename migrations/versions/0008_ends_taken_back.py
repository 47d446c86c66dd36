"""How often a job ended before its owner's retries: what has ended is counted once and never taken back.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

COLUMNS = ("earlier_failures", "earlier_cancellations")


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column("jobs", sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False))
    retried = sa.text("earlier_failures + earlier_cancellations > 0")
    op.create_index("ix_jobs_retried", "jobs", ["kind"], postgresql_where=retried)


def downgrade() -> None:
    op.drop_index("ix_jobs_retried", table_name="jobs")
    for name in COLUMNS:
        op.drop_column("jobs", name)
