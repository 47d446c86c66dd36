"""The board of solving: how long models think, when they halt, and whether they are as sure as they are right."""

from deploy.grafana.boards.board import Board, Section, Variable
from deploy.grafana.boards.panels import RATE, bars, heat, lines, number, quantile, rows, typical_and_slow

MODEL_NAME = "coalesce(j.pretrained, coalesce(r.name, r.preset) || ' at step ' || c.step || ' ' || right(c.id, 6))"
MODEL_ID = "coalesce(j.pretrained, j.model_id)"
MODELS = "FROM jobs j LEFT JOIN checkpoints c ON c.id = j.model_id LEFT JOIN runs r ON r.id = c.run_id"
MODEL = Variable(
    "model",
    "Model",
    "The models whose answers are shown: those that were asked in this time.",
    f"""
    SELECT DISTINCT {MODEL_NAME} AS __text, {MODEL_ID} AS __value {MODELS}
    WHERE j.kind IN ('solve', 'evaluate') AND $__timeFilter(j.created_at) ORDER BY 1
    """,
)
ANSWERS = f"{MODELS} JOIN solutions s ON s.job_id = j.id"
SHOWN = f"WHERE j.kind = 'solve' AND {MODEL_ID} IN ($model) AND $__timeFilter(j.finished_at)"


def by_model(value: str, condition: str = "true") -> str:
    """One line for each model: the mean of a property of its answers over time."""
    return f"""
        SELECT $__timeGroupAlias(j.finished_at, $__interval), {MODEL_NAME} AS metric, avg({value}) AS value
        {ANSWERS} {SHOWN} AND {condition} GROUP BY 1, 2 ORDER BY 1
    """


NOW = (
    number(
        "How many puzzles are answered?",
        "Puzzles a minute.",
        f"60 * sum(rate(trm_solve_puzzles_total{RATE}))",
        unit="cpm",
    ),
    number(
        "What share of answers obeys the rules?",
        "Of the answers that the puzzle's rules can check; nothing while none are given.",
        f'sum(rate(trm_solve_verified_total{{verdict="verified"}}{RATE})) '
        f'/ sum(rate(trm_solve_verified_total{{verdict=~"verified|refuted"}}{RATE}))',
        unit="percentunit",
        at=[0.9, 0.5],
    ),
    number(
        "How many supervision steps does an answer cost?",
        "Steps of all chains, for each answer: more than the chosen chain's where a request asks for more computation.",
        f"sum(rate(trm_solve_chain_steps_total{RATE})) / sum(rate(trm_solve_puzzles_total{RATE}))",
        at=[64, 1024],
    ),
    number(
        "How long has a solve job waited?",
        "Age of the solve job that has waited longest for a worker.",
        'max(trm_oldest_queued_age_seconds{kind="solve"})',
        unit="s",
        page="queue",
        at=[10, 60],
    ),
)
HALTING = (
    lines(
        "After how many supervision steps is an answer given?",
        "Supervision steps of the chosen chain; whole ones, so that a step is a step.",
        {legend: f"ceil({query})" for legend, query in typical_and_slow("trm_solve_steps").items()},
    ),
    heat(
        "How do the supervision steps spread?",
        "Answers by the number of supervision steps that they took.",
        f"sum by (le) (increase(trm_solve_steps_bucket{RATE}))",
    ),
    heat(
        "How sure are the models?",
        "Answers by the halt probability with which they were given.",
        f"sum by (le) (increase(trm_halt_probability_bucket{RATE}))",
    ),
    lines(
        "Why do chains stop?",
        "Answers a second by the reason why the chosen chain stopped: halted is the model's own decision, budget the limit of steps.",
        {"{{reason}}": f"sum by (reason) (rate(trm_solve_puzzles_total{RATE}))"},
        unit="ops",
        stack=True,
    ),
    lines(
        "What do the puzzles' rules say of the answers?",
        "Answers a second by verdict; unknown where a kind of puzzle has no rules.",
        {"{{verdict}}": f"sum by (verdict) (rate(trm_solve_verified_total{RATE}))"},
        unit="ops",
        stack=True,
    ),
    lines(
        "How sure is the median answer?",
        "Halt probability when an answer is given; a tenth of the answers is below the lower line.",
        {"median": quantile(0.5, "trm_halt_probability"), "10th percentile": quantile(0.1, "trm_halt_probability")},
        unit="percentunit",
    ),
)
ENGINE = (
    lines(
        "How long does a supervision step of a batch take?",
        "All active chains of a model advance together in one step.",
        typical_and_slow("trm_solve_step_seconds"),
        unit="s",
    ),
    lines(
        "How many chains does a worker think about?",
        "Active chains at the last step, of all models, by worker.",
        {"{{instance}}": "trm_solve_slots_busy"},
    ),
    lines(
        "How long do solve jobs and evaluations take?",
        "95th percentile of the time that a worker spent on a job, of those kinds.",
        {"{{kind}}": quantile(0.95, "trm_job_run_seconds", "kind", where='{kind=~"solve|evaluate"}')},
        unit="s",
        page="jobs",
        exemplars=True,
    ),
)
PER_MODEL = (
    lines(
        "What share of each model's answers obeys the rules?",
        "Of the answers that the puzzle's rules can check, in solve jobs that ended then.",
        by_model("s.verified::int", "s.verified IS NOT NULL"),
        unit="percentunit",
    ),
    lines(
        "After how many supervision steps does each model answer?",
        "Mean supervision steps of the chosen chain.",
        by_model("s.steps"),
    ),
    lines(
        "How sure is each model?",
        "Mean halt probability of its answers.",
        by_model("s.halt_probability"),
        unit="percentunit",
    ),
    bars(
        "Are the models as sure as they are right?",
        "Answers in tenths of the halt probability: what the model said of them, and how many obey the rules. Equal bars are a "
        "calibrated model.",
        f"""
        SELECT to_char(least(floor(s.halt_probability * 10), 9) / 10, 'FM0.0') AS "halt probability from",
        avg(s.halt_probability) AS "halt probability", avg(s.verified::int) AS "obeys the rules"
        {ANSWERS} {SHOWN} AND s.verified IS NOT NULL GROUP BY 1 ORDER BY 1
        """,
    ),
    rows(
        "Which models are asked?",
        "Jobs and answers of each model; the model's page in the console has its checkpoints and evaluations.",
        f"""
        SELECT {MODEL_ID} AS id, {MODEL_NAME} AS model, count(DISTINCT j.id) AS jobs, count(s.job_id) AS answers,
        avg(s.verified::int) AS "obeys the rules", avg(s.steps) AS "supervision steps", max(j.finished_at) AS "last answered"
        {MODELS} LEFT JOIN solutions s ON s.job_id = j.id
        WHERE j.kind IN ('solve', 'evaluate') AND {MODEL_ID} IN ($model) AND $__timeFilter(j.finished_at)
        GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 50
        """,
        units={"obeys the rules": "percentunit"},
    ),
)
SOLVING = Board(
    "trm-solving",
    "Solving and halting",
    "How long models think, when they halt, and whether they are as sure as they are right.",
    "solve",
    [
        Section("Now", "solve", NOW),
        Section("Halting", "solve", HALTING),
        Section("Engine", "queue", ENGINE),
        Section("Models", "models", PER_MODEL),
    ],
    [MODEL],
)
