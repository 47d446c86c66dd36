"""Which device and precision a model runs in, and how tensors and memory get there."""

import resource
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch
from torch import Tensor

from trm.errors import DeviceUnavailable

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
BFLOAT16 = ("avx512_bf16", "amx_bf16", "bf16")  # capabilities of x86 processors, and of ARM


def pick_device(name: str = "auto") -> torch.device:
    """`auto` is the GPU if there is one; raises DeviceUnavailable for one that is not there."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise DeviceUnavailable(f"The device {name!r} cannot be used ({error}). Choose auto, cpu or cuda.") from error
    return device


def list_gpus() -> list[tuple[str, int]]:
    """Name and memory in bytes of every GPU that torch sees."""
    found = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    return [(gpu.name, int(gpu.total_memory)) for gpu in found]


def dtype_of(precision: Literal["float32", "bfloat16"], device: torch.device) -> torch.dtype:
    """The dtype of activations: float32 after all where bfloat16 is not native, since emulated it is several times slower."""
    return DTYPES[precision] if has_bfloat16(device) else torch.float32


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 matrices by instructions of its own."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    able = torch.cpu.get_capabilities()
    return any(able.get(name, False) for name in BFLOAT16)


def name_of(dtype: torch.dtype) -> str:
    """Name of a dtype in configurations: float32, bfloat16."""
    return str(dtype).removeprefix("torch.")


def on_device(tensor: Tensor, device: torch.device) -> Tensor:
    """The tensor on the device; the host does not wait for the copy."""
    if device.type == "cpu":
        return tensor
    return tensor.pin_memory().to(device, non_blocking=True)


def beside(device: torch.device) -> AbstractContextManager[object]:
    """Run the block on a second GPU stream, after all work queued so far; no effect on a CPU."""
    if device.type == "cpu":
        return nullcontext()
    stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream(device))
    return torch.cuda.stream(stream)


def host_copy(tensor: Tensor) -> Callable[[], Tensor]:
    """Begin to copy a tensor to the host; calling the result waits for the copy, and for nothing that was begun after it."""
    if tensor.device.type == "cpu":
        return lambda: tensor
    copy = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
    copy.copy_(tensor, non_blocking=True)
    copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
    copied.record()

    def read() -> Tensor:
        copied.synchronize()
        return copy

    return read


def peak_bytes(device: torch.device) -> int:
    """Peak memory of this process, on the device if that is a GPU, otherwise on the host."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
