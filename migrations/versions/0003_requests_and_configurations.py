"""Solve requests and configurations that were recorded before 0002, in the words of today.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

PLACES = (("runs", "config", "'{model}'"), ("jobs", "request", "'{config,model}'"))  # where configurations are


def upgrade() -> None:
    op.execute(
        "UPDATE jobs SET request = request - 'max_steps' - 'halt_threshold' || jsonb_build_object('effort', "
        "jsonb_strip_nulls(jsonb_build_object('max_steps', request -> 'max_steps', "
        "'halt_threshold', request -> 'halt_threshold'))) WHERE kind = 'solve' AND request ? 'max_steps'"
    )
    for table, column, path in PLACES:
        op.execute(
            f"UPDATE {table} SET {column} = jsonb_set({column}, {path}, ({column} #> {path}) - 'gradient' || "  # noqa: S608
            f"jsonb_build_object('gradient_steps', CASE {column} #> {path} ->> 'gradient' WHEN 'last_updates' THEN 1 END)) "
            f"WHERE {column} #> {path} ? 'gradient'"
        )


def downgrade() -> None:
    op.execute(
        "UPDATE jobs SET request = request - 'effort' || jsonb_build_object('max_steps', request #> '{effort,max_steps}', "
        "'halt_threshold', request #> '{effort,halt_threshold}') WHERE kind = 'solve' AND request ? 'effort'"
    )
    for table, column, path in PLACES:  # younger configurations hold more that older code does not know: they stay
        op.execute(
            f"UPDATE {table} SET {column} = jsonb_set({column}, {path}, ({column} #> {path}) - 'gradient_steps' || "  # noqa: S608
            f"jsonb_build_object('gradient', CASE WHEN {column} #> {path} -> 'gradient_steps' = '1' THEN 'last_updates' "
            f"ELSE 'last_recursion' END)) WHERE {column} #> {path} ? 'gradient_steps' AND NOT {column} #> {path} ? 'hypotheses'"
        )
