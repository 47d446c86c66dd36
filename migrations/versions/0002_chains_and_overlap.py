"""How solutions were chosen among chains, and what data sets share between their splits.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

COUNTS = ("total_steps", "chain", "votes", "chains")


def upgrade() -> None:
    op.add_column("datasets", sa.Column("overlap", sa.Integer(), nullable=True))
    for name in COUNTS:
        op.add_column("solutions", sa.Column(name, sa.Integer(), nullable=True))
    for name in ("reason", "chosen_by"):
        op.add_column("solutions", sa.Column(name, sa.Text(), nullable=True))
    op.execute(
        "UPDATE solutions SET total_steps = steps, chain = 0, votes = 1, chains = 1, chosen_by = 'only', "
        "reason = CASE WHEN halted THEN 'halted' ELSE 'budget' END"
    )
    for name in (*COUNTS, "reason", "chosen_by"):
        op.alter_column("solutions", name, nullable=False)
    op.drop_column("solutions", "halted")


def downgrade() -> None:
    op.add_column("solutions", sa.Column("halted", sa.Boolean(), nullable=True))
    op.execute("UPDATE solutions SET halted = reason <> 'budget'")
    op.alter_column("solutions", "halted", nullable=False)
    for name in (*COUNTS, "reason", "chosen_by"):
        op.drop_column("solutions", name)
    op.drop_column("datasets", "overlap")
