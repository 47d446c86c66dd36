"""S3 servers of a test's own: SeaweedFS, which can be killed and started again on the same data, and moto."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest

from services.stack import ports
from workers.training.child import _die_with_parent

BUCKET = "trm"
KEY, SECRET = "a-key", "a-secret-of-the-tests"
START_SECONDS = 60
WEED = Path(sys.executable).with_name("weed")


class S3Server:
    """SeaweedFS, started by the constructor; its data lie in `folder`."""

    def __init__(self, folder: Path, host: str = "127.0.0.1") -> None:
        self.folder, self.host = folder, host
        names = [f"{part}.port{kind}" for part in ("master", "volume", "filer", "s3") for kind in ("", ".grpc")]
        self.ports = ports.choose(folder, dict.fromkeys(names, "127.0.0.1"))
        self.process: subprocess.Popen[bytes] | None = None
        self.started = False  # ever
        actions = ["Admin", "Read", "Write", "List", "Tagging"]
        identity = {"name": "tests", "credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": actions}
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "identities.json").write_text(json.dumps({"identities": [identity]}))
        self.start()

    @property
    def endpoint(self) -> str:
        """What AWS_ENDPOINT_URL is to be."""
        return f"http://{self.host}:{self.ports['s3.port']}"

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to reach it, besides TRM_STORAGE_URL."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    @contextmanager
    def reached(self) -> Iterator[str]:
        """A storage URL of its own, while this process's environment names the server."""
        from s3fs import S3FileSystem

        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment.items():
                patch.setenv(name, value)
            try:
                yield f"s3://{BUCKET}/{uuid4().hex}"
            finally:
                S3FileSystem.clear_instance_cache()  # the next one may have another address or key

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = self._command()
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self.folder,
                preexec_fn=_die_with_parent(),
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert time.monotonic() < deadline, (self.folder / "log").read_text()[-2000:]
            time.sleep(0.05)

    def kill(self) -> None:
        """kill -9."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(START_SECONDS)
            self.process = None
        for port in self.ports.values():
            for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                left.unlink(missing_ok=True)

    def _command(self) -> list[str]:
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        return [
            str(WEED), "server", f"-dir={data}", f"-ip={self.host}", f"-ip.bind={self.host}", "-volume.max=20",
            "-master.volumeSizeLimitMB=64", "-filer", "-s3", f"-s3.config={self.folder / 'identities.json'}",
            "-s3.iam=false", "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.volumePreallocate=false", "-master.telemetry=false",
            *(f"-{name}={port}" for name, port in self.ports.items()),
        ]  # fmt: skip

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
        try:
            return httpx2.get(self.endpoint, timeout=1).status_code < 500 and self._has_its_data()
        except httpx2.TransportError:
            return False

    def _has_its_data(self) -> bool:
        """Whether what was stored can be read: its volumes are known some time after the first answer."""
        mark = f"http://{self.host}:{self.ports['filer.port']}/started"
        if self.started and not httpx2.get(mark, timeout=1).is_success:
            return False
        self.started = httpx2.post(mark, files={"file": b"yes"}, timeout=5).is_success
        return self.started


class Moto(S3Server):
    """Another implementation: it keeps all in memory, and lets every key in."""

    def start(self) -> None:
        """Start it with an empty bucket."""
        super().start()
        httpx2.put(f"{self.endpoint}/{BUCKET}").raise_for_status()

    def _has_its_data(self) -> bool:
        return True

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "moto.server", "--host", self.host, "--port", str(self.ports["s3.port"])]
