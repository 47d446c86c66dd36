"""A disk of its own for a folder, which a test can leave without room."""

import os
import shutil
import subprocess
from pathlib import Path

PAGE = 4096  # bytes: a disk in memory grows and shrinks by these
TRIES = 50


class Disk:
    """A tmpfs of so many bytes where the system lets us mount one; otherwise a plain folder, and `is_real` is false."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder, self.size = folder, size
        folder.mkdir(parents=True, exist_ok=True)
        self.is_real = os.geteuid() == 0 and self._mount(f"size={size},mode=755", "-t", "tmpfs", "tmpfs")

    def fill(self) -> None:
        """Let it be no larger than what it holds."""
        assert self.is_real
        for _ in range(TRIES):
            held = shutil.disk_usage(self.folder).used
            if self._mount(f"remount,size={max(held, PAGE)}"):  # fails when it has grown meanwhile
                return
        raise AssertionError(f"{self.folder} grows faster than it can be shrunk")

    def drain(self) -> None:
        """Give it its room again."""
        if self.is_real:
            self._mount(f"remount,size={self.size}")

    def close(self) -> None:
        """Unmount it."""
        if self.is_real:
            subprocess.call(["umount", "--lazy", str(self.folder)])

    def _mount(self, options: str, *more: str) -> bool:
        command = ["mount", "-o", options, *more, str(self.folder)]
        return not subprocess.call(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
