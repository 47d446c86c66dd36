"""Identifiers: a prefix that says what it names, and a UUIDv7, so that younger ones sort last."""

from typing import Literal

import uuid_utils

Prefix = Literal["job", "run", "ckpt", "ds", "req", "key", "whe", "whd", "audit", "model"]

LOCAL_OWNER = "local"  # owns whatever is made without a key


def new_id(prefix: Prefix) -> str:
    """A new identifier such as `job_018f...`, 32 hexadecimal digits after the prefix."""
    return f"{prefix}_{uuid_utils.uuid7().hex}"
