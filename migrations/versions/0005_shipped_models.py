"""Solve jobs may name a model that ships with the package, which is no checkpoint of a run.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

CHECK = "ck_jobs_solve_has_model"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("pretrained", sa.Text(), nullable=True))
    op.drop_constraint(op.f(CHECK), "jobs", type_="check")
    op.create_check_constraint(op.f(CHECK), "jobs", "kind <> 'solve' OR (model_id IS NULL) <> (pretrained IS NULL)")


def downgrade() -> None:  # jobs with a shipped model cannot be told in the older words
    for table in ("solutions", "job_events", "job_attempts"):
        op.execute(f"DELETE FROM {table} WHERE job_id IN (SELECT id FROM jobs WHERE pretrained IS NOT NULL)")  # noqa: S608
    op.execute("DELETE FROM jobs WHERE pretrained IS NOT NULL")
    op.drop_constraint(op.f(CHECK), "jobs", type_="check")
    op.create_check_constraint(op.f(CHECK), "jobs", "kind <> 'solve' OR model_id IS NOT NULL")
    op.drop_column("jobs", "pretrained")
