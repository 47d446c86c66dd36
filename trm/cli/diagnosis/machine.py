"""The machine: its cores and their instructions, its GPU, the disk."""

import os
import shutil
import subprocess
from pathlib import Path

from trm.interface.finding import Finding
from trm.network.cores import available

INSTRUCTIONS = {"avx2": "avx2", "avx512_f": "avx512", "avx512_bf16": "bf16", "amx_bf16": "amx"}  # torch's name -> ours
LITTLE, TOO_LITTLE = 5 * 10**9, 256 * 2**20  # bytes; below the second the service stores nothing


def examine_processor() -> Finding:
    """Cores and the instructions that make training and solving fast."""
    try:
        from torch.cpu import get_capabilities
    except ModuleNotFoundError:
        return Finding("processor", "ok", f"{_cores()}; its instructions are read by torch, which is not installed")
    able = get_capabilities()
    names = [ours for name, ours in INSTRUCTIONS.items() if able.get(name)]
    found = f"{_cores()}, {able.get('architecture', 'unknown')}: {', '.join(names) or 'none of ' + ', '.join(INSTRUCTIONS.values())}"
    if able.get("architecture") == "x86_64" and "avx2" not in names:
        mend = "Without AVX2 everything is several times slower: use another machine."
        return Finding("processor", "warn", found, mend)
    return Finding("processor", "ok", found)


def _cores() -> str:
    return f"{available()} of {os.cpu_count()} cores"


def examine_gpu() -> Finding:
    """The GPU that torch can use; a machine without one computes on its processor."""
    try:
        import torch
    except ModuleNotFoundError:
        return Finding("gpu", "ok", "not looked for: torch is not installed")
    if torch.cuda.is_available():
        found = torch.cuda.get_device_properties(0)
        return Finding("gpu", "ok", f"{found.name}, {found.total_memory / 2**30:.0f} GiB, CUDA {torch.version.cuda}")
    if (name := _gpu_of_driver()) is None:
        return Finding("gpu", "ok", "none; the processor computes")
    if torch.version.cuda is None:
        mend = "Install torch's build for CUDA: pip install torch==2.13.0 --index-url https://download.pytorch.org/whl/cu130"
        return Finding("gpu", "fail", f"{name}, but this build of torch is for processors alone", mend)
    mend = f"Install a driver for CUDA {torch.version.cuda} or newer, and see that CUDA_VISIBLE_DEVICES names the GPU."
    return Finding("gpu", "fail", f"{name}, but torch cannot use it", mend)


def _gpu_of_driver() -> str | None:
    """The GPU as NVIDIA's driver names it; None where there is none."""
    if shutil.which("nvidia-smi") is None:
        return None
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    asked = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return asked.stdout.splitlines()[0] if asked.returncode == 0 and asked.stdout else None


def examine_disk() -> Finding:
    """Room for checkpoints and data, where the service of this folder keeps them."""
    place = Path(os.environ.get("TRM_DATA_DIR") or ".").absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    found = f"{free / 1e9:.1f} GB free in {place}"
    if free > LITTLE:
        return Finding("disk", "ok", found)
    mend = "Delete what is not needed there, or set TRM_DATA_DIR to a folder on a larger disk."
    return Finding("disk", "warn" if free > TOO_LITTLE else "fail", found, mend)
