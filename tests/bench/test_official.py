"""The bench's baseline is the official mathematics: it reproduces the golden vectors."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from tests.bench.official import Carried, Official, OfficialTrainer, Shape, evaluated, loss_and_metrics

GOLDEN = Path(__file__).parents[1] / "golden"
TOLERANCE = 1e-4


def close(ours: Tensor, golden: Tensor) -> bool:
    ours = ours.detach()
    return float((ours.double() - golden.double()).norm() / golden.double().norm()) < TOLERANCE


@pytest.mark.parametrize("case", ["trm-mlp", "trm-attention"])
def test_baseline_computes_the_golden_vectors(case: str) -> None:
    document, recorded = json.loads((GOLDEN / f"{case}.json").read_text()), load_file(GOLDEN / f"{case}.safetensors")
    sizes, scalars = document["config"], document["scalars"]
    shape = Shape(
        cells=sizes["seq_len"], vocabulary=sizes["vocab_size"], token_mlp=sizes["mlp_t"], prefix=sizes["puzzle_emb_len"],
        width=sizes["hidden_size"], heads=sizes["num_heads"], layers=sizes["L_layers"], n=sizes["L_cycles"],
        T=sizes["H_cycles"], puzzle_ids=sizes["num_puzzle_identifiers"],
    )  # fmt: skip
    network = Official(shape, torch.float32)
    weights = {k.removeprefix("weights/inner."): v for k, v in recorded.items() if k.startswith("weights/")}
    network.load_state_dict(weights)
    inputs, labels, ids = (recorded[name] for name in ("inputs", "labels", "puzzle_identifiers"))
    carried, done = network.start(len(inputs)), torch.ones(len(inputs), dtype=torch.bool)
    for step in (1, 2):  # from the recorded carry, since untrained recursions amplify rounding
        network.zero_grad()
        rows = network.puzzle_emb["weights"].detach()[ids].requires_grad_()
        after, logits, halting = network(inputs, rows, carried)
        loss, metrics = loss_and_metrics(logits, halting, labels, done)
        torch.autograd.backward(loss / len(inputs))
        compared = {"logits": logits, "q_halt_logits": halting[:, 0], "z_H": after.answer, "z_L": after.latent}
        assert all(close(ours, recorded[f"eval/step{step}/{name}"]) for name, ours in compared.items())
        assert float(loss.detach()) == pytest.approx(scalars["steps"][step - 1]["loss"], rel=TOLERANCE)
        assert float(metrics["lm_loss"]) == pytest.approx(scalars["steps"][step - 1]["lm_loss"], rel=TOLERANCE)
        gradients = {f"inner.{name}": p.grad for name, p in network.named_parameters()} | {"puzzle_emb_rows": rows.grad}
        golden = {k.split("/grad/")[1]: v for k, v in recorded.items() if k.startswith(f"train/step{step}/grad/")}
        assert golden
        assert all(close(gradients[name], tensor) for name, tensor in golden.items())
        carried = Carried(recorded[f"eval/step{step}/z_H"], recorded[f"eval/step{step}/z_L"])


def test_baseline_learns_and_evaluates() -> None:
    torch.manual_seed(0)
    network = Official(Shape(cells=9, vocabulary=5, prefix=2, width=32, n=2, T=2, supervision_steps=4), torch.float32)
    trainer = OfficialTrainer(network, batch=8, lr=3e-3, decay=0.0)
    inputs = torch.randint(1, 5, (8, 9), dtype=torch.int32)
    losses = [trainer.update(inputs, inputs)["lm_loss"] for _ in range(60)]
    assert losses[-1] < losses[0] / 2
    answers, metrics = evaluated(network, inputs, inputs)
    assert answers.shape == inputs.shape
    assert metrics["count"] == 8
