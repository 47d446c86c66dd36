"""A run as tables in a folder: CSV, or Parquet with lists as they are."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from trm.errors import PackageMissing
from trm.interface.tables import write_csv
from trm.interop.run_record import RunRecord
from trm.json_text import to_json

Format = Literal["csv", "parquet"]
Rows = Sequence[Mapping[str, Any]]


def write_tables(run: RunRecord, folder: Path, kind: Format = "csv") -> list[Path]:
    """Write `curve` and `evaluations` as tables and the configuration as JSON; returns the files.

    Raises PackageMissing where Parquet is asked for without pyarrow, and OSError.
    """
    if kind == "parquet" and find_spec("pyarrow") is None:
        raise PackageMissing("Parquet needs pyarrow. Install it with: pip install 'trm-service[parquet]'")
    write = {"csv": _write_csv, "parquet": _write_parquet}[kind]
    folder.mkdir(parents=True, exist_ok=True)
    evaluations = [{name: value for name, value in row.items() if name != "report"} for row in run.evaluations]
    files = [folder / f"{name}.{kind}" for name in ("curve", "evaluations")]
    for file, rows in zip(files, (run.curve, evaluations), strict=True):
        write(file, rows)
    config = folder / "config.json"
    config.write_text(to_json(run.config, indent=2) + "\n")
    return [*files, config]


def _write_csv(path: Path, rows: Rows) -> None:
    with path.open("w", newline="") as file:
        write_csv(file, rows)


def _write_parquet(path: Path, rows: Rows) -> None:
    from pyarrow import Table, parquet

    parquet.write_table(Table.from_pylist([dict(row) for row in rows]), path)
