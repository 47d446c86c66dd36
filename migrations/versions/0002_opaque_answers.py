"""What a request with an idempotency key was answered is kept as the gateway has rendered it: one value, which only the gateway reads.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

TABLE = "idempotency_keys"
# a line of JSON with status and headers, then the body: services.gateway.views.answers.Answer
JOIN = """
    UPDATE idempotency_keys SET answer =
        convert_to(json_build_object('status', status, 'headers', coalesce(headers, '{}'))::text || chr(10) || body, 'UTF8')
    WHERE status IS NOT NULL AND body IS NOT NULL
"""
PART = """
    UPDATE idempotency_keys
    SET status = (head ->> 'status')::smallint, headers = head -> 'headers', body = substr(answered.text, length(line) + 2)
    FROM (SELECT owner, route, key, convert_from(answer, 'UTF8') AS text FROM idempotency_keys WHERE answer IS NOT NULL) answered,
        split_part(answered.text, chr(10), 1) line, CAST(line AS jsonb) head
    WHERE (idempotency_keys.owner, idempotency_keys.route, idempotency_keys.key) = (answered.owner, answered.route, answered.key)
"""


def upgrade() -> None:
    op.add_column(TABLE, sa.Column("answer", sa.LargeBinary(), nullable=True))
    op.execute(JOIN)
    for name in ("status", "headers", "body"):
        op.drop_column(TABLE, name)


def downgrade() -> None:
    op.add_column(TABLE, sa.Column("status", sa.SmallInteger(), nullable=True))
    op.add_column(TABLE, sa.Column("headers", postgresql.JSONB(), nullable=True))
    op.add_column(TABLE, sa.Column("body", sa.Text(), nullable=True))
    op.execute(PART)
    op.drop_column(TABLE, "answer")
