"""Medians, bootstrap intervals and paired ratios: arithmetic on the rounds, nothing else."""

from __future__ import annotations

import functools
import random
import statistics
from collections.abc import Mapping, Sequence

import msgspec

RESAMPLES = 1_000
CONFIDENCE = 0.95
SEED = 862
"""Fixed, so that the same result file always shows the same intervals."""


class Interval(msgspec.Struct, frozen=True):
    """A median, and where it may lie: a 95 % bootstrap interval over the rounds."""

    low: float
    median: float
    high: float
    rounds: int

    def overlaps(self, other: Interval) -> bool:
        return self.low <= other.high and other.low <= self.high

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high


def bootstrap(values: Sequence[float], seed: int = SEED) -> Interval:
    """The median of `values` (at least one), and the interval of medians of resamples.

    Percentile bootstrap: as many values are drawn, with replacement, a thousand times.
    """
    if not values:
        raise ValueError("nothing was measured")
    return _bootstrap(tuple(values), seed)


# A report asks for the same interval in each of its ratios.
@functools.cache
def _bootstrap(values: tuple[float, ...], seed: int) -> Interval:
    draw = random.Random(seed)
    medians = [statistics.median(draw.choices(values, k=len(values))) for _ in range(RESAMPLES)]
    return _interval(medians, statistics.median(values), len(values))


def _interval(resampled: list[float], median: float, rounds: int) -> Interval:
    resampled.sort()
    cut = int(RESAMPLES * (1 - CONFIDENCE) / 2)
    return Interval(resampled[cut], median, resampled[-1 - cut], rounds)


def paired(ours: Mapping[int, float], theirs: Mapping[int, float]) -> list[float]:
    """Ratios ours / theirs of the rounds that have both: what disturbed one round hit both."""
    return [ours[number] / theirs[number] for number in sorted(ours) if theirs.get(number)]


def paired_ratio(ours: Mapping[int, float], theirs: Mapping[int, float]) -> Interval | None:
    """The ratio ours / theirs, or None where no round has both."""
    ratios = paired(ours, theirs)
    return bootstrap(ratios) if ratios else None


def unpaired_ratio(ours: Sequence[float], theirs: Sequence[float], seed: int = SEED) -> Interval | None:
    """The ratio of two medians whose rounds have nothing to do with each other, as those of two runs.

    Both sides are resampled; None where one has nothing, or costs nothing.
    """
    if not ours or not theirs or min(theirs) <= 0:
        return None
    draw = random.Random(seed)
    ratios = [
        statistics.median(draw.choices(ours, k=len(ours)))
        / statistics.median(draw.choices(theirs, k=len(theirs)))
        for _ in range(RESAMPLES)
    ]
    ratio = statistics.median(ours) / statistics.median(theirs)
    return _interval(ratios, ratio, min(len(ours), len(theirs)))


def differ(ours: Interval, theirs: Interval, ratio: Interval, noise: float = 0.0) -> bool:
    """Is there a difference to speak of?

    Not where the two intervals overlap, nor where that of the ratio holds 1, nor where the
    ratio is no further from 1 than the same server was from itself (`noise`).
    """
    return not (ours.overlaps(theirs) or ratio.holds(1.0) or abs(ratio.median - 1) <= noise)


def verdict(ratio: Interval, cost: str = "CPU") -> str:
    """What a ratio of costs that do differ says, in words: lower is better."""
    if ratio.median < 1:
        return f"{1 / ratio.median:.2f} times less {cost}"
    return f"{ratio.median:.2f} times more {cost}"
