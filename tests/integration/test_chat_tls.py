"""Chat over TLS: who is secure, a policy to come back so, certificates that change."""

from __future__ import annotations

import signal

from tests.chat_clients import Meet, Serve
from tests.servers import Authority


def test_whois_says_who_is_secure(meet: Meet) -> None:
    """671, RPL_WHOISSECURE: for who is connected over TLS, and for nobody else."""
    safe, plain = meet("safe", over="tls"), meet("plain")
    assert ":irc.example.org 671 plain safe :is using a secure connection" in plain.send("WHOIS safe").lines()
    assert not any(" 671 " in line for line in safe.send("WHOIS plain").lines())


def test_a_policy_of_the_settings_is_offered(meet: Meet, serve: Serve) -> None:
    """sts: with a value to version 302, on both kinds of connections, and never to be requested."""
    running = serve('sts = "duration=2592000,port=6697"', listen=("tcp", "tls"))
    for over in ("tcp", "tls"):
        new = meet(at=running, over=over)
        words = " ".join(new.send("CAP LS 302").lines()).replace(":", " ").split(" ")
        assert "sts=duration=2592000,port=6697" in words
        assert new.send("CAP REQ sts").lines() == [":irc.example.org CAP * NAK :sts"]


def test_a_renewed_certificate_is_for_who_comes_next(meet: Meet, serve: Serve, authority: Authority) -> None:
    old = authority.issue("chat-renewed")
    running = serve("cloak = false", listen=("tcp", "tls"), certificate=old)
    ann = meet("ann", at=running, over="tls").join("#tea")
    new = authority.issue("chat-renewed")
    running.signal(signal.SIGHUP)
    running.wait_for("reread")
    bob = meet("bob", at=running, over="tls").join("#tea")
    assert ann.client.serial == old.serial  # type: ignore[attr-defined]
    assert bob.client.serial == new.serial  # type: ignore[attr-defined]
    bob.send("PRIVMSG #tea :hello")
    assert ann.until(":hello")[-1] == ":bob!bob@127.0.0.1 PRIVMSG #tea :hello"


def test_a_long_line_cut_anywhere_by_records_is_one_line(meet: Meet) -> None:
    ann, bob = meet("ann", over="tls"), meet("bob", over="tls")
    for piece in (b"PRIV", b"MSG bob ", b":", "\u00e9".encode()[:1], "\u00e9".encode()[1:], b"!\r", b"\n"):
        ann.client.send(piece)
    assert bob.until("!") == [":ann!ann@127.0.0.1 PRIVMSG bob :\u00e9!"]
