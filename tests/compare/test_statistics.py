"""Medians, intervals and ratios are arithmetic: the same rounds always say the same."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.statistics import Interval, bootstrap, differ, paired, paired_ratio, verdict

costs = st.lists(st.floats(0.1, 1e6), min_size=1, max_size=9)


def test_a_fixed_seed_gives_a_fixed_interval() -> None:
    values = [7.0, 9.0, 8.0, 12.0, 8.5]
    assert bootstrap(values) == bootstrap(values) == Interval(7.0, 8.5, 12.0, 5)


def test_one_round_has_no_width() -> None:
    assert bootstrap([4.2]) == Interval(4.2, 4.2, 4.2, 1)


def test_no_rounds_are_refused() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        bootstrap([])


@given(costs)
def test_the_interval_holds_the_median_and_stays_within_the_rounds(values: list[float]) -> None:
    found = bootstrap(values)
    assert min(values) <= found.low <= found.median <= found.high <= max(values)
    assert found.median == statistics.median(values)


def test_ratios_pair_only_rounds_that_both_have() -> None:
    """Rule 2: ratios are made pair by pair within rounds."""
    assert paired({1: 2.0, 2: 3.0, 4: 9.0}, {1: 4.0, 2: 2.0, 3: 1.0}) == [0.5, 1.5]


def test_what_disturbs_a_whole_round_leaves_its_ratio_alone() -> None:
    quiet, noisy = {1: 5.0, 2: 5.0, 3: 5.0}, {1: 5.0, 2: 50.0, 3: 5.0}
    twice = {number: 2 * cost for number, cost in noisy.items()}
    assert paired_ratio(noisy, twice) == Interval(0.5, 0.5, 0.5, 3)
    assert paired_ratio(quiet, noisy) != Interval(1.0, 1.0, 1.0, 3)


def test_no_common_round_has_no_ratio() -> None:
    assert paired_ratio({1: 1.0}, {2: 1.0}) is None


def _around(median: float, width: float) -> Interval:
    return Interval(median - width, median, median + width, 5)


@pytest.mark.parametrize(
    ("ours", "theirs", "ratio", "noise", "different"),
    [
        (_around(5, 1), _around(10, 1), _around(0.5, 0.1), 0.0, True),
        (_around(5, 3), _around(10, 3), _around(0.5, 0.1), 0.0, False),  # they overlap
        (_around(5, 0.1), _around(6, 0.1), _around(0.9, 0.2), 0.0, False),  # the ratio holds 1
        (_around(5, 0.1), _around(6, 0.1), _around(0.83, 0.1), 0.2, False),  # within the noise
    ],
)
def test_no_difference_is_seen_where_intervals_overlap(
    ours: Interval, theirs: Interval, ratio: Interval, noise: float, different: bool
) -> None:
    """Rule 2: "where two intervals overlap the report says 'no difference seen'"."""
    assert differ(ours, theirs, ratio, noise) is different


def test_a_verdict_says_which_way() -> None:
    assert verdict(_around(0.5, 0.1)) == "2.00 times less CPU"
    assert verdict(_around(3.0, 0.1), "memory") == "3.00 times more memory"
