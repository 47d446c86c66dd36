"""The board of trainings: the one in progress, by Prometheus, and the curves of every run, by Postgres."""

from deploy.grafana.boards.board import Board, Section, Variable
from deploy.grafana.boards.panels import RATE, bars, lines, number, rows, typical_and_slow

RUN_NAME = "coalesce(r.name, r.preset) || ' ' || right(r.id, 6)"
RUN = Variable(
    "run",
    "Run",
    "The trainings whose curves are shown; the newest 200 can be chosen.",
    f"SELECT {RUN_NAME} AS __text, r.id AS __value FROM runs r ORDER BY r.created_at DESC LIMIT 200",
)
LOGGED = "a.started_at + m.seconds * interval '1 second'"  # when a step was logged
METRICS = """
    FROM run_metrics m JOIN runs r ON r.id = m.run_id JOIN jobs j ON j.run_id = r.id AND j.kind = 'train'
    JOIN job_attempts a ON a.job_id = j.id AND a.attempt = m.attempt
"""
SHOWN = f"WHERE r.id IN ($run) AND $__timeFilter({LOGGED})"


def curve(value: str) -> str:
    """One line for each run: a logged value over time, averaged within each interval."""
    return f"""
        SELECT $__timeGroupAlias({LOGGED}, $__interval), {RUN_NAME} AS metric, avg({value}) AS value
        {METRICS} {SHOWN} AND {value} IS NOT NULL GROUP BY 1, 2 ORDER BY 1
    """


NOW = (
    number(
        "How many trainings run?",
        "Training jobs that a worker is at.",
        'sum(trm_jobs{kind="train",status="running"})',
    ),
    number(
        "How many trainings wait?",
        "Training jobs that no worker has claimed yet.",
        'sum(trm_jobs{kind="train",status="queued"})',
        page="queue",
        at=[10, 100],
    ),
    number(
        "How long has a training waited?",
        "Age of the training job that has waited longest for a worker. The alert QueueIsStuck fires above an hour.",
        'max(trm_oldest_queued_age_seconds{kind="train"})',
        unit="s",
        page="queue",
        at=[600, 3600],
    ),
    number(
        "Do checkpoints get stored?",
        "Checkpoints that could not be stored within the last hour. The alert CheckpointsAreNotStored fires at the first.",
        "sum(increase(trm_checkpoint_failures_total[1h]))",
        at=[1],
    ),
    lines(
        "How far is each training?",
        "Share of the training's time that has passed, by worker; nothing while it has none.",
        {"{{instance}}": "trm_train_progress_ratio"},
        unit="percentunit",
    ),
    lines(
        "How fast does it train?",
        "Optimizer updates a second, by worker.",
        {"{{instance}}": f"rate(trm_train_step_seconds_count{RATE})"},
        unit="ops",
    ),
    lines(
        "How long does an update take?",
        "Time of an optimizer update, evaluations left out.",
        typical_and_slow("trm_train_step_seconds"),
        unit="s",
    ),
    lines(
        "Does the loss fall?",
        "Loss at the last logged step of the run in progress, by worker.",
        {"{{instance}}": "trm_train_loss"},
    ),
    lines(
        "How many training puzzles are right?",
        "Share of puzzles exactly right at the last logged step of the run in progress, by worker.",
        {"{{instance}}": "trm_train_exact_accuracy"},
        unit="percentunit",
    ),
    lines(
        "When do puzzles halt in training?",
        "Mean supervision steps until a puzzle halts, at the last logged step of the run in progress.",
        {"{{instance}}": "trm_train_mean_supervision_steps"},
    ),
)
RUNS = (
    lines(
        "How did the loss of each run fall?",
        "Logged loss of the chosen runs.",
        curve("m.loss"),
    ),
    lines(
        "How many training puzzles of each run were right?",
        "Share of puzzles exactly right at each logged step of the chosen runs.",
        curve("m.exact_accuracy"),
        unit="percentunit",
    ),
    lines(
        "How many held-out puzzles of each run are right?",
        "Exact accuracy of every evaluation of the chosen runs, on the validation and the test split.",
        f"""
        SELECT e.created_at AS time, {RUN_NAME} || ' ' || e.split AS metric, e.exact_accuracy AS value
        FROM run_evaluations e JOIN runs r ON r.id = e.run_id
        WHERE r.id IN ($run) AND $__timeFilter(e.created_at) AND e.exact_accuracy IS NOT NULL ORDER BY 1
        """,
        unit="percentunit",
    ),
    lines(
        "How fast did each run train?",
        "Puzzles a second of the chosen runs.",
        curve("m.puzzles_per_second"),
        unit="ops",
    ),
    lines(
        "After how many steps did puzzles halt?",
        "Mean supervision steps until a puzzle of the chosen runs halted.",
        curve("m.mean_supervision_steps"),
    ),
    lines(
        "How well does the halting head know?",
        "Share of puzzles of which it said rightly whether the answer is right.",
        curve("m.halt_accuracy"),
        unit="percentunit",
    ),
    lines(
        "At which supervision step do puzzles halt?",
        "Share of puzzles that halt at each supervision step, the mean of the chosen runs.",
        f"""
        SELECT $__timeGroupAlias({LOGGED}, $__interval), 'step ' || to_char(u.n, 'FM000') AS metric, avg(u.share) AS value
        {METRICS} CROSS JOIN LATERAL unnest(m.halted) WITH ORDINALITY AS u(share, n)
        {SHOWN} AND u.share IS NOT NULL GROUP BY 1, u.n ORDER BY 1, u.n
        """,
        unit="percentunit",
        page="runs",
        width=12,
    ),
    bars(
        "How much does another supervision step help?",
        "Exact accuracy after each supervision step in the newest evaluation of each chosen run, the mean of them.",
        """
        SELECT 'step ' || u.n AS step, avg(u.accuracy) AS "exact accuracy" FROM
        (SELECT DISTINCT ON (run_id) run_id, step_exact_accuracy FROM run_evaluations WHERE run_id IN ($run)
        ORDER BY run_id, created_at DESC) e
        CROSS JOIN LATERAL unnest(e.step_exact_accuracy) WITH ORDINALITY AS u(accuracy, n)
        WHERE u.accuracy IS NOT NULL GROUP BY u.n ORDER BY u.n
        """,
        page="runs",
    ),
    rows(
        "Which trainings are there?",
        "The newest runs; an id leads to the run in the console.",
        """
        SELECT r.id, coalesce(r.name, '') AS name, r.preset, r.dataset, r.step, r.total_steps AS "of",
        r.exact_accuracy AS "exact accuracy", r.created_at AS "begun" FROM runs r
        WHERE r.id IN ($run) ORDER BY r.created_at DESC LIMIT 50
        """,
        page="runs",
        link="runs",
        width=24,
        units={"exact accuracy": "percentunit"},
    ),
)
TRAINING = Board(
    "trm-training",
    "Training",
    "Trainings: the one in progress, and the curves of every run.",
    "runs",
    [Section("In progress", "runs", NOW), Section("Runs", "compare", RUNS)],
    [RUN],
)
