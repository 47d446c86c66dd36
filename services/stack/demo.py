"""The demo: everything a user does, over HTTP, on a small Sudoku."""

import time
from pathlib import Path
from typing import Any, cast

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from trm.client import Client
from trm.client.api import Job, RunMetric, TrainResult
from trm.durable import replace_text
from trm.interface.effort import HALTING, RETRYING, SEARCH, Effort
from trm.json_text import to_json
from trm.puzzles.datasets.datasets import load
from trm.puzzles.drawing.render import render
from trm.puzzles.grids import parse, text
from trm.puzzles.puzzle_set import PuzzleSet
from trm.puzzles.spec import PuzzleSpec
from trm.puzzles.sudoku import BLANK, spec_for

PRESET = DATASET = "sudoku-4x4"
# models that came with the package, and puzzles that they have never seen; the Sudoku is Arto Inkala's of 2012
SUDOKU, HARDEST = "sudoku", "8..........36......7..9.2...5...7.......457.....1...3...1....68..85...1..9....4.."
MAZE, MAZE_DATASET = "maze", "maze-hard"
BOARDS = 3  # drawn of a Sudoku's solve, and the last
GOAL = 0.99  # exact accuracy on held-out puzzles
NEXT = "sudoku-6x6"  # a preset that ends within minutes on a laptop
SPARSE_LINES = 5  # seconds between progress lines where no bar can be drawn


def run_demo(client: Client, key: str | None, data_dir: Path, started_at: float | None, console: Console) -> bool:
    """Solve with a shipped model, then train, test, and solve with one's own; leaves `demo.json` in the data folder.

    True when the goal is met.
    """
    now = time.time()
    setup_seconds = now - (started_at or now)
    console.rule("[bold]Before any training:[/] one of the hardest Sudokus known")
    _solve_aloud(client, SUDOKU, spec_for(9), HARDEST, SEARCH, console)
    console.rule("[bold]And a maze[/] of 30x30, by another")
    mazes = load(MAZE_DATASET, "test")
    _solve_aloud(client, MAZE, mazes.spec, text(mazes.spec, mazes.questions[0]), RETRYING, console)
    console.rule(f"[bold]1. Train[/] a Tiny Recursive Model on {DATASET}")
    run_id, seconds = _show_training(client, client.train(preset=PRESET, name="demo"), console)
    console.rule("[bold]2. Test[/] it on puzzles it has never seen, nor any equivalent of")
    held_out = load(DATASET, "test")
    accuracy, verified = _test(client, run_id, held_out)
    console.print(
        f"[bold]{accuracy:.2%}[/] of {len(held_out)} held-out puzzles exactly right, {verified} verified by the rules"
    )
    console.rule("[bold]3. Solve[/] one of them, step by step")
    fewest = held_out.questions[(held_out.questions > BLANK).sum(1).argmin()]  # givens
    _solve_aloud(client, run_id, held_out.spec, text(held_out.spec, fewest), HALTING, console)
    summary = {
        "setup_seconds": round(setup_seconds, 1),
        "train_seconds": seconds,
        "exact_accuracy": accuracy,
        "n_test": len(held_out),
        "verified": verified,
        "api": client.url,
        "run_id": run_id,
        "preset": PRESET,
    }
    replace_text(data_dir / "demo.json", to_json(summary, indent=1) + "\n")
    _print_next_steps(key, text(held_out.spec, held_out.questions[0]), summary, console)
    return accuracy >= GOAL


def _show_training(client: Client, job: Job, console: Console) -> tuple[str, float]:
    """Follow a training to its end; its run, and the seconds that it took."""
    columns = (
        TextColumn("{task.percentage:>3.0f} %"),
        BarColumn(40),
        TimeRemainingColumn(),
        TextColumn("{task.fields[news]}"),
    )
    run_id, after, news, printed, evaluated = job.run_id or "", 0, "waiting for the worker", time.monotonic(), 0
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("train", total=100, news=news)

        def show(job: Job) -> None:
            nonlocal after, news, printed, evaluated
            rows = list(client.runs.metrics(run_id, after_step=after))
            if rows:
                after, news = rows[-1].step, _describe_news(rows[-1])
            percent = job.progress.percent or 0
            progress.update(task, completed=percent, news=news)
            evaluated = _tell_evaluations(client, run_id, evaluated, console)
            if not console.is_terminal and rows and time.monotonic() - printed > SPARSE_LINES:
                printed = time.monotonic()
                console.print(f"{percent:>3.0f} %  {news}")

        job = client.jobs.wait(job, on_progress=show)
    result, run = cast("TrainResult", job.result), client.runs.get(run_id)
    console.print(f"{run.parameters:,} parameters trained for {result.step:,} steps in {result.seconds or 0:.0f} s")
    return run_id, result.seconds or 0.0


def _tell_evaluations(client: Client, run_id: str, known: int, console: Console) -> int:
    """Print the run's evaluations beyond the first `known`; how many there are now."""
    rows = list(client.runs.evaluations(run_id))
    for row in rows[known:]:
        console.print(
            f"step {row.step:>5}  {row.split}: {row.exact_accuracy:.1%} of {row.n} puzzles exactly right, "
            f"{row.cell_accuracy:.1%} of their cells"
        )
    return len(rows)


def _describe_news(row: RunMetric) -> str:
    exact = "-" if row.exact_accuracy is None else f"{row.exact_accuracy:.1%}"
    steps = "-" if row.mean_supervision_steps is None else f"{row.mean_supervision_steps:.1f}"
    return f"step {row.step:>5}  loss {row.loss:.3f}  exact accuracy {exact:>6}  halts after {steps:>4} steps"


def _test(client: Client, run_id: str, held_out: PuzzleSet) -> tuple[float, int]:
    """Exact accuracy over all held-out puzzles, and how many answers the rules verify."""
    spec = held_out.spec
    job = client.jobs.wait(client.solve(model=run_id, puzzles=[text(spec, q) for q in held_out.questions]))
    solutions = list(client.jobs.solutions(job))
    right = sum(solution.answer == text(spec, held_out.answers[solution.index]) for solution in solutions)
    return right / len(held_out), sum(solution.verified is True for solution in solutions)


def _solve_aloud(client: Client, model: str, spec: PuzzleSpec, puzzle: str, effort: Effort, console: Console) -> None:
    question = parse(spec, puzzle)
    boards = BOARDS if spec.kind == "sudoku" else 1  # a maze fills the screen
    console.print(render(spec, question, givens=question))
    job = client.solve(model=model, puzzle=puzzle, trace=True, **effort.model_dump(exclude_defaults=True))
    previous = question
    for event in client.jobs.events(job):
        if event.type == "step":
            data = event.data
            answer = parse(spec, data.answer, padding=True)
            verdict = {True: "[green]obeys the rules[/]", False: "[red]breaks the rules[/]", None: ""}[data.verified]
            changed = np.not_equal(answer, previous).sum()
            console.print(
                f"supervision step {data.step}: {changed} {'cell' if changed == 1 else 'cells'} changed, "
                f"halt probability {data.halt_probability:.3f}, {verdict}"
            )
            if data.step <= boards or data.verified:
                console.print(render(spec, answer, givens=question, previous=previous))
            previous = answer


def _print_next_steps(key: str | None, puzzle: str, summary: dict[str, Any], console: Console) -> None:
    console.rule("[bold]What next[/]")
    api, run_id = summary["api"], summary["run_id"]
    body = to_json({"model": run_id, "puzzle": puzzle})
    curl = "curl -s" if key is None else 'curl -s -H "Authorization: Bearer $TRM_API_KEY"'
    console.print(
        f"Set up in {summary['setup_seconds']:.0f} s, trained in {summary['train_seconds']:.0f} s. The stack keeps running.\n\n"
        f"  web console      {api}\n"
        f"  API and docs     {api}/docs\n"
        f"  this run         {api}/v1/runs/{run_id}\n"
        f"  service metrics  {api}/metrics\n\n"
        "Solve a puzzle of your own:\n",
        soft_wrap=True,
    )
    print(f"  {curl} -H 'Prefer: wait=10' --json '{body}' {api}/v1/solve-jobs\n")
    console.print("Train the next size up, in some minutes; its answer says how long:\n")
    print(f'  {curl} --json \'{{"preset": "{NEXT}"}}\' {api}/v1/training-jobs\n')
    console.print("What the others take, and on which hardware:\n")
    print(f"  {curl} {api}/v1/presets\n")
    console.print("Stop everything: [bold]make down[/]")
