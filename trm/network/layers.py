"""The building blocks of the network: normalisation, SwiGLU, attention, and the block that joins them.

Weights are stored in float32 and cast to the activations' dtype where they are used (a no-op when they already match).
Shapes: B puzzles, S tokens (prefix included), D hidden size. A network with token mixing takes tokens first, `(S, B, D)`: then both
its mixers are plain matrix products of the whole batch, without a transposition; with attention it takes `(B, S, D)`.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trm.config.model import ModelConfig

CUT = 2.0  # truncated normals are cut at +- 2 standard deviations ...
CUT_SCALE = 1.1368472343385566  # ... and widened by this, so that the result has the requested deviation
INNER_MULTIPLE = 256  # SwiGLU's inner width is rounded up to this


def truncated_normal_(tensor: Tensor, std: float, generator: torch.Generator | None = None) -> Tensor:
    """Fill with a normal cut at two deviations whose *resulting* deviation is `std`, by inverse CDF."""
    if std == 0:
        return tensor.zero_()
    edge = math.erf(CUT / math.sqrt(2))
    uniform = torch.empty(tensor.shape, dtype=torch.float32).uniform_(-edge, edge, generator=generator)
    sample = torch.erfinv(uniform) * (math.sqrt(2) * std * CUT_SCALE)
    bound = CUT * std * CUT_SCALE
    return tensor.copy_(sample.clamp_(-bound, bound))


def widen(x: Tensor) -> Tensor:
    """The tensor in float32, or in float64 if it is that already."""
    return x if x.dtype == torch.float64 else x.float()


def rms_norm(x: Tensor, epsilon: float, axis: int = -1) -> Tensor:
    """Divide by the root mean square over an axis, computed in float32; there is no learned weight."""
    wide = widen(x)
    return (wide * torch.rsqrt(wide.square().mean(axis, keepdim=True) + epsilon)).to(x.dtype)


class Linear(nn.Module):
    """A matrix without bias, `(.., inputs) -> (.., outputs)`, applied in the input's dtype."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))

    def initialise(self, generator: torch.Generator) -> None:
        """Truncated normal with deviation 1 / sqrt(inputs)."""
        truncated_normal_(self.weight.data, self.weight.shape[1] ** -0.5, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the matrix to the last axis."""
        return F.linear(x, self.weight.to(x.dtype))


def inner_width(width: int, expansion: float) -> int:
    """SwiGLU's inner width: 2/3 of width * expansion, rounded up to a multiple of 256."""
    return INNER_MULTIPLE * math.ceil(round(expansion * width * 2 / 3) / INNER_MULTIPLE)


def gate(gate_up: Tensor, axis: int, config: ModelConfig) -> Tensor:
    """The first half of an axis gates the second: silu(gate) up, or sigmoid(gate) norm(gate up) for `normed_swiglu`."""
    gate, up = gate_up.chunk(2, dim=axis)
    if config.feed_forward == "normed_swiglu":
        return gate.sigmoid() * rms_norm(gate * up, config.norm_epsilon, axis)
    return F.silu(gate) * up


class SwiGLU(nn.Module):
    """down(silu(gate(x)) * up(x)) over the last axis; gate and up are one fused matrix, gate first.

    `normed`: down(sigmoid(gate(x)) * norm(gate(x) * up(x))), the form that suits Muon (arXiv 2601.19085).
    """

    def __init__(self, width: int, config: ModelConfig) -> None:
        super().__init__()
        inner = inner_width(width, config.expansion)
        self.config = config
        self.gate_up = Linear(width, 2 * inner)
        self.down = Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        """`(.., width) -> (.., width)`."""
        out: Tensor = self.down(gate(self.gate_up(x), -1, self.config))
        return out

    def over_first(self, x: Tensor) -> Tensor:
        """The same over the first axis, `(width, ..) -> (width, ..)`: the weights multiply from the left."""
        inner = gate(self.gate_up.weight.to(x.dtype) @ x.flatten(1), 0, self.config)
        return (self.down.weight.to(x.dtype) @ inner).view(x.shape)


class MixtureOfExperts(nn.Module):
    """Every token goes to the two SwiGLUs that its router likes best; their shares add up to one.

    The paper reports that experts hurt, without giving their form; this is the common one, without a balancing loss. All
    experts are computed and masked: this is an ablation, not a way to save work.
    """

    CHOSEN = 2

    def __init__(self, width: int, config: ModelConfig) -> None:
        super().__init__()
        self.router = Linear(width, config.experts)
        self.experts = nn.ModuleList(SwiGLU(width, config) for _ in range(config.experts))

    def forward(self, x: Tensor) -> Tensor:
        """`(.., width) -> (.., width)`."""
        share, chosen = self.router(x).softmax(-1).topk(self.CHOSEN, dim=-1)
        share = share / share.sum(-1, keepdim=True)
        weight = torch.zeros(*x.shape[:-1], len(self.experts), dtype=x.dtype, device=x.device)
        weight = weight.scatter(-1, chosen, share)  # (.., experts)
        out = torch.stack([expert(x) for expert in self.experts], dim=-1)  # (.., width, experts)
        return (out * weight.unsqueeze(-2)).sum(-1)


class TokenMixer(nn.Module):
    """The mixing sub-layer of the MLP variant: a SwiGLU over the token axis, residual and norm over tokens too."""

    def __init__(self, tokens: int, config: ModelConfig) -> None:
        super().__init__()
        self.mlp, self.epsilon = SwiGLU(tokens, config), config.norm_epsilon

    def forward(self, x: Tensor) -> Tensor:
        """`(S, B, D) -> (S, B, D)`; the norm runs over S for each channel."""
        return rms_norm(x + self.mlp.over_first(x), self.epsilon, 0)


class Attention(nn.Module):
    """The mixing sub-layer of the attention variant: full self-attention, with rotary embeddings or without, then residual and norm.

    No mask: padding tokens attend and are attended to. Positions count the prefix. Channels that the heads leave over take no part.
    """

    cos: Tensor
    sin: Tensor

    def __init__(self, tokens: int, config: ModelConfig) -> None:
        super().__init__()
        self.heads, self.epsilon, self.rotates = config.heads, config.norm_epsilon, config.positions == "rotary"
        self.head_size = config.hidden_size // config.heads
        self.qkv = Linear(config.hidden_size, 3 * config.heads * self.head_size)
        self.out = Linear(config.heads * self.head_size, config.hidden_size)
        if self.rotates:
            cos, sin = rotary_table(tokens, self.head_size, config.rotary_base)
            self.register_buffer("cos", cos, persistent=False)
            self.register_buffer("sin", sin, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, S, D) -> (B, S, D)`."""
        batch, tokens, _ = x.shape
        qkv = self.qkv(x).view(batch, tokens, 3, self.heads, self.head_size)
        q, k, v = (part.transpose(1, 2) for part in qkv.unbind(2))  # (B, heads, S, head size)
        if self.rotates:
            q, k = rotate(q, self.cos, self.sin), rotate(k, self.cos, self.sin)
        mixed = F.scaled_dot_product_attention(q, k, v)
        return rms_norm(x + self.out(mixed.transpose(1, 2).flatten(2)), self.epsilon)


def rotary_table(positions: int, head_size: int, base: float) -> tuple[Tensor, Tensor]:
    """Cosines and sines `(positions, head_size)` of the half-split rotary layout."""
    frequency = base ** (-torch.arange(0, head_size, 2, dtype=torch.float32) / head_size)
    angle = torch.outer(torch.arange(positions, dtype=torch.float32), frequency)
    angle = torch.cat((angle, angle), dim=-1)
    return angle.cos(), angle.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary embedding of `(B, heads, S, head size)`, computed in float32."""
    wide = widen(x)
    first, second = wide.chunk(2, dim=-1)
    return (wide * cos + torch.cat((-second, first), dim=-1) * sin).to(x.dtype)


class Block(nn.Module):
    """One layer: mix over tokens, then a SwiGLU over channels; each with residual and norm after (post-norm)."""

    def __init__(self, config: ModelConfig, tokens: int) -> None:
        super().__init__()
        self.mixer: nn.Module = TokenMixer(tokens, config) if config.mixer == "mlp" else Attention(tokens, config)
        self.epsilon = config.norm_epsilon
        self.mlp: nn.Module = (SwiGLU if config.experts == 1 else MixtureOfExperts)(config.hidden_size, config)

    def forward(self, x: Tensor) -> Tensor:
        """`(S, B, D)` with token mixing, `(B, S, D)` with attention; the same comes out."""
        x = self.mixer(x)
        return rms_norm(x + self.mlp(x), self.epsilon)
