"""Logs are one line an event, the same from every library, without secrets."""

import json
import logging
from collections.abc import Iterator
from typing import Any, Literal

import pytest
import structlog

from services.registry.logging import configure_logging


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_both_kinds_of_logger_write_json(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", "json", part="gateway")
    structlog.get_logger("ours").info("Job submitted", job_id="job_1")
    logging.getLogger("theirs").warning("watch %s", "out")
    logging.getLogger("theirs").debug("too fine")
    ours, theirs = _lines(capsys)
    assert (ours["event"], ours["job_id"], ours["level"], ours["part"]) == ("Job submitted", "job_1", "info", "gateway")
    assert (theirs["event"], theirs["logger"], theirs["level"]) == ("watch out", "theirs", "warning")
    assert ours["timestamp"].endswith("Z")


@pytest.mark.parametrize("style", ["json", "console"])
def test_passwords_in_urls_are_hidden(capsys: pytest.CaptureFixture[str], style: Literal["json", "console"]) -> None:
    configure_logging("info", style, part="reaper")
    url = "postgresql://trm:hush@db/trm"
    structlog.get_logger().info("Connected", url=url)
    logging.getLogger("theirs").info("to %s", url)
    try:
        raise ValueError(url)
    except ValueError:
        structlog.get_logger().exception("Failed")
    text = capsys.readouterr().err
    assert text.count("postgresql://trm:***@db/trm") >= 3
    assert "hush" not in text


def test_console_is_plain_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("warning", "console", part="reaper")
    structlog.get_logger().warning("Queue is long", jobs=3)
    structlog.get_logger().info("quiet")
    (line,) = capsys.readouterr().err.splitlines()
    assert "Queue is long" in line
    assert "jobs=3" in line
    assert "\x1b" not in line


def test_keys_and_webhook_secrets_are_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", "json", part="gateway")
    key, secret = f"trm_{'0' * 32}_{'5ec3e7' * 10}abcd", "whsec_" + "U0VDUkVU" * 6
    structlog.get_logger().info("Seen", key=key, secret=secret, name="trm_jobs_total")
    [line] = _lines(capsys)
    assert (line["key"], line["secret"], line["name"]) == (f"trm_{'0' * 32}_***", "whsec_***", "trm_jobs_total")
