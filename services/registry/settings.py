"""The deployment's settings: read from `TRM_*` environment variables and secret files, never at import."""

import re
import warnings
from pathlib import Path
from typing import Annotated, Any, Literal

import fsspec
from pydantic import AfterValidator, Field, StringConstraints, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from services.registry.errors import SettingMissing, SettingsInvalid
from trm.config.run import CompileChoice

SECRETS_DIR = Path("/run/secrets")
MIB = 1 << 20

LABEL = r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$"
Label = Annotated[str, StringConstraints(pattern=LABEL)]  # of a worker
AbsolutePath = Annotated[Path, AfterValidator(lambda path: path.expanduser().absolute())]


def _artifacts(data: dict[str, Any]) -> str:
    return (data["data_dir"] / "artifacts").as_uri() if "data_dir" in data else ""


class Settings(BaseSettings):
    """Everything a deployment can set: each field is the variable `TRM_<NAME>`, or the secret file `trm_<name>`."""

    model_config = SettingsConfigDict(env_prefix="TRM_", frozen=True, extra="forbid", env_ignore_empty=True)

    database_url: str | None = Field(default=None, repr=False)  # postgresql://user:password@host/name
    reader_password: str | None = Field(default=None, repr=False)  # of the role trm_reader, which dashboards read with
    broker_url: str | None = Field(default=None, repr=False)  # redis://host:6379/0 or redis+socket:///path
    data_dir: AbsolutePath = Field(default=Path(".data"), validate_default=True)
    # any fsspec URL, such as s3://bucket/folder; <data_dir>/artifacts unless set
    storage_url: str = Field(default_factory=_artifacts)

    min_free_bytes: int = Field(default=256 * MIB, ge=0)  # of a local storage's disk: below, nothing is stored or begun
    keep_checkpoints: int = Field(default=5, ge=1)  # of a run, its last; the best and those in use stay too

    keep_jobs_days: float = Field(default=90, ge=0)  # after their end; trainings that have checkpoints stay; 0: forever
    keep_jobs: int = Field(default=100_000, ge=0)  # ended ones of each kind, the newest; 0: any number
    keep_events_days: float = Field(default=30, ge=0)  # of ended jobs, all but the last; 0: as long as the job
    keep_events: int = Field(default=10_000_000, ge=0)  # of all jobs, those that ended last; 0: any number
    keep_carries_hours: float = Field(default=24, ge=0)  # what solves may continue from; 0: as long as the job
    keep_carries_bytes: int = Field(default=1024 * MIB, ge=0)  # of all jobs, the newest; 0: any number
    max_carry_bytes: int = Field(default=64 * MIB, ge=0)  # of one job; 0: none is kept
    keep_audit_days: float = Field(default=365, ge=0)  # 0: forever
    keep_audit: int = Field(default=1_000_000, ge=0)  # records, the newest; 0: any number

    gateway_host: str = "127.0.0.1"
    gateway_port: int = Field(default=8000, ge=0, le=65_535)  # 0: a free one
    auth: Literal["auto", "on", "off"] = "auto"  # ask for API keys; auto: unless gateway_host is the loopback
    auth_off_exposed: bool = False  # let auth=off stand although gateway_host can be reached from elsewhere
    admin_secret: str | None = Field(default=None, repr=False)  # 64 hexadecimal digits; the key is trm_admin_<secret>
    submits_per_minute: int = Field(default=600, ge=0)  # for each API key: whatever is not a read; 0: no limit
    reads_per_minute: int = Field(default=6_000, ge=0)  # for each API key; 0: no limit
    strangers_per_minute: int = Field(default=300, ge=0)  # requests without a valid key, for each address; 0: no limit
    webhooks: bool = False  # tell owners' own servers of jobs that have ended
    worker_metrics_host: str = "127.0.0.1"
    worker_metrics_port: int = Field(default=0, ge=0, le=65_535)  # 0: a free one, announced in the log

    device: str = "auto"
    worker_labels: Annotated[tuple[Label, ...], NoDecode] = ()  # words that jobs can ask for, separated by commas
    compile: CompileChoice = "auto"  # fuse a model's kernels: auto does for large ones, where there is a compiler
    # cores for each process that computes; unless set, all that affinity and cgroup allow, and solving makes room for training
    threads: int | None = Field(default=None, ge=1, le=1024)
    solve_concurrency: int = Field(default=32, ge=1, le=256)  # solve jobs at once in a worker, sharing its slots
    # chains a model thinks about at once; suits the device unless set
    solve_slots: int | None = Field(default=None, ge=1, le=65_536)
    solve_models: int = Field(default=2, ge=1, le=64)  # models a solve worker keeps in memory

    lease_seconds: float = Field(default=30, gt=0)  # a worker silent for longer has lost its job
    heartbeat_seconds: float = Field(default=5, gt=0)
    reaper_interval_seconds: float = Field(default=5, gt=0)
    republish_seconds: float = Field(default=30, gt=0)  # a queued job unclaimed for longer is announced again
    stop_grace_seconds: float = Field(default=20, gt=0)  # a training has this long to save before it is killed
    worker_idle_seconds: float = Field(default=0, ge=0)  # a worker with no job for longer ends; 0: it stays
    max_attempts: int = Field(default=3, ge=1, le=100)
    quarantine_deaths: int = Field(default=3, ge=1, le=100)  # trainers that a job may kill in a row at the same step
    metrics_batch_rows: int = Field(default=100, ge=1, le=10_000)  # logged steps written at once
    metrics_batch_seconds: float = Field(default=1, gt=0)  # a logged step waits no longer than this

    max_connections: int = Field(default=1_000, ge=1)  # more are refused; each takes a file descriptor
    header_seconds: float = Field(default=10, gt=0)  # for a request's headers to arrive
    body_seconds: float = Field(default=300, gt=0)  # for its body
    idle_seconds: float = Field(default=20, gt=0)  # between two pieces of a body, or for a client to read of an answer
    max_body_bytes: int = Field(default=32 * MIB, ge=1024)
    # in memory at once, of all requests; never less than one body
    max_bodies_bytes: int = Field(default=64 * MIB, ge=1024)
    max_checkpoint_bytes: int = Field(default=256 * MIB, ge=1024)  # of an uploaded model
    max_upload_lines: int = Field(default=1_000_000, ge=1)  # of an uploaded data file, or JSON objects in it
    max_upload_seconds: float = Field(default=120, gt=0)  # to read one
    max_json_depth: int = Field(default=32, ge=4, le=200)  # brackets inside brackets
    max_queued_jobs: int = Field(default=100_000, ge=1)  # more are refused until some have begun
    max_queued_jobs_per_owner: int = Field(default=50_000, ge=1)
    max_puzzles_per_job: int = Field(default=10_000, ge=1)
    warn_training_hours: float = Field(default=24, ge=0)  # a training that will take longer is accepted with a warning
    max_wait_seconds: float = Field(default=60, ge=0)

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["console", "json"] = "console"
    # of the embedded stack: a log larger than that is turned over
    log_file_bytes: int = Field(default=16 * MIB, ge=1024)
    log_files: int = Field(default=3, ge=0, le=100)  # older ones kept of each

    @field_validator("database_url")
    @classmethod
    def _names_the_driver(cls, url: str | None) -> str | None:
        return url and re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", url)

    @field_validator("storage_url")
    @classmethod
    def _names_a_storage(cls, url: str) -> str:
        scheme = url.partition("://")[0] if "://" in url else "file"
        try:
            fsspec.get_filesystem_class(scheme)
        except (ImportError, ValueError) as error:
            raise ValueError(
                f"no storage can be reached by {scheme}://: {error}. For S3 install trm-service[s3]"
            ) from error
        return url

    @field_validator("worker_labels", mode="before")
    @classmethod
    def _are_words(cls, labels: object) -> object:
        return [label.strip() for label in labels.split(",") if label.strip()] if isinstance(labels, str) else labels

    @field_validator("admin_secret")
    @classmethod
    def _is_a_long_secret(cls, secret: str | None) -> str | None:
        if secret is not None and not re.fullmatch(r"[0-9a-f]{64}", secret):
            raise ValueError("must be 64 hexadecimal digits, such as `openssl rand -hex 32` prints")
        return secret

    @field_validator("broker_url")
    @classmethod
    def _names_the_transport(cls, url: str | None) -> str | None:
        return url and re.sub(r"^unix://", "redis+socket://", url)

    @field_validator("heartbeat_seconds")
    @classmethod
    def _beats_within_the_lease(cls, seconds: float, info: ValidationInfo) -> float:
        if seconds * 2 > info.data.get("lease_seconds", seconds * 2):
            raise ValueError("must be at most half of lease_seconds, so that one late heartbeat does not lose the job")
        return seconds

    def require_database_url(self) -> str:
        """The database's URL; raises SettingMissing."""
        if self.database_url is None:
            raise SettingMissing("No database is set. Set TRM_DATABASE_URL to postgresql://user:password@host/name.")
        return self.database_url

    def require_broker_url(self) -> str:
        """The broker's URL; raises SettingMissing."""
        if self.broker_url is None:
            raise SettingMissing("No broker is set. Set TRM_BROKER_URL to redis://host:6379/0 or redis+socket:///path.")
        return self.broker_url


def load_settings() -> Settings:
    """The settings of this process's environment, secret files included where the folder exists; raises SettingsInvalid.

    Its message holds no value: some are secrets.
    """
    try:
        with warnings.catch_warnings(category=UserWarning, action="error"):  # of a folder where a secret file should be
            return Settings(_secrets_dir=SECRETS_DIR if SECRETS_DIR.is_dir() else None)  # type: ignore[call-arg]
    except ValidationError as error:
        said = "; ".join(
            f"TRM_{'_'.join(map(str, e['loc'])).upper()}: {e['msg'].removeprefix('Value error, ')}"
            for e in error.errors()
        )
        raise SettingsInvalid(f"The settings are not valid. {said}.") from None
    except (SettingsError, OSError, UserWarning) as error:
        reason = error.__cause__ or error
        raise SettingsInvalid(f"A secret file in {SECRETS_DIR} cannot be read: {error} ({reason}).") from None
