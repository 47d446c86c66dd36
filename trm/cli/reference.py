"""Reference pages written from the code: presets, and every setting of a training."""

from typing import Any

from pydantic import BaseModel

from trm.config.model import ModelConfig
from trm.config.presets import PRESETS
from trm.config.train import Depth, TrainConfig
from trm.json_text import to_json
from trm.puzzles.datasets.datasets import spec_of


def presets() -> str:
    """The reference page of all presets."""
    import torch

    from trm.network.model import TinyRecursiveModel

    lines = [
        "# Presets",
        "",
        "Written by `python -m trm inspect --page presets`. Parameters are trained weights without the puzzle embedding table, depth",
        "is the layers that a signal passes in one supervision step, times are rough estimates by arithmetic.",
        "[Every setting](settings.md) can be changed.",
        "",
        "| preset | data set | parameters | depth | updates | what | hardware |",
        "|---|---|---:|---:|---:|---|---|",
    ]
    for preset in PRESETS.values():
        with torch.device("meta"):
            model = TinyRecursiveModel(preset.model.model_copy(update={"puzzle_ids": 1}), spec_of(preset.dataset))
        sizes = f"{model.parameter_count():,} | {preset.model.effective_depth} | {preset.train.steps:,}"
        lines.append(f"| `{preset.name}` | {preset.dataset} | {sizes} | {preset.summary} | {preset.hardware} |")
    return "\n".join(lines) + "\n"


def settings() -> str:
    """The reference page of all settings."""
    lines = [
        "# Settings of a training",
        "",
        "Written by `python -m trm inspect --page settings`. Change them with `--set model.layers=4` on the command line, with `overrides`",
        "in the API. Defaults are those of `sudoku-extreme`, the paper's main run.",
    ]
    for title, prefix, model in (
        ("The network", "model.", ModelConfig),
        ("The training", "train.", TrainConfig),
        ("A stage of `train.depth_curriculum`", "", Depth),
    ):
        lines += ["", f"## {title}", "", "| setting | values | default | what |", "|---|---|---|---|"]
        lines += _rows(prefix, model)
    return "\n".join(lines) + "\n"


def _rows(prefix: str, model: type[BaseModel]) -> list[str]:
    properties = model.model_json_schema(ref_template="{model}")["properties"]
    return [
        f"| `{prefix}{name}` | {_values(schema)} | {default} | {schema.get('description', '')} |"
        for name, schema in properties.items()
        for default in [f"`{to_json(schema['default'])}`" if "default" in schema else ""]
    ]


def _values(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_values(part) for part in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    least = schema.get("minimum", schema.get("exclusiveMinimum"))
    most = schema.get("maximum", schema.get("exclusiveMaximum"))
    opening, closing = "(" if "exclusiveMinimum" in schema else "[", ")" if "exclusiveMaximum" in schema else "]"
    kind = schema["type"]
    if kind == "array":
        kind = "list of stages" if "$ref" in schema["items"] else f"list of {_values(schema['items'])}s"
    if most is None:
        return str(kind) if least is None else f"{kind}, {'more than' if opening == '(' else 'at least'} {least}"
    return f"{kind} in {opening}{least}, {most}{closing}"


PAGES = {"presets": presets, "settings": settings}
