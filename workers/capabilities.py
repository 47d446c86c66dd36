"""What this machine offers to jobs: its device, how many there are, memory, and the labels that its operator gave it."""

import json
import subprocess
import sys
from pathlib import Path

from services.registry.jobs.requirements import Capabilities
from services.registry.settings import Settings
from trm.errors import DeviceUnavailable
from trm.network.cores import available
from trm.network.host import memory_bytes

LIST_GPUS = "import json; from trm.network.device import list_gpus; print(json.dumps(list_gpus()))"
PATIENCE = 120.0  # seconds: torch is loaded


def find(settings: Settings) -> Capabilities:
    """What this process can offer; raises DeviceUnavailable when it shall use a GPU and there is none.

    Where there can be no GPU torch, which takes seconds and memory, is not asked.
    """
    asked, _, index = settings.device.partition(":")
    driven = any(Path("/dev").glob("nvidia[0-9]*"))
    gpus = _list_gpus() if asked == "cuda" or (asked == "auto" and driven) else []
    gpus = gpus[int(index) : int(index) + 1] if index else gpus
    if gpus:
        name, memory = min(gpus, key=lambda gpu: gpu[1])  # what a job is sure to get
        return Capabilities("cuda", len(gpus), memory, name, settings.worker_labels)
    if asked == "cuda":
        raise DeviceUnavailable(
            f"torch finds no device {settings.device!r}. Set TRM_DEVICE=cpu, or install its CUDA build."
        )
    return of_processor(settings)


def of_processor(settings: Settings) -> Capabilities:
    """What it can offer without a GPU."""
    return Capabilities("cpu", available(settings.threads), memory_bytes(), labels=settings.worker_labels)


def _list_gpus() -> list[tuple[str, int]]:
    """As a trainer will see them: in a process of its own, since memory that CUDA takes does not come back."""
    try:
        command = [sys.executable, "-c", LIST_GPUS]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    except subprocess.SubprocessError as error:
        raise DeviceUnavailable(f"torch cannot say which GPUs there are: {error}") from error
    return [(name, memory) for name, memory in json.loads(done.stdout)]
