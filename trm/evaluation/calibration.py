"""Whether a halt probability can be trusted: counted puzzle by puzzle, so that intervals can be had by resampling puzzles."""

import numpy as np
from numpy.typing import NDArray

from trm.interface.report import Calibration, Measure, ReliabilityBin

BINS = 10  # of equal width
DRAWS = 400  # of as many puzzles, with replacement
WITHIN = (2.5, 97.5)  # percent
AT_ONCE = 50  # draws: so many rows of weights are held


class Reliability:
    """Answers to n puzzles by their halt probability."""

    def __init__(self, n: int) -> None:
        self.answers, self.sure, self.right = (np.zeros((n, BINS)) for _ in range(3))
        self.squares = np.zeros(n)  # of halt probability less being right, summed

    def note(self, puzzles: NDArray[np.int64], probability: NDArray[np.float32], right: NDArray[np.bool_]) -> None:
        """Count an answer each of these puzzles (K,), which may repeat."""
        sure = np.nan_to_num(probability.astype(np.float64))  # a head that has diverged is sure of nothing
        place = (puzzles, np.minimum((sure * BINS).astype(int), BINS - 1))
        np.add.at(self.answers, place, 1)
        np.add.at(self.sure, place, sure)
        np.add.at(self.right, place, right)
        np.add.at(self.squares, puzzles, (sure - right) ** 2)

    def calibration(self) -> Calibration:
        """What the counts say; a puzzle without an answer plays no part."""
        table = np.concatenate((self.answers, self.sure, self.right, self.squares[:, None]), axis=1)
        table = table[self.answers.any(1)]
        found, drawn = table.sum(0), _resample(table)  # (31,), (DRAWS, 31)
        error, brier = _compute_error(found), _compute_brier(found)
        return Calibration(
            answers=int(found[:BINS].sum()),
            bins=tuple(_make_bin(place, found, drawn) for place in np.flatnonzero(found[:BINS]).tolist()),
            error=_measure(error, _compute_error(drawn)),
            brier=_measure(brier, _compute_brier(drawn)),
        )


def _resample(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sums of as many puzzles as there are, drawn with replacement, again and again; the same ones every time."""
    generator, n = np.random.default_rng(0), len(table)
    draws = [
        generator.multinomial(n, np.full(n, 1 / n), AT_ONCE).astype(np.float64) @ table for _ in range(DRAWS // AT_ONCE)
    ]
    return np.concatenate(draws)


def _compute_error(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    answers, sure, right = (sums[..., part * BINS : (part + 1) * BINS] for part in range(3))
    error: NDArray[np.float64] = np.abs(sure - right).sum(-1) / answers.sum(-1)
    return error


def _compute_brier(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    score: NDArray[np.float64] = sums[..., -1] / sums[..., :BINS].sum(-1)
    return score


def _make_bin(place: int, found: NDArray[np.float64], drawn: NDArray[np.float64]) -> ReliabilityBin:
    answers, sure, right = (found[place + part * BINS] for part in range(3))
    seen = drawn[drawn[:, place] > 0]
    return ReliabilityBin(
        low=place / BINS,
        high=(place + 1) / BINS,
        answers=int(answers),
        halt_probability=float(sure / answers),
        right=_measure(right / answers, seen[:, place + 2 * BINS] / seen[:, place]),
    )


def _measure(value: float | NDArray[np.float64], drawn: NDArray[np.float64]) -> Measure:
    low, high = np.percentile(drawn, WITHIN) if len(drawn) else (value, value)
    return Measure(value=float(value), low=float(low), high=float(high))
