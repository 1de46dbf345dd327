"""Line 9 of what every driver must do, a session's bug costs that connection only; and StartTLS."""

from __future__ import annotations

import pytest

from tests.clients import TLSClient
from tests.integration.probing import Connect, ask, facts_of, in_step, name_of
from tests.servers import Certificate, Own, Running

# -- 9: a bug in a session -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "fact", ["received", "ended", "expired", "replied", "failed", "resumed", "disconnected"]
)
def test_an_exception_from_a_session_costs_that_connection_only(
    join: Connect, probe: Running, fact: str, over: str
) -> None:
    client, other = join(), join()
    client.send(f"mischief {fact}\n".encode())
    if fact != "received":
        assert client.read_line() == b"noted"
    provoke = {
        "expired": b"deadline 0.01\n",
        "replied": b"call a thread tell\n",
        "failed": b"call a thread raise\n",
        "resumed": b"more 200000\n",
    }
    if fact in provoke:
        client.send(provoke[fact])
    elif fact == "ended":
        client.half_close()
    elif fact == "disconnected":
        client.send(b"close\n")
        client.read_to_end()
        client.close()
        while "disconnected" not in ask(other, f"facts {name_of(client)}"):
            pass
    facts = facts_of(other, name_of(client))
    assert facts[-1] == ("disconnected:EOF" if fact == "disconnected" else "disconnected:BUG")
    in_step(other)
    probe.tracebacks += 1
    probe.wait_for("Traceback", probe.tracebacks)


@pytest.mark.parametrize("line", ["raise", "nonsense"])
def test_a_mistaken_order_costs_that_connection_only(join: Connect, probe: Running, line: str) -> None:
    client, other = join(), join()
    client.send(f"{line}\n".encode())
    assert facts_of(other, name_of(client))[-1] == "disconnected:BUG"
    in_step(other)
    probe.tracebacks += 1
    probe.wait_for("Traceback", probe.tracebacks)


def test_a_mistaken_order_for_another_does_not_lose_what_others_are_owed(
    join: Connect, probe: Running
) -> None:
    client, other = join(), join()
    client.send(f"to {name_of(other)} owed\nmisdirect {name_of(other)}\n".encode())
    assert other.read_line() == b"owed"
    in_step(other)
    probe.tracebacks += 1
    probe.wait_for("Traceback", probe.tracebacks)


# -- StartTLS --------------------------------------------------------------------------------------


def test_starttls_is_answered_by_secured(probe: Running, certificate: Certificate) -> None:
    """What was ordered before leaves in the clear, what comes after is secret."""
    with probe.connect("tcp") as plain:
        plain.send(b"ping a\nstarttls\n")
        assert [plain.read_line(), plain.read_line()] == [b"pong a", b"go ahead"]
        client = TLSClient(plain.sock, certificate.ca, glue=b"ping b\n")
        words = client.read_line().split()
        assert words[:2] == [b"secured", b"TLSv1.3"]
        assert client.read_line() == b"pong b"
        client.half_close()
        assert client.read_to_end() == b""


def test_bytes_ordered_before_the_handshake_is_done_are_a_bug(probe: Running) -> None:
    """It costs that connection only, and others get what they were owed in the same turn."""
    with probe.connect("tcp") as client, probe.connect("tcp") as other:
        assert ask(client, "name early") == "named early"
        assert ask(other, "name patient") == "named patient"
        client.send(b"tooearly patient\n")
        assert other.read_line() == b"owed"
        assert facts_of(other, "early")[-1] == "disconnected:BUG"
        in_step(other)
    probe.tracebacks += 1
    probe.wait_for("Traceback", probe.tracebacks)


def test_starttls_without_a_certificate_is_a_bug(own: Own) -> None:
    running = own("probe")
    with running.connect() as client, running.connect() as other:
        assert ask(client, "name bare") == "named bare"
        client.send(b"starttls\n")
        assert facts_of(other, "bare")[-1] == "disconnected:BUG"
        in_step(other)
    running.tracebacks = 1


# -- over TLS ----------------------------------------------------------------------------------------


def test_bytes_behind_the_handshake_are_not_lost(probe: Running) -> None:
    with probe.connect("tls", glue=b"ping glued\n") as client:
        assert client.read_line() == b"pong glued"


def test_fin_without_close_notify_is_a_reset(probe: Running) -> None:
    """RFC 8446 §6.1: without a closure alert, the data may have been truncated."""
    with probe.connect("tcp") as watcher:
        with probe.connect("tls") as client:
            assert ask(client, "name truncated") == "named truncated"
        facts = facts_of(watcher, "truncated")
    assert facts == ["connected", "received", "disconnected:RESET"]
