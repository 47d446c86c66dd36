"""Which tests stay together in one process when several processes test: those of a file, or of a folder that shares a service."""

from pathlib import PurePosixPath

from xdist.scheduler import LoadScopeScheduling

SHARING = {"acceptance", "chaos"}  # folders whose tests share one running service


class Together(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Hands out files in their order, and folders that share a service whole."""

    def _split_scope(self, nodeid: str) -> str:
        file = PurePosixPath(nodeid.partition("::")[0])
        return str(file.parent if file.parent.name in SHARING else file)
