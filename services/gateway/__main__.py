"""`python -m services.gateway`: serve, manage keys, or print what the documentation keeps a copy of.

Each command imports what it needs: the keys of a service are managed without building its interface.
"""

import sys
from typing import Any

import structlog
import typer

from services.gateway.access import keys
from services.registry.errors import RegistryError, SettingsInvalid
from services.registry.logging import configure_logging
from services.registry.settings import Settings, load_settings
from services.registry.tracing.export import configure_tracing
from trm.json_text import to_json

cli = typer.Typer(add_completion=False, help="The HTTP interface of the service.")
cli.add_typer(keys.cli, name="keys")


@cli.callback(invoke_without_command=True)
def main(context: typer.Context) -> None:
    """Serve until SIGTERM; settings are read from TRM_* variables."""
    if context.invoked_subcommand is not None:
        return
    from services.gateway.server import serve

    try:
        settings = load_settings()
    except SettingsInvalid as error:
        sys.exit(f"{error} [{error.code}]")
    configure_logging(settings.log_level, settings.log_format, part="gateway")
    configure_tracing("gateway")
    try:
        serve(settings)
    except RegistryError as error:
        structlog.get_logger().error("gateway.cannot_start", code=error.code, reason=str(error))
        sys.exit(1)


@cli.command()
def openapi() -> None:
    """Print the OpenAPI document; connects to nothing."""
    print(to_json(_build_document(), indent=2))


@cli.command()
def client_types() -> None:
    """Print the types of the Python client, trm/client/api.py; needs ruff."""
    from services.gateway.client_types import render_client_types

    print(render_client_types(_build_document()), end="")


@cli.command()
def errors() -> None:
    """Print the reference of all problem codes."""
    from services.gateway.problems.reference import errors_page

    print(errors_page(), end="")


def _build_document() -> dict[str, Any]:
    from services.gateway.app import create_app
    from services.gateway.openapi import document

    return document(create_app(Settings(database_url="postgresql://localhost/trm", broker_url="redis://localhost/0")))


if __name__ == "__main__":
    cli()
