"""The mathematics of what ablations and successors change, each against its definition."""

import pytest
import torch
from pydantic import ValidationError

from trm.config.ablations import ABLATIONS
from trm.config.model import ModelConfig
from trm.config.presets import PRESETS
from trm.config.run import RunConfig
from trm.config.train import Depth as Stage
from trm.config.train import TrainConfig
from trm.network.layers import MixtureOfExperts, SwiGLU, rms_norm
from trm.network.model import StepOutput, TinyRecursiveModel
from trm.network.recursion import Depth, recurse
from trm.puzzles.datasets.datasets import spec_of
from trm.puzzles.sudoku import spec_for
from trm.training.carry import Carry, continue_target
from trm.training.losses import best_hypothesis, cross_entropy, stablemax_log_probability, supervision_loss
from trm.training.optimizers import make_optimizers
from trm.training.schedule import depth_at, learning_rate_factor

TINY = ModelConfig(hidden_size=16, layers=1, latent_steps=3, recursions=2, prefix_tokens=1, max_supervision_steps=4)
SPEC = spec_for(4)


def model_of(**changes: object) -> TinyRecursiveModel:
    model = TinyRecursiveModel(ModelConfig.model_validate(TINY.model_dump() | changes), SPEC)
    model.initialise(torch.Generator().manual_seed(0))
    return model


def state(model: TinyRecursiveModel, batch: int = 2) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    x = torch.randn(batch, model.tokens, 16, generator=torch.Generator().manual_seed(1))
    return (x, *model.initial_state(batch, torch.float32))


def inside(states: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    """The states as the token-mixing recursion holds them: tokens first, scales before them."""
    return tuple((s.transpose(0, 1) if s.dim() > 3 else s).transpose(-3, -2).contiguous() for s in states)


def test_label_smoothing_spreads_its_share_over_the_vocabulary() -> None:
    logits, labels = torch.tensor([[[2.0, -1.0, 0.5, 0.0]]]), torch.tensor([[0]])
    log_p = stablemax_log_probability(logits[0, 0])
    expected = -(0.8 * log_p[0] + 0.2 * log_p.mean())
    torch.testing.assert_close(cross_entropy(logits, labels, "stablemax", 0.2)[0], expected)
    smoothed = torch.nn.functional.cross_entropy(logits[0], labels[0], label_smoothing=0.2)
    torch.testing.assert_close(cross_entropy(logits, labels, "softmax", 0.2)[0], smoothed)


def test_loss_weights_scale_each_puzzle() -> None:
    logits, labels, halt = torch.randn(3, 4, 6), torch.ones(3, 4, dtype=torch.int64), torch.zeros(3)
    weights = torch.tensor([1.0, 0.7, 0.0])
    whole = supervision_loss(logits, halt, labels, kind="softmax", halt_weight=0.5, weights=weights)
    parts = [
        supervision_loss(logits[i : i + 1], halt[i : i + 1], labels[i : i + 1], kind="softmax", halt_weight=0.5).total
        for i in range(3)
    ]
    torch.testing.assert_close(whole.total, parts[0] + 0.7 * parts[1])


def test_the_best_hypothesis_is_the_one_nearest_to_the_answer() -> None:
    labels = torch.tensor([[1, 2], [0, 0]])
    logits = torch.zeros(2, 3, 2, 4)
    logits[0, 2, 0, 1] = logits[0, 2, 1, 2] = 5.0
    logits[1, 1, :, 0] = 5.0
    assert best_hypothesis(logits, labels, "stablemax").tolist() == [2, 1]


def test_only_the_winning_hypothesis_is_trained_and_all_keep_their_latents() -> None:
    model = model_of(hypotheses=3)
    inputs = torch.ones(2, 16, dtype=torch.int64)
    y, z = model.initial_state(2, torch.float32)
    output = model(inputs, model.puzzle_rows(torch.zeros(2, dtype=torch.int64)), y, z)
    assert output.y.shape == (2, 3, 17, 16)
    assert output.z.shape == z.shape == (2, 3, 17, 16)
    picked = output.pick(torch.tensor([2, 0]))
    assert torch.equal(picked.logits[0], output.logits[0, 2])
    assert torch.equal(picked.y[1], output.y[1, 0])
    assert torch.equal(picked.z, output.z)
    (gradient,) = torch.autograd.grad(picked.logits.sum(), output.logits)
    assert gradient[0, 2].all()
    assert not gradient[0, :2].any()


def test_multi_scale_updates_each_latent_from_the_sum_of_all() -> None:
    model = model_of(latents="multi_scale")
    x, y, z = inside(state(model))  # z (n, S, B, D)
    step = model.recursion(x)
    scales = list(z.unbind(0))
    for i in range(3):
        scales[i] = model.layers(scales[0] + scales[1] + scales[2], y + x)
    torch.testing.assert_close(step.update_latent(y, z, 3), torch.stack(scales))
    answer, _ = step.update_answer(y, z)
    torch.testing.assert_close(answer, model.layers(y, z[0] + z[1] + z[2]))


@pytest.mark.parametrize("graded", [1, 2, None])
def test_gradient_reaches_back_only_so_many_latent_updates(graded: int | None) -> None:
    """The latent before the graded updates is a constant: replacing them by hand gives the same gradient."""
    model = model_of(gradient_steps=graded, recursions=1)
    x, y, z = state(model)
    ours, _ = recurse(model.recursion(x), y, z)
    gradient = torch.autograd.grad(ours.square().sum(), model.get_parameter("layers.0.mlp.down.weight"))[0]
    x, y, z = inside((x, y, z))
    step = model.recursion(x)
    with torch.no_grad():
        constant = step.update_latent(y, z, 3 - (graded or 3))
    answer, _ = step.update_answer(y, step.update_latent(y, constant, graded or 3))
    expected = torch.autograd.grad(answer.square().sum(), model.get_parameter("layers.0.mlp.down.weight"))[0]
    torch.testing.assert_close(gradient, expected)


def test_inertia_keeps_a_share_and_noise_needs_a_generator() -> None:
    plain, slow, noisy = model_of(), model_of(inertia=0.05), model_of(update_noise=0.1)
    x, y, _ = inside(state(plain))
    new = plain.recursion(x).latent_net(y, x)
    torch.testing.assert_close(slow.recursion(x).latent_net(y, x), 0.05 * y + 0.95 * new)
    assert torch.equal(noisy.recursion(x).latent_net(y, x), new)
    shaken = noisy.recursion(x, torch.Generator().manual_seed(0)).latent_net(y, x)
    assert (shaken - new).std().item() == pytest.approx(0.1, rel=0.1)


def test_random_starts_differ_between_puzzles_and_positions() -> None:
    model = model_of(random_start=True)
    y, z = model.initial_state(2, torch.float32, torch.Generator().manual_seed(0))
    assert len({tuple(row.tolist()) for row in torch.cat((y, z)).flatten(0, 1)}) == 4 * model.tokens
    fixed, _ = model.initial_state(2, torch.float32)
    assert torch.equal(fixed[0, 0], model.y_init)


def test_direct_prediction_is_one_pass() -> None:
    model = model_of(latents="none", latent_steps=1, recursions=1, max_supervision_steps=1)
    x, y, z = state(model)
    ours, _ = recurse(model.recursion(x), y, z)
    torch.testing.assert_close(ours.transpose(0, 1), model.layers[0]((y + x).transpose(0, 1)))


def test_normed_swiglu() -> None:
    layer = SwiGLU(8, ModelConfig(feed_forward="normed_swiglu"))
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, generator=torch.Generator().manual_seed(0))
    x = torch.randn(3, 8)
    gate, up = (x @ layer.gate_up.weight.T).chunk(2, dim=-1)
    torch.testing.assert_close(layer(x), (gate.sigmoid() * rms_norm(gate * up, 1e-5)) @ layer.down.weight.T)


def test_experts_are_two_a_token_and_their_shares_add_up() -> None:
    layer = MixtureOfExperts(8, ModelConfig(experts=4))
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    x = torch.randn(5, 8)
    chances = (x @ layer.router.weight.T).softmax(-1)
    for token in range(5):
        share, chosen = chances[token].topk(2)
        expected = sum(s / share.sum() * layer.experts[int(e)](x[token]) for s, e in zip(share, chosen, strict=True))
        torch.testing.assert_close(layer(x)[token], expected)


def test_tied_embeddings_are_the_answer_head() -> None:
    model = model_of(tied_embeddings=True)
    y = torch.randn(1, model.tokens, 16)
    torch.testing.assert_close(
        model.read(y, torch.ones(1, SPEC.cells, dtype=torch.int32))[0], y[:, 1:] @ model.embedding.T
    )
    assert "answer_head.weight" not in model.state_dict()


def test_continue_target_bootstraps_from_the_next_step() -> None:
    model = model_of()
    torch.nn.init.normal_(model.halt_head.weight)
    carry = Carry.empty(model, 2, 16, torch.float32)
    carry.inputs += 1
    carry.steps = torch.tensor([0, 3])  # the second slot takes its last step now
    rows = model.puzzle_rows(carry.puzzle_ids)
    output: StepOutput = model(carry.inputs, rows, carry.y, carry.z)
    following: StepOutput = model(carry.inputs, rows, output.y.detach(), output.z.detach())
    target = continue_target(model, carry, rows, output)
    best = torch.maximum(following.halt_logit, following.continue_logit)
    torch.testing.assert_close(target, torch.stack((best[0], following.halt_logit[1])).sigmoid())


def test_warmup_stable_decay() -> None:
    config = TrainConfig(steps=100, warmup_steps=10, schedule="warmup_stable_decay", min_learning_rate_ratio=0.0)
    factors = [learning_rate_factor(step, config) for step in (5, 10, 50, 80, 90, 100)]
    assert factors == pytest.approx([0.5, 1, 1, 1, 0.5, 0])


def test_a_curriculum_ends_at_the_models_own_depth() -> None:
    stages = (Stage(until=0.3, recursions=1, latent_steps=2), Stage(until=0.6, recursions=2, latent_steps=4))
    train = TrainConfig(steps=10, depth_curriculum=stages)
    depths = [depth_at(step, ModelConfig(), train) for step in range(1, 11)]
    assert depths == [Depth(1, 2)] * 3 + [Depth(2, 4)] * 3 + [Depth(3, 6)] * 4


def test_a_curriculum_may_last_to_the_end() -> None:
    stages = (Stage(until=0.5, recursions=1, latent_steps=2), Stage(until=1, recursions=1, latent_steps=6))
    depths = [depth_at(step, ModelConfig(), TrainConfig(steps=4, depth_curriculum=stages)) for step in range(1, 5)]
    assert depths == [Depth(1, 2)] * 2 + [Depth(1, 6)] * 2


def test_muon_takes_the_blocks_and_makes_their_updates_orthogonal() -> None:
    model = model_of()
    muon, rest = make_optimizers(model, TrainConfig(optimizer="muon", muon_weight_decay=0.0))
    names = {id(p): n for n, p in model.named_parameters()}
    taken = {names[id(p)] for p in muon.param_groups[0]["params"]}
    assert taken == {n for n in names.values() if n.startswith("layers.")}
    assert {names[id(p)] for p in rest.param_groups[0]["params"]} == set(names.values()) - taken
    matrix = model.get_parameter("layers.0.mlp.down.weight")
    before = matrix.detach().clone()
    matrix.grad = torch.randn_like(matrix)
    muon.step()
    singular = torch.linalg.svdvals(((before - matrix.detach()) / 0.02).float())
    assert singular.min() > 0.5
    assert singular.max() < 1.5


@pytest.mark.parametrize(
    "changes",
    [
        {"networks": "separate", "latents": "single"},
        {"prefix_tokens": 0, "puzzle_ids": 2},
        {"latents": "none"},
        {"gradient_steps": 7},
        {"latents": "multi_scale", "gradient_steps": 1},
        {"hypotheses": 4, "latents": "single"},
        {"hypotheses": 4, "random_start": True},
        {"mixer": "attention", "heads": 7},
    ],
)
def test_ablations_that_contradict_themselves_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ModelConfig.model_validate(changes)


def test_a_curriculum_needs_a_depth_that_can_change() -> None:
    train = TrainConfig(depth_curriculum=(Stage(until=0.5, recursions=1, latent_steps=1),))
    with pytest.raises(ValidationError, match="depth_curriculum"):
        RunConfig(preset="x", dataset="x", puzzle=SPEC, model=ModelConfig(latents="multi_scale"), train=train)


PUBLISHED = {  # parameters and layers deep, tables 1 and 2 of the paper
    "sudoku-extreme": (5_028_866, 42),
    "sudoku-extreme-attention": (6_828_034, 42),
    "maze-hard": (6_822_914, 30),
    "maze-hard-paper": (6_822_914, 42),
    "arc-1": (6_829_058, 30),
    "hrm-sudoku-extreme": (27_275_266, 24),
    "hrm-arc-1": (27_276_290, 24),
    "direct-sudoku-extreme": (27_275_266, 8),
    "ablation-four-layers": (10_045_442, 48),
    "ablation-separate-networks": (10_045_442, 42),
    "ablation-shallow": (5_028_866, 12),
    "ablation-single-latent": (5_028_866, 42),
    "ablation-multi-scale-latent": (5_028_866, 42),
}


@pytest.mark.parametrize("name", [*PUBLISHED])
def test_presets_have_the_published_size_and_depth(name: str) -> None:
    preset = PRESETS[name]
    spec = spec_of(preset.dataset)
    with torch.device("meta"):
        model = TinyRecursiveModel(preset.model.model_copy(update={"puzzle_ids": 1}), spec)
    assert (model.parameter_count(), preset.model.effective_depth) == PUBLISHED[name]


def test_every_ablation_is_a_preset() -> None:
    names = {f"ablation-{name}" for name in ABLATIONS} - {"ablation-hrm", "ablation-direct"}
    assert names <= PRESETS.keys()
    assert {"hrm-sudoku-extreme", "direct-sudoku-extreme"} <= PRESETS.keys()
