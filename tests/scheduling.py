"""Which tests stay together in one process when several processes test: those of a file, or of a folder that shares a service.

What takes minutes of such a folder is taken apart, so that the others do not wait for it, and starts a service of its own.
"""

from pathlib import PurePosixPath

from xdist.scheduler import LoadScopeScheduling

SHARING = {"acceptance", "chaos"}  # folders whose tests share one running service
APART = {"test_backup.py", "test_documented_blocks.py", "test_stopping.py"}  # of them: files that take minutes each


class Together(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Hands out files in their order, and folders that share a service whole."""

    def _split_scope(self, nodeid: str) -> str:
        file = PurePosixPath(nodeid.partition("::")[0])
        return str(file.parent if file.parent.name in SHARING and file.name not in APART else file)
