"""The board that says whether the service does its work: requests, the queue, and what goes wrong."""

from deploy.grafana.boards.board import Board, Section
from deploy.grafana.boards.panels import RATE, lines, number, quantile, rows, typical_and_slow

REQUESTS = f"rate(trm_http_requests_total{RATE})"
FAILED = f'rate(trm_http_requests_total{{status=~"5.."}}{RATE})'

NOW = (
    number(
        "Does every process answer?",
        "Processes that Prometheus cannot read: gateways, workers and reapers. All answer when it is 0.",
        "count(up == 0) or vector(0)",
        at=[1],
    ),
    number(
        "Do alerts fire?",
        "Alerts that fire now; the runbook says for each what it means and what to do.",
        'count(ALERTS{alertstate="firing"}) or vector(0)',
        at=[1],
    ),
    number(
        "What share of requests fails?",
        "Answers with a status of 500 or above, of all answers. The alert RequestsFail fires above 5 %.",
        f"(sum({FAILED}) or vector(0)) / sum({REQUESTS})",
        unit="percentunit",
        page="jobs",
        at=[0.01, 0.05],
    ),
    number(
        "How long has the oldest job waited?",
        "Age of the job that could have been claimed longest. The alert QueueIsStuck fires above an hour.",
        "max(trm_oldest_queued_age_seconds)",
        unit="s",
        at=[600, 3600],
    ),
)
REQUEST_PANELS = (
    lines(
        "How many requests are answered?",
        "Requests a second, by the template of their path.",
        {"{{method}} {{route}}": f"sum by (method, route) ({REQUESTS})"},
        unit="reqps",
    ),
    lines(
        "How long does an answer take?",
        "Of all requests but event streams, which stay open; the points are single requests with their request id.",
        {
            name: quantile(share, "trm_http_request_seconds", where='{route!~".*/events"}')
            for name, share in (("median", 0.5), ("95th percentile", 0.95), ("99th percentile", 0.99))
        },
        unit="s",
        at=[1, 5],
        exemplars=True,
    ),
    lines(
        "Which routes are slow?",
        "95th percentile of the time to answer. A request with Prefer: wait and an event stream take as long as they are told to.",
        {"{{method}} {{route}}": f"{quantile(0.95, 'trm_http_request_seconds', 'method', 'route')} > 0"},
        unit="s",
    ),
    lines(
        "Why are requests refused?",
        "Answers a second with a status of 400 or above: 401 and 403 for keys, 422 for bad input, 429 more than the limits allow, "
        "503 a part that is away, 507 no room in the storage.",
        {
            "{{status}}": f'sum by (status) (rate(trm_http_requests_total{{status=~"4..|5.."}}{RATE})) '
            'or label_replace(vector(0), "status", "none", "", "")'
        },
        unit="reqps",
        page="settings",
        width=12,
    ),
    lines(
        "Which alerts fire?",
        "Number of firing alerts by name; the runbook has a section for each.",
        {
            "{{alertname}}": 'sum by (alertname) (ALERTS{alertstate="firing"}) '
            'or label_replace(vector(0), "alertname", "none", "", "")'
        },
        page="queue",
        width=12,
    ),
)
JOB_PANELS = (
    lines(
        "How many jobs are accepted?",
        "Jobs a minute that the gateway has accepted.",
        {"{{kind}}": f"60 * sum by (kind) (rate(trm_jobs_submitted_total{RATE}))"},
        unit="cpm",
    ),
    lines(
        "How many jobs end, and how?",
        "Jobs a minute that have reached their end.",
        {"{{kind}} {{outcome}}": f"60 * sum by (kind, outcome) (rate(trm_jobs_finished_total{RATE}))"},
        unit="cpm",
    ),
    lines(
        "Which jobs have not ended?",
        "Jobs that wait for a worker, that run, and that their owner has paused.",
        {"{{kind}} {{status}}": 'sum by (kind, status) (trm_jobs{status=~"queued|running|paused"})'},
        page="queue",
    ),
    lines(
        "How long does a job wait for a worker?",
        "Time from when a job could be claimed until a worker has claimed it.",
        typical_and_slow("trm_job_queue_wait_seconds", "kind"),
        unit="s",
        page="queue",
        at=[600, 3600],
        exemplars=True,
    ),
    lines(
        "How long does an attempt at a job take?",
        "95th percentile of the time that a worker spent on a job.",
        {"{{kind}}": quantile(0.95, "trm_job_run_seconds", "kind")},
        unit="s",
        exemplars=True,
    ),
    lines(
        "Which jobs do not succeed?",
        "Jobs that failed, expired before a worker took them, or were given up because they kill their trainer.",
        {
            "{{kind}} failed": f'sum by (kind) (increase(trm_jobs_finished_total{{outcome="failed"}}{RATE}))',
            "{{kind}} expired": f"sum by (kind) (increase(trm_jobs_expired_total{RATE}))",
            "{{kind}} quarantined": f"sum by (kind) (increase(trm_jobs_quarantined_total{RATE}))",
        },
        at=[1],
    ),
    rows(
        "Which jobs have failed last?",
        "The newest failed jobs with the code that says why; an id leads to the job in the console.",
        """
        SELECT id, kind, coalesce(name, '') AS name, error_code AS "error", finished_at AS "failed at" FROM jobs
        WHERE status = 'failed' AND $__timeFilter(finished_at) ORDER BY finished_at DESC LIMIT 20
        """,
        link="jobs",
    ),
    lines(
        "How long do jobs lack a message?",
        "Longest time that a queued job has waited for its message to the broker; it is above 0 while the broker is away.",
        {"longest": "max(trm_oldest_unpublished_age_seconds)"},
        unit="s",
        page="queue",
        at=[10, 60],
        width=6,
    ),
    rows(
        "Do webhooks arrive?",
        "Messages to the owners' endpoints that were made in this time: arrived, to be sent again, and given up.",
        """
        SELECT count(*) FILTER (WHERE delivered_at IS NOT NULL) AS arrived, count(*) FILTER (WHERE due_at IS NOT NULL) AS waiting,
        count(*) FILTER (WHERE due_at IS NULL AND delivered_at IS NULL) AS "given up"
        FROM webhook_deliveries WHERE $__timeFilter(created_at)
        """,
        page="settings",
        width=6,
    ),
)
SERVICE = Board(
    "trm-service",
    "Service",
    "Does TRM Service do its work: requests, the queue, and what goes wrong.",
    "queue",
    [Section("Now", "queue", NOW), Section("Requests", "jobs", REQUEST_PANELS), Section("Jobs", "jobs", JOB_PANELS)],
)
