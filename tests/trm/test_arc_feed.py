"""ARC examples drawn on the device are those that numpy would draw, each task once an epoch."""

import numpy as np
import pytest
import torch

from trm.data.arc_feed import ArcFeed, Tables, canvases, offsets
from trm.puzzles.arc.sets import ArcSets, Subset, assemble
from trm.puzzles.arc.variants import Variant
from trm.puzzles.arc_files import load_shipped
from trm.puzzles.arc_grids import SPEC, encode
from trm.puzzles.scoring import IGNORED

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def sets() -> ArcSets:
    tasks = load_shipped("arc-agi-1")
    return assemble("s", (Subset(tasks["training"][:12]), Subset(tasks["evaluation"][:6], held_out=True)), variants=9)


def feed(sets: ArcSets, augmented: bool = True, seed: int = 5) -> ArcFeed:
    return ArcFeed(sets, augmented=augmented, seed=seed, device=CPU)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def epoch_size(sets: ArcSets) -> int:
    return sum(len(group.train) for group in sets.groups)


def test_tokens_equal_those_of_numpy(sets: ArcSets) -> None:
    rng, tables = np.random.default_rng(0), Tables.of(sets, CPU)
    pairs = [(g, p) for g in sets.groups for p in g.train]
    rows = torch.from_numpy(rng.integers(0, len(pairs), 400))
    dihedral = torch.arange(400) % 8
    colours = torch.from_numpy(np.stack([np.append(0, 1 + rng.permutation(9)) for _ in range(400)]).astype(np.uint8))
    offset = offsets(tables.sizes[rows], dihedral, torch.rand(400, 2, generator=generator()))
    tokens = canvases(tables.grids[rows], tables.sizes[rows], dihedral, colours, offset)
    assert tokens.dtype == torch.int32
    for at, row in enumerate(rows.tolist()):
        variant = Variant(int(dihedral[at]), tuple(colours[at].tolist()))
        for side, grid in enumerate((pairs[row][1].question, pairs[row][1].answer)):
            assert grid is not None
            expected = encode(variant.apply(grid), tuple(offset[at].tolist()))
            assert np.array_equal(tokens[at, side].numpy(), expected), (row, variant)


def test_offsets_are_uniform_over_what_fits() -> None:
    sizes = torch.tensor([[[28, 10], [20, 30]]]).expand(3000, 2, 2)
    upright = offsets(sizes, torch.zeros(3000, dtype=torch.int64), torch.rand(3000, 2, generator=generator()))
    assert (upright[:, 1] == 0).all()
    assert torch.bincount(upright[:, 0]).tolist() == pytest.approx([1000] * 3, rel=0.1)
    turned = offsets(sizes, torch.full((3000,), 6), torch.full((3000, 2), 1 - 2**-24))
    assert torch.unique(turned, dim=0).tolist() == [[0, 2]]


def owner(sets: ArcSets, puzzle_id: int) -> int:
    return max(i for i, g in enumerate(sets.groups) if g.first_id <= puzzle_id)


def test_an_epoch_has_one_variant_of_every_task_with_all_its_examples(sets: ArcSets) -> None:
    ours = feed(sets)
    ids = torch.cat([ours.take(n, generator())[2] for n in (7, epoch_size(sets) - 7)])
    assert (ours.epoch, ours.position) == (1, 0)
    variants, counts = torch.unique(ids, return_counts=True)
    assert sorted(owner(sets, i) for i in variants.tolist()) == list(range(len(sets.groups)))
    assert counts.tolist() == [len(sets.groups[owner(sets, i)].train) for i in variants.tolist()]
    again = ours.take(epoch_size(sets), generator())[2]
    assert not torch.equal(ids, again)


def test_tasks_and_variants_are_those_of_the_official_sampler(sets: ArcSets) -> None:
    rng = np.random.Generator(np.random.Philox(seed=5 + 1))
    starts = np.cumsum([0] + [len(g.variants) for g in sets.groups])
    expected = [1 + rng.integers(starts[g], starts[g + 1]) for g in rng.permutation(len(sets.groups))]
    ids = feed(sets).take(epoch_size(sets), generator())[2]
    assert torch.unique_consecutive(ids).tolist() == expected


def test_seek_repeats_and_takes_may_cross_epochs(sets: ArcSets) -> None:
    ours, theirs, size = feed(sets), feed(sets), epoch_size(sets)
    ours.take(size - 3, generator())
    theirs.seek(0, size - 3)
    for first, second in zip(ours.take(10, generator(1)), theirs.take(10, generator(1)), strict=True):
        assert torch.equal(first, second)
    assert (ours.epoch, ours.position) == (theirs.epoch, theirs.position) == (1, 7)
    assert [len(t) for t in ours.take(0, generator())] == [0, 0, 0]
    assert len(ours.take(3 * size, generator())[0]) == 3 * size


def test_without_augmentation_the_originals_stay_in_place(sets: ArcSets) -> None:
    questions, labels, ids = feed(sets, augmented=False).take(epoch_size(sets), generator())
    expected = {
        (g.first_id, encode(p.question).tobytes(), encode(p.answer).tobytes())
        for g in sets.groups
        for p in g.train
        if p.answer is not None
    }
    answers = labels.masked_fill(labels == IGNORED, 0)
    assert (labels != 0).all()
    rows = zip(ids.tolist(), questions.numpy(), answers.numpy(), strict=True)
    assert {(i, q.tobytes(), a.tobytes()) for i, q, a in rows} == expected
    assert (questions.dtype, labels.dtype, ids.dtype) == (torch.int32, torch.int32, torch.int64)


def test_one_example_of_a_variant_stays_in_place_on_average(sets: ArcSets) -> None:
    ours, epochs = feed(sets), 60
    questions, _, _ = ours.take(epochs * epoch_size(sets), generator())
    in_place = (questions.view(-1, 30, 30)[:, 0, 0] > 1).sum().item() / epochs
    expected = 0.0
    for group in sets.groups:
        for pair in group.train:
            assert pair.answer is not None
            places = np.prod(31 - np.maximum(pair.question.shape, pair.answer.shape))
            expected += 1 / len(group.train) + (1 - 1 / len(group.train)) / places
    assert in_place == pytest.approx(expected, rel=0.05)
    assert ours.spec == SPEC
