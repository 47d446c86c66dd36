"""What `make audit` makes of answers: silence is never good news."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "deploy/audit.py"
spec = importlib.util.spec_from_file_location("audit", SCRIPT)
assert spec is not None
assert spec.loader is not None
audit = importlib.util.module_from_spec(spec)
spec.loader.exec_module(audit)
GOOD = {"name": "a", "version": "1", "vulns": []}
BAD = {"name": "b", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}
UNKNOWN = {"name": "c", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("dependencies", "status", "said"),
    [
        ([GOOD], 0, "1 of 1 packages audited, 0 vulnerabilities"),
        ([GOOD, UNKNOWN], 0, "Not audited, since the index does not know them: c"),
        ([GOOD, BAD], 1, "b 1: CVE-1, fixed in 2"),
        ([UNKNOWN, UNKNOWN], 3, "could NOT run"),
        ([], 3, "could NOT run"),
    ],
)
def test_report(dependencies: list[object], status: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit.report(dependencies) == status
    assert said in capsys.readouterr().out
