"""What a console needs: what workers have in hand, what owners call their jobs and runs, evaluations as jobs.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"


KINDS = ("train", "solve", "evaluate")
MODEL = "(model_id IS NULL) <> (pretrained IS NULL)"


def upgrade() -> None:
    _allow(KINDS, f"kind = 'train' OR {MODEL}")
    op.add_column("run_evaluations", sa.Column("report", postgresql.JSONB(), nullable=True))
    _keep_lines()
    _name_checkpoints()
    op.add_column("workers", sa.Column("concurrency", sa.Integer(), server_default=sa.text("1"), nullable=False))
    op.add_column("workers", sa.Column("slots_busy", sa.Integer(), nullable=True))
    op.add_column("jobs", sa.Column("name", sa.Text(), nullable=True))
    empty = sa.text("'{}'")
    for table in ("jobs", "runs"):
        op.add_column(table, sa.Column("tags", postgresql.ARRAY(sa.Text()), server_default=empty, nullable=False))
        op.add_column(table, sa.Column("metadata", postgresql.JSONB(), server_default=empty, nullable=False))


def _keep_lines() -> None:
    moment = postgresql.TIMESTAMP(timezone=True)
    op.create_table(
        "job_lines",
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", moment, server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_job_lines_job_id_jobs")),
        sa.PrimaryKeyConstraint("job_id", "seq", name=op.f("pk_job_lines")),
    )


def _name_checkpoints() -> None:
    moment = postgresql.TIMESTAMP(timezone=True)
    op.create_table(
        "model_versions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("checkpoint_id", sa.Text(), nullable=False),
        sa.Column("created_at", moment, server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["checkpoint_id"], ["checkpoints.id"], name=op.f("fk_model_versions_checkpoint_id_checkpoints")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_versions")),
        sa.UniqueConstraint("owner", "name", "version", name=op.f("uq_model_versions_owner_name_version")),
    )
    op.create_index(op.f("ix_model_versions_checkpoint_id"), "model_versions", ["checkpoint_id"])


def downgrade() -> None:
    op.execute("DELETE FROM job_attempts USING jobs WHERE jobs.id = job_id AND kind = 'evaluate'")
    op.execute("DELETE FROM job_events USING jobs WHERE jobs.id = job_id AND kind = 'evaluate'")
    op.execute("DELETE FROM jobs WHERE kind = 'evaluate'")
    op.execute("DELETE FROM removed_jobs WHERE kind = 'evaluate'")
    _allow(KINDS[:2], f"kind <> 'solve' OR {MODEL}")
    op.drop_column("run_evaluations", "report")
    op.drop_table("job_lines")
    op.drop_table("model_versions")
    for table in ("jobs", "runs"):
        op.drop_column(table, "metadata")
        op.drop_column(table, "tags")
    op.drop_column("jobs", "name")
    op.drop_column("workers", "slots_busy")
    op.drop_column("workers", "concurrency")


def _allow(kinds: tuple[str, ...], has_model: str) -> None:
    """Have jobs, and what is counted of them, be of these kinds."""
    for table in ("jobs", "removed_jobs"):
        op.drop_constraint(op.f(f"ck_{table}_kind"), table)
        op.create_check_constraint(op.f(f"ck_{table}_kind"), table, sa.column("kind").in_(kinds))
    op.drop_constraint(op.f("ck_jobs_solve_has_model"), "jobs")
    op.create_check_constraint(op.f("ck_jobs_solve_has_model"), "jobs", has_model)
