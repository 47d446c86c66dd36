"""Solves that continue: the carries that finished ones leave, and which job a job continues.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("continues", sa.Text(), nullable=True))
    op.create_index("ix_jobs_continuing", "jobs", ["continues"], postgresql_where=sa.text("continues IS NOT NULL"))
    moment = postgresql.TIMESTAMP(timezone=True)
    op.create_table(
        "carries",
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", moment, server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_carries_job_id_jobs")),
        sa.PrimaryKeyConstraint("job_id", "index", name=op.f("pk_carries")),
    )
    op.create_index(op.f("ix_carries_created_at"), "carries", ["created_at"])


def downgrade() -> None:
    op.drop_table("carries")
    op.drop_index("ix_jobs_continuing", table_name="jobs")
    op.drop_column("jobs", "continues")
