"""Refusals that are alike share a record of the audit log, which counts them.

Revision ID: 0010
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("audit_log", sa.Column("count", sa.BigInteger(), server_default=sa.text("1"), nullable=False))


def downgrade() -> None:
    op.drop_column("audit_log", "count")
