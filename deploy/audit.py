"""`make audit`: asks the package index which pinned dependencies have known vulnerabilities, and says when it could not ask.

With `--where-possible`, as CI calls it, not having been able to ask is told all the same, but is no failure.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

PINS = Path(__file__).parents[1] / "constraints.txt"
FOUND, UNASKED = 1, 3  # exit status
ASKING_SECONDS = 600


def main() -> int:
    """Ask, report, and return the exit status."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(PINS), "--no-deps", "--disable-pip"]
    options = ["--format", "json", "--progress-spinner", "off"]
    asked = subprocess.run([*command, *options], capture_output=True, text=True, timeout=ASKING_SECONDS)
    try:
        dependencies: list[dict[str, Any]] = json.loads(asked.stdout)["dependencies"]
    except (ValueError, KeyError):
        last = (asked.stderr.strip().splitlines() or ["it said nothing"])[-1]
        print(f"The audit could NOT run: {last[:500]}")
        return UNASKED
    return report(dependencies)


def report(dependencies: list[dict[str, Any]]) -> int:
    """Print what was found, and return the exit status: when the index knew no package at all, that is a failure."""
    unknown = [d["name"] for d in dependencies if "skip_reason" in d]
    bad = [(d, v) for d in dependencies for v in d.get("vulns", ())]
    for dependency, vulnerability in bad:
        fixed = ", ".join(vulnerability.get("fix_versions", ())) or "no version yet"
        print(f"{dependency['name']} {dependency['version']}: {vulnerability['id']}, fixed in {fixed}")
    if len(unknown) == len(dependencies):
        print(f"The audit could NOT run: the index answered for none of {len(dependencies)} packages.")
        return UNASKED
    if unknown:
        print(f"Not audited, since the index does not know them: {', '.join(unknown)}")
    print(f"{len(dependencies) - len(unknown)} of {len(dependencies)} packages audited, {len(bad)} vulnerabilities.")
    return FOUND if bad else 0


if __name__ == "__main__":
    outcome = main()
    sys.exit(0 if outcome == UNASKED and "--where-possible" in sys.argv[1:] else outcome)
