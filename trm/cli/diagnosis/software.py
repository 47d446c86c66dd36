"""The software: Python, the compiler, the versions of what is installed against the pins."""

import platform
import shutil
import sys
import sysconfig
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from trm.interface.finding import Finding
from trm.version import PROJECT

OLDEST = (3, 11)
PINS = PROJECT.with_name("constraints.txt")  # of a clone; what pip installed alone has none
NAMED = 5  # packages, of those that differ


def examine_python() -> Finding:
    """The interpreter: its version, and whether it is a 64-bit one."""
    found = f"{platform.python_implementation()} {platform.python_version()} in {sys.prefix}"
    if sys.version_info >= OLDEST and sys.maxsize > 2**32:
        return Finding("python", "ok", found)
    return Finding("python", "fail", found, "Use a 64-bit Python {}.{} or newer.".format(*OLDEST))


def examine_torch() -> Finding:
    """What trains and solves."""
    try:
        return Finding("torch", "ok", version("torch"))
    except PackageNotFoundError:
        found = "not installed: this machine can only speak to a service"
        return Finding("torch", "warn", found, "pip install 'trm-service[torch]'")


def examine_compiler() -> Finding:
    """What fuses the kernels of large models."""
    compiler = next((name for name in ("g++", "clang++") if shutil.which(name)), None)
    if compiler and Path(sysconfig.get_path("include"), "Python.h").exists():
        return Finding("compiler", "ok", f"{compiler} and Python's headers")
    found = "no g++ or clang++ on the PATH" if compiler is None else f"{compiler}, but not Python's headers"
    mend = "Debian and Ubuntu: apt-get install g++ python3-dev"
    return Finding("compiler", "warn", f"{found}: large models train slower", mend)


def examine_versions(pins: Path = PINS) -> Finding:
    """What is installed against the versions that the tests ran with."""
    if not pins.exists():
        return Finding("versions", "ok", f"trm-service {version('trm-service')}; pins are compared in a clone")
    pinned = dict(line.split("==") for line in pins.read_text().splitlines() if "==" in line)
    others = [
        f"{name} {found} instead of {wanted}"
        for name, wanted in pinned.items()
        if (found := _version(name)) not in (None, wanted)
    ]
    if not others:
        return Finding("versions", "ok", f"all as in {pins.name}")
    more = f" and {len(others) - NAMED} more" if len(others) > NAMED else ""
    mend = f"pip install -c {pins.name} -e '.[torch,service]'"
    return Finding("versions", "warn", f"{', '.join(others[:NAMED])}{more}", mend)


def _version(name: str) -> str | None:
    try:
        return version(name).split("+")[0]  # torch's builds say for which device they are
    except PackageNotFoundError:
        return None
