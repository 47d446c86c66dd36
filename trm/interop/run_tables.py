"""A run as tables in a folder: CSV, or Parquet with lists as they are."""

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from trm.errors import PackageMissing
from trm.interface.tables import write_csv
from trm.interop.run_record import RunRecord
from trm.json_text import to_json

Format = Literal["csv", "parquet"]


def write_tables(run: RunRecord, folder: Path, kind: Format = "csv") -> list[Path]:
    """Write `curve` and `evaluations` as tables and the configuration as JSON; returns the files.

    Raises PackageMissing where Parquet is asked for without pyarrow, and OSError.
    """
    if kind == "parquet" and find_spec("pyarrow") is None:
        raise PackageMissing("Parquet needs pyarrow. Install it with: pip install 'trm-service[parquet]'")
    folder.mkdir(parents=True, exist_ok=True)
    evaluations = [{name: value for name, value in row.items() if name != "report"} for row in run.evaluations]
    files = [folder / f"{name}.{kind}" for name in ("curve", "evaluations")]
    for file, rows in zip(files, (run.curve, evaluations), strict=True):
        if kind == "parquet":
            from pyarrow import Table, parquet

            parquet.write_table(Table.from_pylist([dict(row) for row in rows]), file)
        else:
            with file.open("w", newline="") as text:
                write_csv(text, rows)
    config = folder / "config.json"
    config.write_text(to_json(run.config, indent=2) + "\n")
    return [*files, config]
