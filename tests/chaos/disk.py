"""A small disk of its own for a folder, which a test can fill."""

import os
import shutil
import subprocess
from pathlib import Path

FILLER = "filler"
PIECE = bytes(1 << 16)


class Disk:
    """A tmpfs of so many bytes where the system lets us mount one; otherwise a plain folder, and `is_real` is false."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        options = f"size={size},mode=755"
        self.is_real = os.geteuid() == 0 and not subprocess.call(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], stderr=subprocess.DEVNULL
        )

    def fill(self, leaving: int = 0) -> None:
        """Take all room but so many bytes."""
        assert self.is_real
        with (self.folder / FILLER).open("ab", buffering=0) as filler:
            while (free := shutil.disk_usage(self.folder).free - leaving) > 0:
                try:
                    filler.write(PIECE[:free])
                except OSError:
                    return

    def drain(self) -> None:
        """Give it back."""
        (self.folder / FILLER).unlink(missing_ok=True)

    def close(self) -> None:
        """Unmount it."""
        if self.is_real:
            subprocess.call(["umount", "--lazy", str(self.folder)])
