"""Tables of running processes and of removed jobs."""

from datetime import datetime

from sqlalchemy import BigInteger, Text, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from services.registry.db.base import Base
from services.registry.states import JobKind, JobStatus


class RemovedJobs(Base):
    """Counts of removed jobs by kind and outcome, so that totals never decrease."""

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
    device_name: Mapped[str | None]  # of a GPU
    devices: Mapped[int] = mapped_column(server_default=text("1"))  # that a job can have: GPUs, or cores
    memory_bytes: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))  # of one GPU, or of the machine
    labels: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))  # that its operator gave it
    cores: Mapped[int]  # that it may use
    concurrency: Mapped[int] = mapped_column(server_default=text("1"))  # jobs at once
    slots_busy: Mapped[int | None]  # chains in thought at its last heartbeat; none where it does not solve
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
