"""Echo: what is owed is what came, and the clock is a number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.echo import DATAGRAM, ECHO_LIKE, Datagrams, Echo, EchoServer, EchoSettings
from protocols.session import CLOSE, Limits, Peer, Reason, Refused


def echo(idle: float = 0) -> Echo:
    session = EchoServer(Limits(idle=idle)).session()
    assert session.connected(Peer("10.0.0.1", 40_000), now=100.0) == ()
    return session


@given(pieces=st.lists(st.binary(min_size=1)))
def test_every_piece_goes_back_as_it_came(pieces: list[bytes]) -> None:
    """RFC 862: "any data received is sent back"."""
    session = echo()
    assert [order for piece in pieces for order in session.received(piece, now=101.0)] == pieces


def test_the_peers_end_is_answered_by_ours() -> None:
    """RFC 862: "This continues until the calling user terminates the connection"."""
    assert echo().ended(now=101.0) == (CLOSE,)


def test_a_stopping_server_closes() -> None:
    assert echo().drained(now=101.0) == (CLOSE,)


def test_the_end_orders_nothing() -> None:
    assert echo().disconnected(Reason.RESET, now=101.0) == ()


def test_without_idle_there_is_no_deadline() -> None:
    session = echo(idle=0)
    session.received(b"x", now=101.0)
    assert session.deadline is None


def test_silence_is_closed_after_idle() -> None:
    session = echo(idle=30)
    assert session.deadline == 130.0
    session.received(b"x", now=120.0)
    assert session.deadline == 150.0
    assert session.expired(now=150.0) == (CLOSE,)


@pytest.mark.parametrize("why", list(Refused))
def test_echo_has_no_words_for_a_connection_too_many(why: Refused) -> None:
    assert EchoServer().refusal(why) == b""


def test_a_server_without_settings_has_the_defaults() -> None:
    assert EchoServer().limits == Limits()
    assert EchoSettings().limits == Limits()
    assert EchoSettings().listen == ("tcp://127.0.0.1:7007",)


@pytest.mark.parametrize("port", sorted(ECHO_LIKE))
def test_a_datagram_from_an_echo_like_service_is_dropped_and_counted(port: int) -> None:
    """CERT CA-1996-01: two services that answer whatever they get would never stop."""
    datagrams = Datagrams()
    assert not datagrams.answers(port)
    assert datagrams.dropped == 1


def test_a_datagram_from_a_port_of_our_own_is_dropped() -> None:
    datagrams = Datagrams()
    datagrams.ports.add(7007)
    assert not datagrams.answers(7007)
    assert datagrams.answers(7008)
    assert datagrams.dropped == 1


def test_the_echo_like_ports_are_the_inetd_services() -> None:
    """IANA: echo 7, daytime 13, qotd 17, chargen 19, time 37."""
    assert {7, 13, 17, 19, 37} == ECHO_LIKE


def test_the_largest_datagram_is_what_ipv4_can_carry() -> None:
    """RFC 791 §3.1: 65,535 octets, of which 20 are the IP header; RFC 768: 8 are UDP's."""
    assert DATAGRAM == 65_535 - 20 - 8
