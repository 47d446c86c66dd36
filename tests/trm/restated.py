"""What the official code computes, written down once more from its formulas: plain tensors by their official names, no module of ours.

Covers TRM, its single-latent and six-latent variants, HRM and the one-pass baseline, with every choice of positions, sizes and constants
that the official code runs. Batches B, tokens S = prefix + grid, width D.
"""

import json
import math
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

BATCH, STEPS, TRAINED = 3, 3, 2
DEFAULTS: dict[str, Any] = {
    "arch": "trm", "hidden_size": 32, "num_heads": 4, "expansion": 2, "H_cycles": 2, "L_cycles": 3, "H_layers": 2, "L_layers": 2,
    "halt_max_steps": 16, "pos_encodings": "rope", "puzzle_emb_ndim": 32, "num_puzzle_identifiers": 3, "vocab_size": 7, "seq_len": 9,
    "loss_type": "stablemax_cross_entropy",
}  # fmt: skip


class Restated:
    """One official configuration with random weights, and what it computes."""

    def __init__(self, **changes: object) -> None:
        self.official: dict[str, Any] = {k: v for k, v in (DEFAULTS | changes).items() if v is not None}
        self.arch: str = self.official["arch"]
        self.is_mlp = bool(self.official.get("mlp_t")) and self.arch not in ("hrm_act_v1", "transformers_baseline")
        self.width, self.values = self.official["hidden_size"], self.official["puzzle_emb_ndim"]
        knows_length = self.arch.startswith("trm")
        self.prefix = (self.official.get("puzzle_emb_len", 16) if knows_length else 0) or math.ceil(
            self.values / self.width
        )
        self.tokens = self.prefix + self.official["seq_len"]
        generator = torch.Generator().manual_seed(7)
        self.weights = {
            name: scale * torch.randn(shape, generator=generator, dtype=torch.float64)
            for name, (shape, scale) in self.shapes().items()
        }
        count, cells = self.official["vocab_size"], self.official["seq_len"]
        self.inputs = torch.randint(1, count, (BATCH, cells), generator=generator)
        self.labels = torch.randint(1, count, (BATCH, cells), generator=generator)
        self.labels[0, 2] = -100
        self.ids = torch.tensor([2, 0, 1])[:BATCH]

    def levels(self) -> dict[str, int]:
        """Network -> its layers."""
        if self.arch.startswith("trm"):
            return {"L": self.official["L_layers"]}
        answering = {"H": self.official["H_layers"]}
        return answering if self.arch == "transformers_baseline" else answering | {"L": self.official["L_layers"]}

    def starts(self) -> list[str]:
        """Names of the initial states; the answer's, where there is one, comes first."""
        if self.arch == "trm_hier6":
            return ["inner.H_init", *(f"inner.L{i}_init" for i in range(1, 7))]
        names = ["inner.H_init", "inner.L_init"]
        return {"trm_singlez": names[1:], "transformers_baseline": names[:1]}.get(self.arch, names)

    def shapes(self) -> dict[str, tuple[tuple[int, ...], float]]:
        """Official name -> shape, and a deviation that keeps activations in range."""
        width, count = self.width, self.official["vocab_size"]
        head = width // self.official["num_heads"]
        mixed = head * self.official["num_heads"]
        shapes: dict[str, tuple[tuple[int, ...], float]] = {
            "inner.embed_tokens.embedding_weight": ((count, width), width**-0.5),
            "inner.lm_head.weight": ((count, width), 0.3),
            "inner.q_head.weight": ((2, width), 0.1),
            "inner.q_head.bias": ((2,), 1.0),
            **dict.fromkeys(self.starts(), ((width,), 1.0)),
        }
        if self.values:
            shapes["inner.puzzle_emb.weights"] = ((self.official["num_puzzle_identifiers"], self.values), 0.2)
        if self.official["pos_encodings"] == "learned":
            shapes["inner.embed_pos.embedding_weight"] = ((self.tokens, width), width**-0.5)
        for level, layers in self.levels().items():
            for i in range(layers):
                name = f"inner.{level}_level.layers.{i}"
                shapes |= self.gated_shapes(f"{name}.mlp", width)
                if self.is_mlp:
                    shapes |= self.gated_shapes(f"{name}.mlp_t", self.tokens)
                else:
                    shapes[f"{name}.self_attn.qkv_proj.weight"] = ((3 * mixed, width), width**-0.5)
                    shapes[f"{name}.self_attn.o_proj.weight"] = ((width, mixed), mixed**-0.5)
        return shapes

    def gated_shapes(self, name: str, width: int) -> dict[str, tuple[tuple[int, ...], float]]:
        inner = 256 * math.ceil(round(self.official["expansion"] * width * 2 / 3) / 256)
        return {
            f"{name}.gate_up_proj.weight": ((2 * inner, width), width**-0.5),
            f"{name}.down_proj.weight": ((width, inner), inner**-0.5),
        }

    def norm(self, x: Tensor, axis: int = -1) -> Tensor:
        return x / torch.sqrt((x * x).mean(axis, keepdim=True) + self.official.get("rms_norm_eps", 1e-5))

    def feed_forward(self, x: Tensor, name: str) -> Tensor:
        """down(silu(gate x) * (up x)) over the last axis."""
        both = x @ self.weights[f"{name}.gate_up_proj.weight"].T
        gate, up = both[..., : both.shape[-1] // 2], both[..., both.shape[-1] // 2 :]
        return (gate / (1 + torch.exp(-gate)) * up) @ self.weights[f"{name}.down_proj.weight"].T

    def turned(self, x: Tensor) -> Tensor:
        """Channel j and channel j + h/2 of a head `(B, S, heads, h)` are a point, turned by position * base ** (-2 j / h)."""
        half = x.shape[-1] // 2
        base = self.official.get("rope_theta", 10000.0)
        speed = torch.tensor([base ** (-2 * j / (2 * half)) for j in range(half)], dtype=torch.float64)
        angle = (torch.arange(self.tokens, dtype=torch.float64)[:, None] * speed)[:, None, :]  # (S, 1, h/2)
        first, second = x[..., :half], x[..., half:]
        return torch.cat((first * angle.cos() - second * angle.sin(), second * angle.cos() + first * angle.sin()), -1)

    def attend(self, x: Tensor, name: str) -> Tensor:
        heads = self.official["num_heads"]
        head = self.width // heads
        qkv = (x @ self.weights[f"{name}.qkv_proj.weight"].T).reshape(BATCH, self.tokens, 3 * heads, head)
        q, k, v = qkv[:, :, :heads], qkv[:, :, heads : 2 * heads], qkv[:, :, 2 * heads :]
        if self.official["pos_encodings"] == "rope":
            q, k = self.turned(q), self.turned(k)
        score = torch.einsum("bshc,bthc->bhst", q, k) / math.sqrt(head)
        share = torch.exp(score) / torch.exp(score).sum(-1, keepdim=True)
        mixed = torch.einsum("bhst,bthc->bshc", share, v).reshape(BATCH, self.tokens, heads * head)
        return mixed @ self.weights[f"{name}.o_proj.weight"].T

    def f(self, level: str, state: Tensor) -> Tensor:
        """A network: each layer mixes tokens, then channels; each time norm(x + new)."""
        x = state
        for i in range(self.levels()[level]):
            name = f"inner.{level}_level.layers.{i}"
            if self.is_mlp:
                across = self.feed_forward(x.mT, f"{name}.mlp_t").mT
                x = self.norm(x + across, axis=1)
            else:
                x = self.norm(x + self.attend(x, f"{name}.self_attn"))
            x = self.norm(x + self.feed_forward(x, f"{name}.mlp"))
        return x

    def question(self, rows: Tensor | None) -> Tensor:
        x = self.weights["inner.embed_tokens.embedding_weight"][self.inputs]
        if rows is not None:
            scratch = torch.zeros(BATCH, self.prefix * self.width - self.values, dtype=torch.float64)
            x = torch.cat((torch.cat((rows, scratch), 1).reshape(BATCH, self.prefix, self.width), x), 1)
        if self.official["pos_encodings"] == "learned":
            x = (x + self.weights["inner.embed_pos.embedding_weight"]) / math.sqrt(2)
        return x * math.sqrt(self.width)

    def think(self, x: Tensor, states: list[Tensor]) -> list[Tensor]:
        """One supervision step of the states, the answer's first; without gradient but for what the official code gives one."""
        T, n = self.official["H_cycles"], self.official.get("L_cycles", 0)  # noqa: N806  the paper's names
        if self.arch == "transformers_baseline":
            return [self.f("H", states[0] + x)]
        if self.arch in ("hrm", "hrm_act_v1"):
            y, z = states
            with torch.no_grad():
                for t in range(T):
                    for i in range(n):
                        if (t, i) != (T - 1, n - 1):
                            z = self.f("L", z + y + x)
                    if t != T - 1:
                        y = self.f("H", y + z)
            z = self.f("L", z + y + x)
            return [self.f("H", y + z), z]
        for t in range(T):
            with torch.set_grad_enabled(t == T - 1):
                states = self.recur(x, states, n)
        return states

    def recur(self, x: Tensor, states: list[Tensor], n: int) -> list[Tensor]:
        if self.arch == "trm_singlez":
            [z] = states
            for _ in range(n):
                z = self.f("L", z + x)
            return [self.f("L", z)]
        y, *latents = states
        for i in range(n):
            which = i if self.arch == "trm_hier6" else 0
            latents[which] = self.f("L", sum(latents[1:], latents[0]) + y + x)
        return [self.f("L", y + sum(latents[1:], latents[0])), *latents]

    def read(self, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        logits = (y @ self.weights["inner.lm_head.weight"].T)[:, self.prefix :]
        halting = y[:, 0] @ self.weights["inner.q_head.weight"].T + self.weights["inner.q_head.bias"]
        return logits, halting[:, 0], halting[:, 1]

    def losses(self, logits: Tensor, halt: Tensor) -> dict[str, Tensor]:
        """Stable-max cross entropy, mean over the labelled cells and sum over puzzles; halting against being right."""
        valid = self.labels != -100
        s = torch.where(logits >= 0, logits + 1, 1 / (1 - logits + 1e-30))
        chosen = s.gather(-1, self.labels.clamp(min=0)[..., None])[..., 0]
        entropy = -torch.log(chosen / s.sum(-1))
        answer = ((entropy * valid).sum(1) / valid.sum(1)).sum()
        right = ((logits.argmax(-1) == self.labels) | ~valid).all(1).double()
        halting = (torch.log(1 + torch.exp(halt)) - right * halt).sum()
        return {"loss": answer + 0.5 * halting, "lm_loss": answer, "q_halt_loss": halting}

    def write(self, path: Path) -> None:
        """A golden case: three supervision steps, and gradients of the first two."""
        tensors = {f"weights/{name}": weight.clone() for name, weight in self.weights.items()}
        tensors |= {"inputs": self.inputs, "labels": self.labels, "puzzle_identifiers": self.ids}
        scalars: dict[str, Any] = {"steps": []}
        states = [self.weights[name].expand(BATCH, self.tokens, -1) for name in self.starts()]
        for step in range(1, STEPS + 1):
            gradients, outputs, states = self.step(states)
            losses = {name: value.item() for name, value in outputs.pop("losses").items()}
            scalars["steps"].append(losses)
            tensors |= {f"eval/step{step}/{name}": tensor for name, tensor in outputs.items()}
            if step <= TRAINED:
                scalars[f"train_step{step}"] = losses
                tensors |= {f"train/step{step}/grad/{name}": tensor for name, tensor in gradients.items()}
        path.write_text(json.dumps({"config": self.official, "scalars": scalars}))
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path.with_suffix(".safetensors"))

    def step(self, states: list[Tensor]) -> tuple[dict[str, Tensor], dict[str, Any], list[Tensor]]:
        """Gradients of loss / batch, outputs, and the next states."""
        leaves = [name for name in self.weights if not name.endswith(("_init", "puzzle_emb.weights"))]
        for name in leaves:
            self.weights[name].requires_grad_()
        rows = self.weights["inner.puzzle_emb.weights"][self.ids].clone().requires_grad_() if self.values else None
        after = self.think(self.question(rows), states)
        logits, halt, go_on = self.read(after[0])
        losses = self.losses(logits, halt)
        wanted = [self.weights[name] for name in leaves] + ([] if rows is None else [rows])
        found = torch.autograd.grad(losses["loss"] / BATCH, wanted, allow_unused=True)
        names = [*leaves, "puzzle_emb_rows"]
        gradients = {name: grad for name, grad in zip(names, found, strict=False) if grad is not None}
        after = [state.detach() for state in after]
        outputs: dict[str, Any] = {"logits": logits, "q_halt_logits": halt, "q_continue_logits": go_on}
        outputs = {name: tensor.detach() for name, tensor in outputs.items()} | self.named(after) | {"losses": losses}
        for name in leaves:
            self.weights[name].requires_grad_(False)
        return gradients, outputs, after

    def named(self, states: list[Tensor]) -> dict[str, Tensor]:
        if self.arch == "trm_singlez":
            return {"z_L": states[0]}
        if self.arch == "transformers_baseline":
            return {"z_H": states[0]}
        latent = torch.stack(states[1:], 1) if self.arch == "trm_hier6" else states[1]
        return {"z_H": states[0], "z_L": latent}
