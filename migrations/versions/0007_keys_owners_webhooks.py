"""API keys, an owner for everything that users make, webhooks, and a log of who did what.

Revision ID: 0007
Revises: 0006
"""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

OWNED = ("datasets", "jobs", "runs")
MOMENT = TIMESTAMP(timezone=True)
CREATED = ["owner", "created_at", "id"]
QUEUED = sa.text("status = 'queued'")


def upgrade() -> None:
    for table in OWNED:
        op.add_column(table, sa.Column("owner", sa.Text(), server_default="local", nullable=False))
        op.create_index(op.f(f"ix_{table}_owner_created_at_id"), table, CREATED)
    op.drop_constraint("uq_datasets_name", "datasets")
    op.create_unique_constraint("uq_datasets_owner_name", "datasets", ["owner", "name"])
    _turn_callers_into_owners()
    _make_keys()
    _make_audit_log()
    _make_webhooks()


def _turn_callers_into_owners() -> None:
    """Until now all callers were `anonymous`: of jobs that column holds nothing, and the new one takes its place."""
    op.drop_index("ix_jobs_waiting", table_name="jobs")
    op.drop_column("jobs", "caller")
    op.create_index("ix_jobs_waiting", "jobs", ["owner"], postgresql_where=QUEUED)
    op.alter_column("idempotency_keys", "caller", new_column_name="owner")
    op.execute("UPDATE idempotency_keys SET owner = 'local' WHERE owner = 'anonymous'")


def _turn_owners_into_callers() -> None:
    op.execute("UPDATE idempotency_keys SET owner = 'anonymous' WHERE owner = 'local'")
    op.alter_column("idempotency_keys", "owner", new_column_name="caller")
    op.drop_index("ix_jobs_waiting", table_name="jobs")
    op.add_column("jobs", sa.Column("caller", sa.Text(), server_default="anonymous", nullable=False))
    op.create_index("ix_jobs_waiting", "jobs", ["caller"], postgresql_where=QUEUED)


def _created_at() -> sa.Column[datetime]:
    return sa.Column("created_at", MOMENT, server_default=sa.func.now(), nullable=False)


def _text(name: str, *, optional: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=optional)


def _make_keys() -> None:
    op.create_table(
        "api_keys",
        _text("id"),
        _text("owner"),
        _text("name"),
        _text("secret_sha256"),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("expires_at", MOMENT),
        sa.Column("revoked_at", MOMENT),
        sa.Column("last_used_at", MOMENT),
        _created_at(),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
    )
    op.create_index("ix_api_keys_created_at_id", "api_keys", ["created_at", "id"])


def _make_audit_log() -> None:
    op.create_table(
        "audit_log",
        _text("id"),
        _created_at(),
        _text("owner"),
        _text("caller"),
        _text("action"),
        _text("object", optional=True),
        _text("request_id", optional=True),
        _text("outcome"),
        sa.PrimaryKeyConstraint("id", name="pk_audit_log"),
    )
    op.create_index("ix_audit_log_created_at_id", "audit_log", ["created_at", "id"])


def _make_webhooks() -> None:
    op.create_table(
        "webhook_endpoints",
        _text("id"),
        _text("owner"),
        _text("url"),
        sa.Column("events", sa.ARRAY(sa.Text()), nullable=False),
        _text("secret"),
        sa.Column("disabled_at", MOMENT),
        _created_at(),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_endpoints"),
    )
    op.create_index("ix_webhook_endpoints_owner", "webhook_endpoints", ["owner"])
    op.create_table(
        "webhook_deliveries",
        _text("id"),
        _text("endpoint_id"),
        sa.Column("payload", JSONB(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("due_at", MOMENT, server_default=sa.func.now()),
        sa.Column("delivered_at", MOMENT),
        _text("outcome", optional=True),
        _created_at(),
        sa.CheckConstraint(
            "delivered_at IS NULL OR due_at IS NULL", name=op.f("ck_webhook_deliveries_delivered_is_done")
        ),
        sa.ForeignKeyConstraint(
            ["endpoint_id"],
            ["webhook_endpoints.id"],
            name="fk_webhook_deliveries_endpoint_id_webhook_endpoints",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_deliveries"),
    )
    op.create_index("ix_webhook_deliveries_endpoint_id", "webhook_deliveries", ["endpoint_id"])
    op.create_index(
        "ix_webhook_deliveries_due", "webhook_deliveries", ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL")
    )


def downgrade() -> None:
    for table in ("webhook_deliveries", "webhook_endpoints", "audit_log", "api_keys"):
        op.drop_table(table)
    _turn_owners_into_callers()
    op.drop_constraint("uq_datasets_owner_name", "datasets")
    # names are unique for each owner only: two of the same would not fit back, and the older keeps it
    op.execute(
        "UPDATE datasets SET name = name || '-' || id WHERE EXISTS "
        "(SELECT 1 FROM datasets older WHERE older.name = datasets.name AND older.id < datasets.id)"
    )
    op.create_unique_constraint("uq_datasets_name", "datasets", ["name"])
    for table in OWNED:
        op.drop_index(op.f(f"ix_{table}_owner_created_at_id"), table_name=table)
        op.drop_column(table, "owner")
