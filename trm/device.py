"""Which device and precision a model runs in."""

from typing import Literal

import torch

from trm.errors import DeviceUnavailable

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


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


def dtype_of(precision: Literal["float32", "bfloat16"]) -> torch.dtype:
    """The dtype of activations."""
    return DTYPES[precision]
