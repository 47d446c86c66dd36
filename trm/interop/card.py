"""The model card of an exported model: README.md with the front matter that model hubs read."""

import json
from typing import Any

from trm.checkpoint import Meta
from trm.config import RunConfig
from trm.model import TinyRecursiveModel

TEMPLATE = """---
{front}
---

# {title}

A Tiny Recursive Model ([arXiv 2510.04871](https://arxiv.org/abs/2510.04871)) for {rows}x{cols} {kind} puzzles: one small network that
improves an answer for up to {steps} supervision steps.

| | |
|---|---|
{facts}

## Use it with trm

```
python -m trm solve --checkpoint . PUZZLE
```

```python
from trm.solver import Solver

solver = Solver.load(".")
```

## Use it without trm

{without}
"""

WEIGHTS_ONLY = """`model.safetensors` holds the weights, `config.json` all sizes and counts; the tensors' names are explained in the class
`TinyRecursiveModel` of trm. Export with `--program` to get one supervision step that torch alone can run."""

WITH_PROGRAM = """`step.pt2` is one supervision step, of any number of puzzles; torch and safetensors are enough:

```python
import torch
from safetensors.torch import load_file

step, weights = torch.export.load("step.pt2").module(), load_file("model.safetensors")
tokens = torch.ones(3, {cells}, dtype=torch.int64)  # three blank puzzles; 0 is padding, i + 1 the symbol i of config.json
y = weights["y_init"].to(torch.{precision}).expand(len(tokens), {tokens}, {width})
z = weights["z_init"].to(torch.{precision}){scales}.expand(len(tokens), {shape})
rows = {rows}
for _ in range({steps}):
    y, z, logits, halt_logit = step(tokens, rows, y, z)
answers = logits.argmax(-1)
```"""


def card(model: TinyRecursiveModel, meta: Meta, *, dtype: str, with_program: bool, licence: str) -> str:
    """The text of README.md."""
    config = meta.config
    return TEMPLATE.format(
        front=_front(config, licence),
        title=f"{config.preset} on {config.dataset}",
        rows=config.puzzle.rows,
        cols=config.puzzle.cols,
        kind=config.puzzle.kind,
        steps=config.model.max_supervision_steps,
        facts="\n".join(f"| {name} | {value} |" for name, value in _facts(model, meta, dtype, licence).items()),
        without=_program_usage(model, config) if with_program else WEIGHTS_ONLY,
    )


def _front(config: RunConfig, licence: str) -> str:
    values: dict[str, str | list[str]] = {
        "library_name": "trm-service",
        "license": licence,
        "tags": ["tiny-recursive-model", "puzzles", config.puzzle.kind, "arxiv:2510.04871"],
        "datasets": [config.dataset],
        "metrics": ["accuracy"],
    }
    return "\n".join(f"{key}: {_yaml(value)}" for key, value in values.items())


def _yaml(value: str | list[str]) -> str:
    return json.dumps(value)  # every JSON string or list is YAML


def _facts(model: TinyRecursiveModel, meta: Meta, dtype: str, licence: str) -> dict[str, Any]:
    config, network = meta.config, meta.config.model
    facts: dict[str, Any] = {
        "recipe": f"{config.preset}, {meta.step:,} optimizer updates",
        "data set": config.dataset,
        "parameters": f"{model.parameter_count():,}, stored as {dtype}",
        "recursion": f"{network.recursions} recursions of {network.latent_steps} latent steps, {network.layers} layers",
        "licence of the weights": licence,
        "checkpoint": f"sha256 {meta.digest}",
    }
    return facts | {name.replace("_", " "): _shown(name, value) for name, value in meta.metrics.items()}


def _shown(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1%}" if name.endswith("accuracy") else f"{value:g}"


def _program_usage(model: TinyRecursiveModel, config: RunConfig) -> str:
    network, width = config.model, config.model.hidden_size
    several = network.latents == "multi_scale"
    return WITH_PROGRAM.format(
        cells=config.puzzle.cells,
        precision=config.train.precision,
        tokens=model.tokens,
        width=width,
        scales=".unsqueeze(1)" if several else "",
        shape=f"{network.latent_steps}, {model.tokens}, {width}" if several else f"{model.tokens}, {width}",
        rows='weights["puzzle_embedding"][[0] * len(tokens)].float()'
        if network.prefix_tokens
        else "torch.zeros(len(tokens), 0)",
        steps=network.max_supervision_steps,
    )
