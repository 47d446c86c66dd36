"""What a job has come to, for people."""

from typing import TYPE_CHECKING

from trm.cli.service.printing import console, percent, show_fields
from trm.cli.service.session import Session

if TYPE_CHECKING:
    from trm.client.api import EvaluateResult, Job, Measure, TrainResult


def show_result(session: Session, job: "Job") -> None:
    """Print the result of a job that has one, and what to do with it."""
    from trm.client.api import EvaluateResult, SolveResult, TrainResult

    match job.result:
        case TrainResult():
            _show_training(session, job, job.result)
        case SolveResult():
            from trm.cli.service.solving import show_solutions  # loads what draws boards

            show_solutions(session, job, job.result)
        case EvaluateResult():
            _show_evaluation(job.result)


def _show_training(session: Session, job: "Job", result: "TrainResult") -> None:
    steps, seconds = f"{result.step or 0:,} steps", f"{result.seconds or 0:,.1f} s"
    out, again = console(), session.repeat(f"solve --remote --model {job.run_id} PUZZLE")
    out.print(f"trained for {steps} in {seconds}; exact accuracy on the test split {percent(result.exact_accuracy)}")
    out.print(f"run {job.run_id}; solve with it: {again}", soft_wrap=True)


def _show_evaluation(result: "EvaluateResult") -> None:
    report = result.report
    show_fields(
        {
            "data set": f"{result.dataset}, {result.split} split, {report.n:,} puzzles",
            "exact accuracy": _measure(report.exact),
            "cell accuracy": percent(report.cell_accuracy),
            "verified": report.verified and _measure(report.verified),
            "supervision steps": f"{report.mean_supervision_steps:.2f}, of all chains {report.mean_total_steps:.2f}",
            "calibration error": f"{report.calibration.error.value:.3f}",
            "stopped by": {reason: f"{count:,}" for reason, count in report.stopped.items()},
            "seconds": result.seconds,
        }
    )


def _measure(measure: "Measure") -> str:
    return f"{percent(measure.value)} (95 %: {percent(measure.low)} to {percent(measure.high)})"
