"""`python -m deploy.site`: writes the reference pages and the figures that follow from the code."""

from collections.abc import Callable
from pathlib import Path

from deploy.site.api import operations_page, records_page
from deploy.site.calibration import draw_calibration
from deploy.site.command_line import command_line_page
from deploy.site.life import draw_attempt, draw_life
from deploy.site.metrics import metrics_page
from deploy.site.python_api import python_page
from deploy.site.service_settings import service_settings_page
from deploy.site.thinking import draw_recursion
from deploy.site.trainings import draw_trainings
from services.gateway.problems.reference import errors_page
from trm.cli.reference import PAGES

ROOT = Path(__file__).parents[2]
MADE: dict[str, Callable[[], str]] = {
    "reference/api.md": operations_page,
    "reference/api-records.md": records_page,
    "reference/command-line.md": command_line_page,
    "reference/python.md": python_page,
    "reference/service-settings.md": service_settings_page,
    "reference/metrics.md": metrics_page,
    "reference/errors.md": errors_page,
    **{f"reference/{name}.md": page for name, page in PAGES.items()},
    "images/life.svg": draw_life,
    "images/attempt.svg": draw_attempt,
    "images/recursion.svg": draw_recursion,
    "images/calibration.svg": draw_calibration,
    "images/trainings.svg": draw_trainings,
}


if __name__ == "__main__":
    for name, make in MADE.items():
        (ROOT / "docs" / name).write_text(make())
        print(f"docs/{name}")
