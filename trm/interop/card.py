"""The model card of an exported model: README.md with the front matter that model hubs read."""

from dataclasses import dataclass
from typing import Any

from trm.checkpoints.checkpoint import Meta
from trm.config.run import RunConfig
from trm.interface.measured import EffortResult, Measured
from trm.json_text import to_json
from trm.puzzles.datasets.datasets import BUILTIN, load

TEMPLATE = """---
{front}
---

# {title}

A Tiny Recursive Model ([arXiv 2510.04871](https://arxiv.org/abs/2510.04871)) for {rows}x{cols} {kind} puzzles: one small network that
improves an answer for up to {steps} supervision steps.

| | |
|---|---|
{facts}
{measured}
## Use it with trm

```
python -m trm solve --checkpoint . PUZZLE
```

```python
from trm.solving.solver import Solver

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


MEASURED = """
## How good it is

Measured on {device} in {precision} with the weights in this folder, on {n:,} puzzles of the {split} split of {dataset};
`python -m trm evaluate --checkpoint . --data {dataset} --split {split}{limit}` repeats the first line. Intervals are Wilson's, 95 %.

| thinking | exactly right | obeys the rules | supervision steps | of all chains | seconds |
|---|---|---|---:|---:|---:|
{rows}

Exactly right after each supervision step of the one pass ({cells:.3%} of cells after the last):

| step | {steps} |
|---|{lines}|
| right | {rights} |

The halt probability against being right, over the answers of all supervision steps; expected calibration error {error:.4f}:

| halt probability | answers | mean probability | share right |
|---|---:|---:|---:|
{bins}

## Limits

It knows {known}; the figures are for puzzles of one source.
{rules}
"""
RULES = "An answer that `verified` calls right obeys the rules; one that the model is sure of may not."
NO_RULES = "There are no rules to verify an answer by: the halt probability is all there is to go by."


@dataclass(frozen=True)
class Facts:
    """What the card says beside what was measured."""

    meta: Meta
    parameters: int
    tokens: int  # prefix and cells
    dtype: str
    licence: str
    cost: str


def card(facts: Facts, measured: Measured | None, *, with_program: bool) -> str:
    """The text of README.md."""
    config = facts.meta.config
    return TEMPLATE.format(
        front=_format_front(config, facts.licence),
        title=f"{config.preset} on {config.dataset}",
        rows=config.puzzle.rows,
        cols=config.puzzle.cols,
        kind=config.puzzle.kind,
        steps=config.model.max_supervision_steps,
        facts="\n".join(f"| {name} | {value} |" for name, value in _list_facts(facts).items()),
        measured="" if measured is None else _format_measurements(measured, config),
        without=_format_program(facts) if with_program else WEIGHTS_ONLY,
    )


def _format_measurements(measured: Measured, config: RunConfig) -> str:
    n, steps = measured.exact.n, measured.step_exact
    # the puzzles of the split; those that were measured where the data set is not ours
    most = len(load(measured.dataset, measured.split)) if measured.dataset in BUILTIN else n
    return MEASURED.format(
        device=measured.device,
        precision=measured.precision,
        n=n,
        limit=f" --limit {n}" if n < most else "",
        split=measured.split,
        dataset=measured.dataset,
        rows="\n".join(_list_ways(measured)),
        cells=measured.cell_accuracy,
        steps=" | ".join(str(i) for i in range(1, len(steps) + 1)),
        lines="|".join("---:" for _ in steps),
        rights=" | ".join(f"{right / n:.1%}" for right in steps),
        error=measured.calibration_error,
        bins="\n".join(
            f"| {b.low:.1f} to {b.high:.1f} | {b.answers:,} | {b.halt_probability:.3f} | {b.right:.3f} |"
            for b in measured.calibration
        ),
        known=_format_scope(config),
        rules=NO_RULES if measured.verified is None else RULES,
    )


def _format_scope(config: RunConfig) -> str:
    size, kind = f"{config.puzzle.rows}x{config.puzzle.cols}", config.puzzle.kind
    if config.model.any_size:
        return f"{kind} puzzles of every size, though it has been measured on {size} alone"
    return f"{size} {kind} puzzles of the kind it was trained on and nothing else"


def _list_ways(measured: Measured) -> list[str]:
    steps = len(measured.step_exact)
    verified, seconds = _format_count(measured.verified), measured.seconds
    one_pass = f"| one pass of {steps} steps | {measured.exact} | {verified} | {steps} | {steps} | {seconds} |"
    return [one_pass, *(_format_way(way) for way in (measured.halting, measured.harder) if way is not None)]


def _format_way(way: EffortResult) -> str:
    asked = ", ".join(f"{name}={to_json(value)}" for name, value in way.effort.items())
    costs = f"{way.mean_supervision_steps:.2f} | {way.mean_total_steps:.2f} | {way.seconds}"
    return f"| `{asked}` | {way.exact} | {_format_count(way.verified)} | {costs} |"


def _format_count(count: int | None) -> str:
    return "-" if count is None else f"{count:,}"


def _format_front(config: RunConfig, licence: str) -> str:
    values = {
        "library_name": "trm-service",
        "license": licence,
        "tags": ["tiny-recursive-model", "puzzles", config.puzzle.kind, "arxiv:2510.04871"],
        "datasets": [config.dataset, *config.train.also],
        "metrics": ["accuracy"],
    }
    return "\n".join(f"{key}: {to_json(value)}" for key, value in values.items())  # every JSON string or list is YAML


def _list_facts(facts: Facts) -> dict[str, Any]:
    meta, config, network = facts.meta, facts.meta.config, facts.meta.config.model
    known = BUILTIN.get(config.dataset)
    about = f": {known.summary} Licence of the data: {known.licence}." if known else ""
    rows: dict[str, Any] = {
        "recipe": f"{config.preset}, {meta.step:,} optimizer updates",
        "cost of the training": facts.cost,
        "data set": f"{config.dataset}{about}",
        "parameters": f"{facts.parameters:,}, stored as {facts.dtype}",
        "recursion": f"{network.recursions} recursions of {network.latent_steps} latent steps, {network.layers} layers",
        "licence of the weights": facts.licence,
        "checkpoint": f"sha256 {meta.digest}",
    }
    if config.train.also:
        rows["trained on as well"] = ", ".join(config.train.also)
    if "best.safetensors" in meta.files:
        rows["weights"] = f"the best on the validation split, of update {meta.progress['best_step']:,}"
    return rows | dict(_format_metric(name, value) for name, value in meta.metrics.items())


def _format_metric(name: str, value: float | None) -> tuple[str, str]:
    shown = "-" if value is None else f"{value:.1%}" if name.endswith(("accuracy", "verified")) else f"{value:g}"
    when = "" if name.startswith(("best_", "test_")) else ", last evaluation"
    return name.replace("_", " ") + when, shown


def _format_program(facts: Facts) -> str:
    config, network = facts.meta.config, facts.meta.config.model
    several, width = network.latents == "multi_scale", network.hidden_size
    return WITH_PROGRAM.format(
        cells=config.puzzle.cells,
        precision=config.train.precision,
        tokens=facts.tokens,
        width=width,
        scales=".unsqueeze(1)" if several else "",
        shape=f"{network.latent_count}, {facts.tokens}, {width}" if several else f"{facts.tokens}, {width}",
        rows='weights["puzzle_embedding"][[0] * len(tokens)].float()'
        if network.prefix_tokens
        else "torch.zeros(len(tokens), 0)",
        steps=network.max_supervision_steps,
    )
