"""What the tables have in common: how Python's types are stored, and how constraints are named."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import REAL, BigInteger, Enum, MetaData, Text, func
from sqlalchemy.dialects.postgresql import ARRAY, DOUBLE_PRECISION, JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from services.registry.states import JobKind, JobStatus, Outcome, UncountedReason

Json = dict[str, Any]
Reals = list[float | None]  # one entry a supervision step; None where no slot was at that step
Integers = list[int]


def _make_enum(values: type[StrEnum], name: str) -> Enum:
    return Enum(
        values,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=16,
        values_callable=lambda e: [m.value for m in e],
    )


class Base(DeclarativeBase):
    """Root of the tables; constraints are named by rule, so that migrations can address them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        str: Text,
        float: DOUBLE_PRECISION,
        datetime: TIMESTAMP(timezone=True),
        Json: JSONB(none_as_null=True),
        list[Json]: JSONB(none_as_null=True),
        Reals: ARRAY(REAL, dimensions=1),
        Integers: ARRAY(BigInteger, dimensions=1),
        JobKind: _make_enum(JobKind, "kind"),
        JobStatus: _make_enum(JobStatus, "status"),
        Outcome: _make_enum(Outcome, "outcome"),
        UncountedReason: _make_enum(UncountedReason, "uncounted"),
    }


class Dated(Base):
    """A table whose rows have an id and are listed by when they were made."""

    __abstract__ = True

    id: Mapped[str] = mapped_column(primary_key=True, sort_order=-1)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), sort_order=1)
