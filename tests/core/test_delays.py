"""Wrong passwords cost time, by address."""

from __future__ import annotations

import pytest

from protocols import delays
from protocols.delays import Delays, household


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("0::1", "::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("localhost", "localhost"),
    ],
)
def test_what_is_one_address(address: str, expected: str) -> None:
    """RFC 6177 §2: a site is given a /64 at the least."""
    assert household(address) == expected


def test_a_household_of_many_addresses_makes_no_more_guesses() -> None:
    some = Delays()
    assert [some.answer_at(f"2001:db8::{one}", False, 2.0, 0.0) for one in (1, 2, 3)] == [2.0, 4.0, 6.0]
    assert some.answer_at("2001:db8::4", True, 2.0, 1.0) == 6.0
    assert some.answer_at("2001:db8:0:1::4", True, 2.0, 1.0) == 1.0


def test_addresses_whose_time_is_over_are_forgotten_when_there_are_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delays, "REMEMBERED", 3)
    some = Delays()
    for one in "abc":
        some.answer_at(one, False, 2.0, 0.0)
    some.answer_at("d", False, 2.0, 2.5)
    assert len(some._until) == 1
