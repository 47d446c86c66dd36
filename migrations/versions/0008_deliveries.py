"""Deliveries of a webhook are listed newest first by an index, however many there are.

Revision ID: 0008
Revises: 0007
"""

from alembic import op

revision = "0008"
down_revision = "0007"

TABLE = "webhook_deliveries"


def upgrade() -> None:
    op.create_index("ix_webhook_deliveries_listed", TABLE, ["endpoint_id", "created_at", "id"])
    op.drop_index("ix_webhook_deliveries_endpoint_id", TABLE)


def downgrade() -> None:
    op.create_index("ix_webhook_deliveries_endpoint_id", TABLE, ["endpoint_id"])
    op.drop_index("ix_webhook_deliveries_listed", TABLE)
