"""What was found wrong with an uploaded data set; evaluations of puzzles with unknown answers have no accuracy.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

UNSCORED = ("exact_accuracy", "cell_accuracy")


def upgrade() -> None:
    op.add_column("datasets", sa.Column("report", postgresql.JSONB(), nullable=True))
    for name in UNSCORED:
        op.alter_column("run_evaluations", name, nullable=True)


def downgrade() -> None:
    for name in UNSCORED:
        column: sa.ColumnClause[float] = sa.column(name, sa.DOUBLE_PRECISION())
        op.execute(sa.update(sa.table("run_evaluations", column)).where(column.is_(None)).values({name: 0.0}))
        op.alter_column("run_evaluations", name, nullable=False)
    op.drop_column("datasets", "report")
