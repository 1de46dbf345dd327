"""Admission: how many may be in, in all and from one address."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from protocols.admission import Admission, TurnedAway
from protocols.session import CLOSE, Limits, Peer, Refused


def test_one_more_than_connections_is_refused_until_one_leaves() -> None:
    admission = Admission(Limits(connections=2))
    assert admission.admit("10.0.0.1") is None
    assert admission.admit("10.0.0.2") is None
    assert admission.admit("10.0.0.3") is Refused.CONNECTIONS
    admission.release("10.0.0.1")
    assert admission.admit("10.0.0.3") is None


def test_one_address_takes_no_more_than_its_share() -> None:
    admission = Admission(Limits(connections_per_ip=1))
    assert admission.admit("10.0.0.1") is None
    assert admission.admit("10.0.0.1") is Refused.PER_IP
    assert admission.admit("::1") is None
    admission.release("10.0.0.1")
    assert admission.admit("10.0.0.1") is None


def test_zero_per_ip_is_no_limit() -> None:
    admission = Admission(Limits(connections=100, connections_per_ip=0))
    assert [admission.admit("10.0.0.1") for _ in range(100)] == [None] * 100


def test_unix_sockets_have_no_address_to_count() -> None:
    admission = Admission(Limits(connections=3, connections_per_ip=1))
    assert [admission.admit("") for _ in range(4)] == [None, None, None, Refused.CONNECTIONS]


def test_what_is_refused_is_not_counted() -> None:
    admission = Admission(Limits(connections_per_ip=1))
    admission.admit("10.0.0.1")
    for _ in range(5):
        admission.admit("10.0.0.1")
    assert admission.connections == 1


def test_limits_that_were_reread_count_those_who_are_in() -> None:
    """SIGHUP may lower or raise a limit while connections are open."""
    admission = Admission(Limits(connections_per_ip=0))
    admission.admit("10.0.0.1")
    admission.limits = Limits(connections_per_ip=1)
    assert admission.admit("10.0.0.1") is Refused.PER_IP
    admission.release("10.0.0.1")
    assert admission.admit("10.0.0.1") is None


def test_a_proxied_client_counts_at_its_own_address_and_the_proxy_at_none() -> None:
    admission = Admission(Limits(connections=4, connections_per_ip=1))
    assert [admission.admit("") for _ in range(3)] == [None] * 3
    assert admission.place("10.0.0.1") is None
    assert admission.place("10.0.0.1") is Refused.PER_IP
    assert admission.admit("10.0.0.1") is Refused.PER_IP
    assert admission.place("10.0.0.2") is None
    assert admission.connections == 3
    admission.release("")  # the refused one
    admission.release("10.0.0.1")
    assert admission.admit("10.0.0.1") is None


@given(
    steps=st.lists(st.tuples(st.booleans(), st.sampled_from(["", "a", "b"])), max_size=60),
    connections=st.integers(1, 6),
    per_ip=st.integers(0, 3),
)
def test_the_counts_are_those_of_who_is_in(
    steps: list[tuple[bool, str]], connections: int, per_ip: int
) -> None:
    admission = Admission(Limits(connections=connections, connections_per_ip=per_ip))
    inside: Counter[str] = Counter()
    for comes, host in steps:
        if comes:
            full = inside.total() >= connections
            share = bool(host and per_ip and inside[host] >= per_ip)
            refused = admission.admit(host)
            assert refused is (Refused.CONNECTIONS if full else Refused.PER_IP if share else None)
            inside[host] += refused is None
        elif inside[host]:
            admission.release(host)
            inside[host] -= 1
        assert admission.connections == inside.total()
    for host in inside.elements():
        admission.release(host)
    assert admission.connections == 0
    assert not admission._from, "an address that left is still remembered"


def test_the_turned_away_hear_why_and_are_closed() -> None:
    assert TurnedAway(b"421 no\r\n").connected(Peer(), now=0.0) == (b"421 no\r\n", CLOSE)
