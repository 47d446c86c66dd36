"""Several chains of each puzzle, from different starts: the best one is trained, and all stay together."""

from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from trm.config.run import RunConfig
from trm.data.splits import Splits
from trm.errors import ConfigError
from trm.training.losses import best_chains, cross_entropy
from trm.training.ranks import Ranks
from trm.training.trainer import Trainer

CPU = torch.device("cpu")
STARTS = 4


def with_starts(config: RunConfig, starts: int, **train: object) -> RunConfig:
    changed = config.model_dump()
    changed["model"] |= {"random_start": True}
    changed["train"] |= {"starts": starts, **train}
    return RunConfig.model_validate(changed)


def test_the_best_chain_of_each_puzzle_is_the_one_with_the_least_loss() -> None:
    logits = torch.randn(12, 5, 7, generator=torch.Generator().manual_seed(0))
    labels = torch.randint(1, 7, (3, 5), generator=torch.Generator().manual_seed(1)).repeat_interleave(4, 0)
    best = best_chains(logits, labels, 4, "softmax")
    losses = cross_entropy(logits, labels, "softmax")
    assert [int(row) for row in best] == [4 * p + int(losses[4 * p : 4 * p + 4].argmin()) for p in range(3)]


def test_chains_of_a_puzzle_begin_apart_and_stay_together(config: RunConfig, splits: Splits) -> None:
    trainer = Trainer(with_starts(config, STARTS), splits, CPU)
    for _ in range(6):
        trainer.update()
        carry = trainer.state.carry
        for tensor in (carry.inputs, carry.labels, carry.steps, carry.halted):
            groups = tensor.view(-1, STARTS, *tensor.shape[1:])
            assert torch.equal(groups, groups[:, :1].expand_as(groups))
        chains = carry.z.view(-1, STARTS, *carry.z.shape[1:])
        assert not any(torch.equal(chains[:, 0], chains[:, chain]) for chain in range(1, STARTS))


def test_only_the_best_chain_is_trained(config: RunConfig, splits: Splits) -> None:
    """Beside what the halting head learns, the gradients are those of the best chains, each by itself."""
    trainer = Trainer(with_starts(config, STARTS, halt_loss_weight=0.0), splits, CPU)
    [lane], model = trainer.lanes, trainer.state.model
    lane.refill()
    before = {name: tensor.clone() for name, tensor in lane.carry.tensors().items()}
    rows = lane.step.rows.detach().clone()
    lane.step(captured=False)
    got = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    with torch.no_grad():
        every = model(before["inputs"], rows, before["y"], before["z"]).logits
    best = best_chains(every, before["labels"], STARTS, config.train.loss)
    model.zero_grad()
    logits = model(before["inputs"][best], rows[best], before["y"][best], before["z"][best]).logits
    torch.autograd.backward(cross_entropy(logits, before["labels"][best], config.train.loss).mean())
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(got[name], parameter.grad, rtol=1e-4, atol=1e-6, msg=name)


def test_it_is_resumed_exactly(config: RunConfig, splits: Splits, tmp_path: Path) -> None:
    straight = Trainer(with_starts(config, STARTS), splits, CPU)
    for _ in range(3):
        straight.update()
    saved = Path(straight.state.save(tmp_path).path)
    resumed = Trainer.resume(saved, splits, CPU)
    for trainer in (straight, resumed):
        trainer.update()
        trainer.update()
    ours, theirs = straight.state.model.state_dict(), resumed.state.model.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_ranks_keep_the_chains_of_a_puzzle() -> None:
    assert [Ranks(rank, 2).share(16, 4) for rank in (0, 1)] == [slice(0, 8), slice(8, 16)]
    with pytest.raises(ConfigError, match="multiple of 8"):
        Ranks(0, 2).share(12, 4)


@pytest.mark.parametrize(
    ("section", "change", "said"),
    [
        ("model", {"random_start": False}, "random_start"),
        ("model", {"update_noise": 0.1}, "update_noise"),
        ("train", {"batch_size": 6}, "multiple of starts=4"),
        ("train", {"halt_rule": "halt_over_continue"}, "halt_rule"),
    ],
)
def test_what_does_not_go_with_it_is_refused(
    config: RunConfig, section: str, change: dict[str, object], said: str
) -> None:
    changed = with_starts(config, STARTS).model_dump()
    changed[section] |= change
    with pytest.raises(ValidationError, match=said):
        RunConfig.model_validate(changed)
