"""The tables of what runs, and of what was."""

from datetime import datetime

from sqlalchemy import BigInteger, func
from sqlalchemy.orm import Mapped, mapped_column

from services.registry.db.base import Base
from services.registry.states import JobKind, JobStatus


class RemovedJobs(Base):
    """How many jobs of a kind with such an end were removed for their age or number: what has ended is counted forever."""

    __tablename__ = "removed_jobs"

    kind: Mapped[JobKind] = mapped_column(primary_key=True)
    status: Mapped[JobStatus] = mapped_column(primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)


class WorkerProcess(Base):
    """A worker or a reaper that runs, or did a while ago."""

    __tablename__ = "workers"

    name: Mapped[str] = mapped_column(primary_key=True)
    role: Mapped[str]
    metrics: Mapped[str]  # host:port where Prometheus can read it
    device: Mapped[str]  # what it computes on: cpu or cuda
    cores: Mapped[int]  # that it may use
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
