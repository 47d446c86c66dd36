"""Data sets on the public hub, named `hub:OWNER/NAME`."""

import re
from pathlib import Path

from trm.errors import DatasetError, UnknownDataset

PREFIX = "hub:"
SPLITS = ("train", "test")  # the tables are train.csv and test.csv, with columns source, question, answer, rating
NAME = re.compile(r"hub:([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)", re.ASCII)


def is_hub(name: str | Path) -> bool:
    """Whether the name means a data set on the hub."""
    return str(name).startswith(PREFIX)


def table(name: str, split: str) -> Path:
    """The local copy of the table of a split, fetched when it is not in the hub's cache.

    Raises UnknownDataset for a malformed name, DatasetError when the hub's package, the network or the file is missing.
    """
    found = NAME.fullmatch(name)
    if found is None:
        raise UnknownDataset(f"{name!r} is not a name on the hub. Write hub:OWNER/NAME.")
    try:
        from huggingface_hub import hf_hub_download
    except ModuleNotFoundError as error:
        raise DatasetError(
            "Data sets on the hub need huggingface_hub. Install it with: pip install 'trm-service[hub]'"
        ) from error
    try:
        # token=False: only public data sets, and no one's login is sent
        return Path(hf_hub_download(found[1], f"{split}.csv", repo_type="dataset", token=False))
    except (OSError, ValueError) as error:  # its errors of HTTP, cache and names are among these
        reason = " ".join(str(error).split()) or type(error).__name__
        advice = "Check its name, the network, and that HF_HUB_OFFLINE is not set."
        raise DatasetError(f"{split}.csv of {name} could not be fetched: {reason} {advice}") from error
