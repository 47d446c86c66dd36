"""The official algorithm, restated plainly: what `make bench` compares with.

Its structure follows arXiv 2510.04871 and the facts of its published implementation, not ours: sequences first, a transposition
around the token mixer, weights cast where they are used, a loss in float64, one optimizer kernel after the other, metrics at
every step, sixteen supervision steps for every puzzle. `tests/bench/test_official.py` holds it to the golden vectors.

Shapes: B puzzles, L cells, P prefix tokens, S = P + L, D channels, V vocabulary.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

IGNORED = -100


@dataclass(frozen=True)
class Shape:
    """The sizes of a model, by the paper's letters."""

    cells: int  # L
    vocabulary: int  # V
    token_mlp: bool = True  # else attention with rotary embeddings
    prefix: int = 16  # P
    width: int = 512  # D
    heads: int = 8
    layers: int = 2
    n: int = 6
    T: int = 3
    supervision_steps: int = 16
    puzzle_ids: int = 1

    @property
    def tokens(self) -> int:
        """S."""
        return self.prefix + self.cells


def inner(width: int) -> int:
    """SwiGLU's inner width at expansion 4."""
    return 256 * math.ceil(round(4 * width * 2 / 3) / 256)


def norm(x: Tensor) -> Tensor:
    """RMS norm over the last axis, in float32."""
    wide = x.float()
    return (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + 1e-5)).to(x.dtype)


class Cast(nn.Module):
    """A linear map whose float32 weight is cast at every use."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / inputs**0.5)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight.to(x.dtype))


class Gated(nn.Module):
    """SwiGLU over the last axis."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gate_up_proj, self.down_proj = Cast(width, 2 * inner(width)), Cast(inner(width), width)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.gate_up_proj(x).chunk(2, -1)
        out: Tensor = self.down_proj(F.silu(gate) * up)
        return out


class SelfAttention(nn.Module):
    """Full attention with half-split rotary positions."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.qkv_proj, self.o_proj = Cast(shape.width, 3 * shape.width), Cast(shape.width, shape.width)

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
        batch, tokens, width = x.shape
        heads = self.qkv_proj(x).view(batch, tokens, 3 * self.heads, width // self.heads)
        q, k, v = heads.transpose(1, 2).split(self.heads, 1)
        q, k = (self._turned(part, *turn) for part in (q, k))
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, tokens, width)
        out: Tensor = self.o_proj(mixed)
        return out

    @staticmethod
    def _turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        wide = x.float()
        low, high = wide.chunk(2, -1)
        return (wide * cos + torch.cat((-high, low), -1) * sin).to(x.dtype)


class Layer(nn.Module):
    """Mix tokens, then channels; norms come after."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        if shape.token_mlp:
            self.mlp_t = Gated(shape.tokens)
        else:
            self.self_attn = SelfAttention(shape)
        self.mlp = Gated(shape.width)

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor] | None) -> Tensor:
        if turn is None:
            x = x.transpose(1, 2)
            x = norm(x + self.mlp_t(x)).transpose(1, 2)
        else:
            x = norm(x + self.self_attn(x, turn))
        return norm(x + self.mlp(x))


class Carried(NamedTuple):
    """States between supervision steps."""

    answer: Tensor  # (B, S, D)
    latent: Tensor  # (B, S, D)


class Official(nn.Module):
    """The network and one supervision step of it; parameters carry the official names below `inner.`."""

    H_init: Tensor
    L_init: Tensor

    def __init__(self, shape: Shape, dtype: torch.dtype) -> None:
        super().__init__()
        self.shape, self.dtype = shape, dtype
        self.embed_tokens = nn.ParameterDict({"embedding_weight": torch.randn(shape.vocabulary, shape.width)})
        self.L_level = nn.ModuleDict({"layers": nn.ModuleList(Layer(shape) for _ in range(shape.layers))})
        self.lm_head = Cast(shape.width, shape.vocabulary)
        self.q_head = nn.Linear(shape.width, 2)
        for name in ("H_init", "L_init"):
            self.register_buffer(name, torch.randn(shape.width))
        self.puzzle_emb = nn.ParameterDict({"weights": torch.zeros(shape.puzzle_ids, shape.width)})
        self.turn: tuple[Tensor, Tensor] | None = None
        if not shape.token_mlp:
            size = shape.width // shape.heads
            angle = torch.outer(torch.arange(shape.tokens).float(), 10_000.0 ** (-torch.arange(0, size, 2) / size))
            self.turn = (torch.cat((angle, angle), -1).cos(), torch.cat((angle, angle), -1).sin())

    def start(self, batch: int) -> Carried:
        """The states of fresh puzzles."""
        whole = (batch, self.shape.tokens, self.shape.width)
        return Carried(*(init.to(self.dtype).expand(whole).clone() for init in (self.H_init, self.L_init)))

    def forward(self, inputs: Tensor, rows: Tensor, carried: Carried) -> tuple[Carried, Tensor, Tensor]:
        """One supervision step: the states (with gradient), logits `(B, L, V)` and both halting logits `(B, 2)`."""
        question = self.embed_tokens["embedding_weight"].to(self.dtype)[inputs]
        if self.shape.prefix:
            front = F.pad(rows.to(self.dtype), (0, (self.shape.prefix - 1) * self.shape.width))
            question = torch.cat((front.view(-1, self.shape.prefix, self.shape.width), question), 1)
        question = question * self.shape.width**0.5
        answer, latent = carried
        with torch.no_grad():
            for _ in range(self.shape.T - 1):
                answer, latent = self._recursion(question, answer, latent)
        answer, latent = self._recursion(question, answer, latent)
        halting = F.linear(answer[:, 0], self.q_head.weight.to(self.dtype), self.q_head.bias.to(self.dtype)).float()
        return Carried(answer, latent), self.lm_head(answer)[:, self.shape.prefix :], halting

    def _recursion(self, question: Tensor, answer: Tensor, latent: Tensor) -> tuple[Tensor, Tensor]:
        for _ in range(self.shape.n):
            latent = self.network(latent, answer, question)
        return self.network(answer, latent), latent

    def network(self, *states: Tensor) -> Tensor:
        """All layers, of the sum of states; where a compiler is at hand this is what it compiles."""
        state, layers = sum(states[1:], start=states[0]), self.L_level["layers"]
        assert isinstance(layers, nn.ModuleList)
        for layer in layers:
            state = layer(state, self.turn)
        return state


def loss_and_metrics(logits: Tensor, halting: Tensor, labels: Tensor, done: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """The summed loss in float64 and the metrics of the slots that are `done` `(B,)`."""
    wide = logits.double()
    s = torch.where(wide < 0, 1 / (1 - wide + 1e-30), wide + 1)
    chosen = (s / s.sum(-1, keepdim=True)).log().gather(-1, labels.clamp(min=0).long().unsqueeze(-1)).squeeze(-1)
    scored = labels != IGNORED
    cells = scored.sum(-1)
    answer = (-(chosen * scored).sum(-1) / cells.clamp(min=1)).sum()
    hit = (logits.argmax(-1) == labels) & scored
    right = hit.sum(-1) == cells
    halt = F.binary_cross_entropy_with_logits(halting[:, 0], right.float(), reduction="sum")
    counted = done & (cells > 0)
    metrics = {
        "count": counted.sum(),
        "accuracy": torch.where(counted, hit.sum(-1) / cells.clamp(min=1), 0).sum(),
        "exact_accuracy": (counted & right).sum(),
        "q_halt_accuracy": (counted & ((halting[:, 0] >= 0) == right)).sum(),
        "lm_loss": answer.detach(),
        "q_halt_loss": halt.detach(),
    }
    return answer + 0.5 * halt, metrics


class OfficialTrainer:
    """Slots, optimizers and the moving average around the network: one `update` is one training step."""

    def __init__(self, network: Official, batch: int, lr: float = 1e-4, decay: float = 1.0) -> None:
        self.network, self.lr, self.decay = network, lr, decay
        self.device = network.H_init.device
        self.parameters = [p for name, p in network.named_parameters() if not name.startswith("puzzle_emb")]
        self.moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in self.parameters]
        self.shadow = [p.detach().clone() for p in self.parameters]
        self.carried, self.step = network.start(batch), 0
        self.steps = torch.zeros(batch, dtype=torch.int32, device=self.device)
        self.halted = torch.ones_like(self.steps, dtype=torch.bool)
        self.inputs = torch.zeros(batch, network.shape.cells, dtype=torch.int32, device=self.device)
        self.labels, self.ids = torch.zeros_like(self.inputs), torch.zeros_like(self.steps, dtype=torch.int64)

    def update(self, inputs: Tensor, labels: Tensor) -> dict[str, float]:
        """Offer a batch `(B, L)`; halted slots take their row of it, then one optimizer step. Returns the metrics."""
        fresh, shape = self.network.start(len(inputs)), self.network.shape
        mask = self.halted.view(-1, 1, 1)
        self.carried = Carried(*(torch.where(mask, new, old) for new, old in zip(fresh, self.carried, strict=True)))
        self.steps = torch.where(self.halted, 0, self.steps) + 1
        self.inputs, self.labels = (
            torch.where(self.halted.view(-1, 1), new, old)
            for new, old in ((inputs, self.inputs), (labels, self.labels))
        )
        table = self.network.puzzle_emb["weights"].data
        rows = table[self.ids].clone().requires_grad_()
        carried, logits, halting = self.network(self.inputs, rows, self.carried)
        self.halted = self._halts(halting.detach(), shape.supervision_steps)
        loss, metrics = loss_and_metrics(logits, halting, self.labels, self.halted)
        torch.autograd.backward(loss / len(inputs))
        self.carried = Carried(carried.answer.detach(), carried.latent.detach())
        self._descend()
        if rows.grad is not None:
            touched, place = torch.unique(self.ids, return_inverse=True)
            summed = torch.zeros(len(touched), shape.width, device=self.device).index_add_(0, place, rows.grad)
            table[touched] = table[touched] * (1 - self.lr * self.decay) - self.lr * summed.sign()
        return {name: float(value) for name, value in metrics.items()}

    def _halts(self, halting: Tensor, most: int) -> Tensor:
        explores = torch.rand(len(halting), device=self.device) < 0.1
        least = explores * torch.randint(2, most + 1, (len(halting),), device=self.device)
        return (self.steps >= most) | ((halting[:, 0] > 0) & (self.steps >= least))

    @torch.no_grad()
    def _descend(self) -> None:
        self.step += 1
        first, second = 1 - 0.9**self.step, 1 - 0.95**self.step
        for parameter, (m, v), shadow in zip(self.parameters, self.moments, self.shadow, strict=True):
            gradient = parameter.grad
            assert gradient is not None
            m.lerp_(gradient, 0.1)
            v.lerp_(gradient * gradient, 0.05)
            parameter.mul_(1 - self.lr * self.decay)
            parameter.add_(torch.atan2(m, v.sqrt() / second**0.5), alpha=-self.lr / first)
            parameter.grad = None
            shadow.copy_(shadow * 0.999 + parameter * 0.001)


@torch.inference_mode()
def evaluated(network: Official, inputs: Tensor, labels: Tensor) -> tuple[Tensor, dict[str, float]]:
    """Answers `(B, L)` and metrics of one evaluation batch: every puzzle takes every step, scored at each."""
    carried, steps = network.start(len(inputs)), network.shape.supervision_steps
    rows = network.puzzle_emb["weights"][torch.zeros(len(inputs), dtype=torch.int64, device=inputs.device)]
    for step in range(1, steps + 1):
        carried, logits, halting = network(inputs, rows, carried)
        done = torch.full((len(inputs),), step == steps, device=inputs.device)
        _, metrics = loss_and_metrics(logits, halting, labels, done)
    return logits.argmax(-1), {name: float(value) for name, value in metrics.items()}
