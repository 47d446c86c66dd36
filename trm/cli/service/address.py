"""Which service a command speaks to: option, environment, profile, or the stack that runs in this folder."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from trm.cli.service.profiles import Profile, Profiles, read_profiles
from trm.errors import NoService


@dataclass(frozen=True)
class Given:
    """What the options of a command say of the service."""

    url: str | None = None
    api_key: str | None = None
    profile: str | None = None


@dataclass(frozen=True)
class Address:
    """A service, the key to it, and where its address was found."""

    url: str
    source: str
    api_key: str | None = field(default=None, repr=False)


def find_address(given: Given) -> Address:
    """The service by the first of: options, TRM_URL, a profile, the stack of this folder; raises NoService.

    A key is taken from the options, from TRM_API_KEY, or from a profile, whose key is sent to its own service only.
    """
    profiles = read_profiles()
    named = profiles.get(given.profile) if given.profile else None
    url, source = _find_url(given, named, profiles)
    stored = [named] if named else reversed(profiles.profiles.values())  # the newest is the last
    key = given.api_key or (named and named.url == url and named.api_key) or os.environ.get("TRM_API_KEY")
    return Address(url, source, key or next((known.api_key for known in stored if known.url == url), None))


def _find_url(given: Given, named: Profile | None, profiles: Profiles) -> tuple[str, str]:
    if given.url:
        return tidy(given.url), "--url"
    if named:
        return named.url, f"profile {given.profile}"
    if url := os.environ.get("TRM_URL"):
        return tidy(url), "TRM_URL"
    if profiles.current:
        return profiles.get(profiles.current).url, f"profile {profiles.current}"
    if url := find_stack():
        return url, "the stack of this folder"
    raise NoService(
        "Which service? Start one here with `trm up`, log in to one with `trm login`, or name it with --url or TRM_URL."
    )


def tidy(url: str) -> str:
    """The address as it is compared and kept: with a scheme, without a slash at its end."""
    return (url if "://" in url else f"http://{url}").rstrip("/")


def find_stack() -> str | None:
    """The address that the stack of this folder has written down; None where none runs."""
    folder = Path(os.environ.get("TRM_DATA_DIR") or ".data")
    try:
        return str(json.loads((folder / "stack.json").read_text())["api"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
