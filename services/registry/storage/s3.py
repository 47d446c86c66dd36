"""How an S3 bucket is reached: which errors mean that it is away, and how long one is waited for.

Address and key come from where every S3 client looks: AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, or the machine's role.
"""

import sys
from typing import Any

from fsspec import AbstractFileSystem

PROTOCOLS = ("s3", "s3a")
TRIES = 3  # of each request, with pauses that grow
READ_TRIES = 2  # of what breaks off while it is read; each takes as many requests as that
CONNECT_SECONDS = 5
SILENT_SECONDS = 15  # between two pieces of an answer
BLOCK_BYTES = 4 << 20  # read ahead by someone who wants a part of a file


def options(url: str) -> dict[str, Any]:
    """What the file system of this URL is made with; nothing for one that is not S3."""
    if url.partition("://")[0] not in PROTOCOLS:
        return {}
    waits = {
        "connect_timeout": CONNECT_SECONDS,
        "read_timeout": SILENT_SECONDS,
        "retries": {"mode": "standard", "total_max_attempts": TRIES},
    }
    return {
        "use_listings_cache": False,  # other machines write there too
        "default_block_size": BLOCK_BYTES,
        "config_kwargs": waits,
    }


def is_bucket(fs: AbstractFileSystem) -> bool:
    """Whether this is S3, where files have names and there are no folders."""
    return not set(PROTOCOLS).isdisjoint((fs.protocol,) if isinstance(fs.protocol, str) else fs.protocol)


def errors() -> tuple[type[Exception], ...]:
    """What its client raises besides OSError; nothing where it was never loaded."""
    if "botocore" not in sys.modules:
        return ()
    from aiohttp import ClientError
    from botocore.exceptions import BotoCoreError

    return BotoCoreError, ClientError
