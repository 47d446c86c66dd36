"""The files of an official TRM or HRM run, read without running any code that they may hold."""

import json
import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trm.checkpoints import tensor_file
from trm.errors import CheckpointNotFound, CorruptCheckpoint, ForeignCheckpoint
from trm.file_signatures import describe_file

# what torch.compile, the official loss wrapper and data-parallel training put before every name
PREFIXES = ("_orig_mod.", "model.", "module.")
SIBLING = re.compile(r"\$\{\.(\w+)\}")  # Hydra's "the value of this key beside me", in the files of config/arch


def strip_prefixes(name: str) -> str:
    """The official name without what wrappers put before it."""
    while (prefix := next((p for p in PREFIXES if name.startswith(p)), None)) is not None:
        name = name.removeprefix(prefix)
    return name


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Official name without prefixes -> tensor, of a file written by torch.save or safetensors.

    Raises CheckpointNotFound, or ForeignCheckpoint for anything that is not plain tensors by name.
    """
    try:
        loaded = tensor_file.read(path) if _is_safetensors(path) else _read_torch_save(path)
        if not isinstance(loaded, Mapping) or not all(isinstance(t, Tensor) for t in loaded.values()):
            raise ForeignCheckpoint(f"{path} does not hold tensors by name: save the model's state_dict() by itself.")
        tensors = {strip_prefixes(str(name)): tensor for name, tensor in loaded.items()}
        tensor_file.require_finite(tensors, path)
    except CorruptCheckpoint as error:
        raise ForeignCheckpoint(str(error)) from error
    return tensors


def _is_safetensors(path: Path) -> bool:
    # official files have no suffix; a safetensors file opens with the length of its JSON header, eight bytes
    try:
        with path.open("rb") as file:
            return file.read(9)[8:] == b"{"
    except OSError as error:
        raise CheckpointNotFound(f"{path} cannot be read: {error.strerror}.") from error


def _read_torch_save(path: Path) -> object:
    if (what := describe_file(path)) is not None and not zipfile.is_zipfile(path):  # torch.save writes zip archives
        raise ForeignCheckpoint(f"{path} is {what}.")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ForeignCheckpoint(
            f"{path} holds more than tensors, and such files can run code when they are opened, so it was not: "
            "save the model's state_dict() by itself."
        ) from error
    except MemoryError:
        raise
    except Exception as error:  # the unpickler trips in many ways over bytes that are none of its own
        raise ForeignCheckpoint(f"{path} was written neither by torch.save nor by safetensors: {error}") from error


def read_config(path: Path) -> dict[str, Any]:
    """One flat mapping of an all_config.yaml or .json, or of a file of config/arch: `arch` becomes "trm", "hrm", ...

    Raises ForeignCheckpoint when the file is not such a configuration.
    """
    document = _read_document(path)
    if not isinstance(document, dict):
        raise ForeignCheckpoint(f"{path} is not a configuration: it holds no keys.")
    arch = document["arch"] if isinstance(document.get("arch"), dict) else document
    name, loss = arch.get("name"), arch.get("loss")
    flat = {key: value for key, value in (document | arch).items() if key not in ("name", "loss")}
    if isinstance(name, str):  # "recursive_reasoning.trm@TinyRecursiveReasoningModel_ACTV1"
        flat["arch"] = name.split("@")[0].rpartition(".")[2]
    if isinstance(loss, dict):
        flat |= {key: value for key, value in loss.items() if key != "name"}
    return {key: _resolve(value, flat) for key, value in flat.items()}


def _read_document(path: Path) -> object:
    if (what := describe_file(path)) is not None:
        raise ForeignCheckpoint(f"{path} is {what}.")
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointNotFound(f"The configuration {path} cannot be read: {error}.") from error
    if path.suffix == ".json":
        try:
            return json.loads(text)
        except ValueError as error:
            raise ForeignCheckpoint(f"{path} is not JSON: {error}.") from error
    try:
        import yaml
    except ModuleNotFoundError as error:
        raise ForeignCheckpoint(
            f"Reading {path} needs PyYAML. Install it with: pip install pyyaml, or give the configuration as JSON."
        ) from error
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ForeignCheckpoint(f"{path} is not YAML of plain values: {error}") from error


def _resolve(value: object, beside: Mapping[str, Any]) -> object:
    match = SIBLING.fullmatch(value) if isinstance(value, str) else None
    return beside.get(match[1]) if match else value
