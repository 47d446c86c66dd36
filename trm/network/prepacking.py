"""Prepacked weights: the order in memory that a processor's matrix instructions want, made once instead of at every product.

The matrix libraries below torch order a plain weight again whenever it is used, which for a few puzzles takes a good part of the
product's time. The weights of a solver stand still, so that oneDNN can keep them in that order, and only in that.
"""

import torch
from torch import Tensor, nn

from trm.network.layers import Linear, TokenMixer
from trm.network.model import TinyRecursiveModel

WORTHWHILE = 256  # inputs and outputs: narrower products are no faster for it


def _multiply(x: Tensor, packed: Tensor, outputs: int) -> Tensor:
    product: Tensor = torch.ops.mkldnn._linear_pointwise.default(x, packed, None, "none", [], "")
    return product


def _shape_of_product(x: Tensor, packed: Tensor, outputs: int) -> Tensor:
    return x.new_empty(*x.shape[:-1], outputs)


# An operator of our own, since the compiler takes none with such weights apart; made by hand, since `custom_op` costs 25 us a call more.
_library = torch.library.Library("trm", "DEF")  # type: ignore[no-untyped-call]
_library.define("prepacked_linear(Tensor x, Tensor packed, int outputs) -> Tensor")  # type: ignore[no-untyped-call]
for _key in ("CPU", "MkldnnCPU"):
    _library.impl("prepacked_linear", _multiply, _key)  # type: ignore[no-untyped-call]
torch.library.register_fake("trm::prepacked_linear", _shape_of_product, lib=_library)


class PrepackedLinear(nn.Module):
    """What a Linear computes, from a weight `(outputs, inputs)` of the input's dtype; without gradient."""

    def __init__(self, weight: Tensor, rows: int) -> None:
        super().__init__()
        self.outputs = weight.shape[0]
        packed = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), rows)
        self.packed = nn.Parameter(packed, requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """`(.., inputs) -> (.., outputs)`."""
        product: Tensor = torch.ops.trm.prepacked_linear.default(x, self.packed, self.outputs)
        return product


def can_prepack(device: torch.device) -> bool:
    """Whether this is a processor whose matrix library does it: x86 with oneDNN."""
    on_x86 = torch.cpu.get_capabilities().get("architecture") == "x86_64"
    return device.type == "cpu" and on_x86 and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]


def prepack(model: TinyRecursiveModel) -> None:
    """Replace the wide Linears in the blocks of a model whose weights stand still; the plain weights are gone then.

    The token mixer keeps its own: they multiply from the left, where nothing is ordered again.
    """
    for block in model.blocks():
        for part in block.children():
            if not isinstance(part, TokenMixer):
                _prepack(part, model.tokens)


def _prepack(part: nn.Module, rows: int) -> None:
    for owner in list(part.modules()):
        for name, child in list(owner.named_children()):
            if isinstance(child, Linear) and min(child.weight.shape) >= WORTHWHILE:
                setattr(owner, name, PrepackedLinear(child.weight, rows))
