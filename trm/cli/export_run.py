"""`trm runs export`: a run of a service into MLflow, or as tables."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.console import Console

from trm.errors import ExportFailed, PackageMissing
from trm.interop.run_export import Target, export_run

if TYPE_CHECKING:
    import httpx2

TIMEOUT_SECONDS = 60.0


def run(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="The id of a run.")],
    out: Annotated[
        str,
        typer.Option(
            envvar="MLFLOW_TRACKING_URI", help="A folder; with --to mlflow the URI of an MLflow server or store."
        ),
    ],
    to: Annotated[Target, typer.Option(help="mlflow, or tables: csv or parquet.")] = "csv",
    experiment: Annotated[
        str, typer.Option(envvar="MLFLOW_EXPERIMENT_NAME", help="Of MLflow; made where there is none of this name.")
    ] = "trm",
    checkpoint: Annotated[
        bool, typer.Option("--checkpoint/--no-checkpoint", help="Also give MLflow the files of the newest checkpoint.")
    ] = True,
    url: Annotated[str, typer.Option(envvar="TRM_URL", help="Address of the service.")] = "http://127.0.0.1:8000",
    api_key: Annotated[str | None, typer.Option(envvar="TRM_API_KEY", help="Key to it.", show_envvar=False)] = None,
) -> None:
    """Export a run of a service: parameters, curve, evaluations and, to MLflow, the newest checkpoint."""
    if find_spec("httpx2") is None:
        raise PackageMissing(
            "This asks a service, for which httpx2 is missing. Install it with: pip install 'trm-service[service]'"
        )
    import httpx2

    headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
    with httpx2.Client(base_url=url, headers=headers, timeout=TIMEOUT_SECONDS) as http:
        service = _Service(http)
        try:
            said = export_run(service, service.save, run_id, to, out, experiment=experiment, checkpoint=checkpoint)
        except httpx2.HTTPError as error:
            raise ExportFailed(f"The service at {url} does not answer: {error}. Name another with --url.") from error
    Console(highlight=False).print(said, soft_wrap=True)


class _Service:
    """The API, as far as an export needs it."""

    def __init__(self, http: "httpx2.Client") -> None:
        self.http = http

    def get(self, path: str, **params: str | int) -> dict[str, Any]:
        """The JSON at a path; raises ExportFailed with what the service says."""
        response = self.http.get(path, params=params)
        if response.is_error:
            raise _refusal(response)
        return cast("dict[str, Any]", response.json())

    def save(self, path: str, to: Path) -> None:
        """Write what is at a path to a file."""
        with self.http.stream("GET", path) as response:
            if response.is_error:
                response.read()
                raise _refusal(response)
            with to.open("wb") as file:
                for chunk in response.iter_bytes():
                    file.write(chunk)


def _refusal(response: "httpx2.Response") -> ExportFailed:
    try:
        said = response.json()["detail"]
    except (ValueError, KeyError, TypeError):
        said = f"status {response.status_code}"
    return ExportFailed(f"{response.request.url.path}: {said}")
