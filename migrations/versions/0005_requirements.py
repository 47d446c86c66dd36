"""What workers offer, and what jobs ask of them.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"

CHOOSY = "status = 'queued' AND requires IS NOT NULL"


def upgrade() -> None:
    op.add_column("workers", sa.Column("device_name", sa.Text(), nullable=True))
    op.add_column("workers", sa.Column("devices", sa.Integer(), server_default=sa.text("1"), nullable=False))
    op.add_column("workers", sa.Column("memory_bytes", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    words, none = postgresql.ARRAY(sa.Text()), sa.text("'{}'")
    op.add_column("workers", sa.Column("labels", words, server_default=none, nullable=False))
    op.add_column("jobs", sa.Column("requires", postgresql.JSONB(), nullable=True))
    op.create_index("ix_jobs_choosy", "jobs", ["kind"], postgresql_where=sa.text(CHOOSY))


def downgrade() -> None:
    op.drop_index("ix_jobs_choosy", "jobs")
    op.drop_column("jobs", "requires")
    for column in ("labels", "memory_bytes", "devices", "device_name"):
        op.drop_column("workers", column)
