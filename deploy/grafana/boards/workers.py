"""The board of what the service stands on: its processes, the attempts that they lose, disks and tables."""

from deploy.grafana.boards.board import Board, Section
from deploy.grafana.boards.panels import RATE, lines, number, quantile, rows

NOW = (
    number(
        "How many workers answer?",
        "Workers and reapers that Prometheus can read.",
        'sum(up{job="workers"})',
        at=[3, 1],
    ),
    number(
        "Does the reaper do its duty?",
        "Seconds since it last did. The alert ReaperIsSilent fires above 120.",
        'time() - max(trm_worker_last_heartbeat_timestamp_seconds{role="reaper"})',
        unit="s",
        at=[30, 120],
    ),
    number(
        "How much room is left for artifacts?",
        "Bytes above the floor below which nothing is stored. The alert StorageIsFull fires below 0; nothing for a bucket.",
        "min(trm_storage_free_bytes - trm_storage_floor_bytes)",
        unit="bytes",
        page="runs",
        at=[10 << 30, 1 << 30],
    ),
    number(
        "How many jobs lost their worker?",
        "Leases that expired within the last hour: jobs that were taken from a worker that stopped responding.",
        "sum(increase(trm_lease_expirations_total[1h]))",
        page="jobs",
        at=[1],
    ),
)
PROCESSES = (
    rows(
        "Which workers are there?",
        "Every worker and reaper that runs, or that disappeared a while ago, with what it computes on and when it was last seen.",
        """
        SELECT name, role, device, cores, concurrency AS "jobs at once", slots_busy AS "chains", started_at AS "since",
        seen_at AS "last seen" FROM workers ORDER BY role, started_at DESC LIMIT 100
        """,
    ),
    lines(
        "Which processes answer?",
        "1 where Prometheus could read the process, 0 where it could not.",
        {"{{job}} {{instance}}": "up"},
        width=12,
    ),
    lines(
        "When did each process last do its duty?",
        "Seconds since; a worker without a job has none to do.",
        {"{{role}} {{instance}}": "time() - trm_worker_last_heartbeat_timestamp_seconds"},
        unit="s",
    ),
    lines(
        "How much memory do workers need?",
        "Peak memory of a worker and its child processes since it started.",
        {"{{instance}}": "trm_worker_peak_memory_bytes"},
        unit="bytes",
    ),
    lines(
        "Which versions run?",
        "Processes by the version that they run; two versions at once only while an upgrade is under way.",
        {"{{version}}": "count by (version) (trm_build_info)"},
    ),
)
ATTEMPTS = (
    lines(
        "How do attempts at jobs end?",
        "Attempts a minute by outcome: lost when the worker stopped responding, retried when the job goes on in another attempt.",
        {"{{kind}} {{outcome}}": f"60 * sum by (kind, outcome) (rate(trm_attempts_ended_total{RATE}))"},
        unit="cpm",
    ),
    lines(
        "Do workers lose their jobs?",
        "Leases that expired, and writes that were refused since the worker had lost the job.",
        {
            "{{kind}} lease expired": f"sum by (kind) (increase(trm_lease_expirations_total{RATE}))",
            "{{kind}} write refused": f"sum by (kind) (increase(trm_stale_writes_rejected_total{RATE}))",
        },
        at=[1],
    ),
    lines(
        "Are messages lost?",
        "Messages that were sent again because no worker had come for the job.",
        {"{{kind}}": f"sum by (kind) (increase(trm_jobs_republished_total{RATE}))"},
        page="queue",
    ),
    rows(
        "Which attempts did not succeed?",
        "The newest attempts that failed, were retried or lost, with the code that says why.",
        """
        SELECT a.job_id AS id, a.attempt, a.worker, a.outcome, a.error_code AS "error", a.ended_at AS "ended"
        FROM job_attempts a WHERE a.outcome IN ('failed', 'retried', 'lost') AND $__timeFilter(a.ended_at)
        ORDER BY a.ended_at DESC LIMIT 20
        """,
        link="jobs",
        width=24,
    ),
)
STORAGE = (
    lines(
        "How much room is there for artifacts?",
        "Free bytes of the storage's disk, and the floor below which nothing is stored; nothing for a bucket.",
        {"free": "min(trm_storage_free_bytes)", "floor": "max(trm_storage_floor_bytes)"},
        unit="bytes",
    ),
    lines(
        "How fast do checkpoints fill the storage?",
        "Bytes of checkpoints stored a second.",
        {"stored": f"sum(rate(trm_checkpoint_bytes_total{RATE}))"},
        unit="Bps",
    ),
    lines(
        "How long does storing a checkpoint take?",
        "95th percentile of the time from the trainer's word to the complete record.",
        {"95th percentile": quantile(0.95, "trm_checkpoint_write_seconds")},
        unit="s",
        at=[10, 30],
    ),
    lines(
        "Are checkpoints damaged or not stored?",
        "Those that could not be stored, and those that are not what was stored when they are read.",
        {
            "not stored: {{reason}}": f"sum by (reason) (increase(trm_checkpoint_failures_total{RATE}))",
            "damaged: {{kind}}": f"sum by (kind) (increase(trm_checkpoints_damaged_total{RATE}))",
        },
        at=[1],
    ),
    lines(
        "How long do retired checkpoints stay?",
        "Longest time that a retired checkpoint's files wait to be deleted; they wait while a backup is made.",
        {"longest": "max(trm_oldest_retired_checkpoint_age_seconds)"},
        unit="s",
        at=[600, 3600],
    ),
    lines(
        "How large are the tables?",
        "Disk space of each table of the database, with its indexes.",
        {"{{table}}": "max by (table) (trm_table_bytes)"},
        unit="bytes",
        page="jobs",
    ),
    lines(
        "What does retention remove?",
        "Rows removed an hour, for their age or number.",
        {"{{what}}": f"3600 * sum by (what) (rate(trm_retention_removed_total{RATE}))"},
        page="jobs",
    ),
    rows(
        "Which runs fill the storage?",
        "Checkpoints of each run that are kept, and their bytes.",
        """
        SELECT r.id, coalesce(r.name, r.preset) AS name, count(*) AS checkpoints, sum(c.bytes)::bigint AS bytes,
        max(c.created_at) AS "newest" FROM checkpoints c JOIN runs r ON r.id = c.run_id WHERE c.retired_at IS NULL
        GROUP BY r.id, r.name, r.preset ORDER BY 4 DESC LIMIT 20
        """,
        link="runs",
        width=16,
        units={"bytes": "bytes"},
    ),
)
WORKERS = Board(
    "trm-workers",
    "Workers and storage",
    "What the service stands on: its processes, the attempts that they lose, disks and tables.",
    "queue",
    [
        Section("Now", "queue", NOW),
        Section("Processes", "queue", PROCESSES),
        Section("Attempts", "jobs", ATTEMPTS),
        Section("Storage", "runs", STORAGE),
    ],
)
