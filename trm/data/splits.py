"""What a training reads: its splits, whatever the kind of puzzle."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch

from trm.config.run import RunConfig
from trm.data.arc_feed import ArcFeed
from trm.data.feed import Feed, Passes
from trm.errors import ConfigError
from trm.puzzles.arc import sets as arc_sets
from trm.puzzles.arc.rows import evaluation_set
from trm.puzzles.arc.sets import ArcSets
from trm.puzzles.arc_files import read_tasks
from trm.puzzles.datasets import datasets, official, official_arc
from trm.puzzles.equivalence import overlap
from trm.puzzles.puzzle_set import PuzzleSet, holdout
from trm.puzzles.spec import PuzzleSpec

VALIDATION_SHARE = 0.1  # of the training puzzles, where a data set has no validation split


@dataclass(frozen=True)
class Splits:
    """Puzzles to train on, to choose by, and to be judged by once."""

    train: PuzzleSet | ArcSets
    validation: PuzzleSet | None  # None: training looks at the test split, as in the paper
    test: PuzzleSet
    also: tuple[PuzzleSet, ...] = ()  # to train on too, of other sizes: those that `train.also` names

    @property
    def spec(self) -> PuzzleSpec:
        """The shape of the puzzles."""
        return self.test.spec

    @property
    def train_puzzles(self) -> int:
        """Puzzles to train on; for ARC every variant is one."""
        return self.train.counts().train_puzzles if isinstance(self.train, ArcSets) else len(self.train)

    @property
    def overlap(self) -> int:
        """Test puzzles that are equivalent to a training puzzle; for ARC test pairs that another task shows as they are."""
        if isinstance(self.train, ArcSets):
            return self.train.shown_elsewhere
        train, test = self.train, self.test
        return overlap(self.spec, (train.questions, train.answers), (test.questions, test.answers))

    def require_fit(self, config: RunConfig) -> None:
        """Raise ConfigError when these are not the puzzles that the configuration describes."""
        if self.spec != config.puzzle:
            raise ConfigError(f"The data set holds {self.spec}, the configuration asks for {config.puzzle}.")
        if [puzzles.spec for puzzles in self.also] != [datasets.spec_of(name) for name in config.train.also]:
            raise ConfigError(f"The puzzles of other sizes are not those of train.also, {list(config.train.also)}.")
        if isinstance(self.train, ArcSets) and self.train.identifiers != config.model.puzzle_ids:
            raise ConfigError(
                f"The data set has {self.train.identifiers} puzzle ids, the configuration {config.model.puzzle_ids}. "
                f"Set model.puzzle_ids to {self.train.identifiers}, or train.arc_variants to what the number belongs to."
            )

    def feed(self, config: RunConfig, device: torch.device) -> Passes:
        """The training puzzles in the order of the configuration's seed."""
        train = config.train
        if isinstance(self.train, ArcSets):
            return ArcFeed(self.train, augmented=train.augment, seed=train.seed, device=device)
        return Feed(
            self.train,
            augmented=train.augment,
            seed=train.seed,
            device=device,
            hard_share=train.hard_share,
            hard_rating=train.hard_rating,
        )


def load_splits(source: str | Path, config: RunConfig) -> Splits:
    """The splits of a data set; where none is for validation, a share of the training puzzles is held out for it.

    Raises DatasetError or UnknownDataset.
    """
    if config.puzzle.kind == "arc":
        sets = arc_sets_of(str(source), config.train.arc_variants)
        return Splits(sets, None, evaluation_set(sets))
    train, test = datasets.load(source, "train"), datasets.load(source, "test")
    also = tuple(datasets.load(name, "train") for name in config.train.also)
    if "validation" in datasets.splits_of(source):
        return Splits(train, datasets.load(source, "validation"), test, also)
    train, validation = holdout(train, VALIDATION_SHARE, config.train.seed, most=config.train.evaluate_puzzles)
    return Splits(train, validation, test, also)


@lru_cache(maxsize=1)
def arc_sets_of(source: str, variants: int) -> ArcSets:
    """A published ARC set by name, the official build of one, or the tasks of a file or folder: their test pairs are held out."""
    if source in datasets.BUILTIN:
        return arc_sets.build(source, variants)
    if official.is_official(Path(source)):
        return official_arc.read_sets(Path(source), variants)
    return arc_sets.assemble(source, (arc_sets.Subset(read_tasks(Path(source)), held_out=True),), variants)


def with_identifiers(config: RunConfig, source: str) -> RunConfig:
    """The configuration with as many puzzle ids as the data set has; only ARC has several."""
    if config.puzzle.kind != "arc":
        return config
    count = arc_sets_of(source, config.train.arc_variants).identifiers
    return config.model_copy(update={"model": config.model.model_copy(update={"puzzle_ids": count})})
