"""The life of a chat server: its stop, its settings read again, whom it turns away, what its log has."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.chat_clients import Irc, Meet, Serve
from tests.servers import Running, wait_until

OPER = '[[chat.oper]]\nname = "admin"\npassword = "sesame"'


def rewrite(path: Path, settings: str) -> None:
    (path / "chat.toml").write_text(f"[chat]\n{settings}\n")


# -- the stop ----------------------------------------------------------------------------------


def test_a_stop_is_announced_to_everybody_and_ends_with_status_0(meet: Meet, serve: Serve) -> None:
    """chat.md: `ERROR :Server closing` after a NOTICE that says so; nobody reads the others' QUIT."""
    running = serve(listen=("tcp", "tls", "unix"))
    many = [meet(f"on{over}", at=running, over=over).join("#tea") for over in ("tcp", "tls", "unix")]
    new = meet(at=running)
    new.send("NICK new").lines()
    for one in many:
        one.lines()
    running.signal(signal.SIGTERM)
    for one in many:
        assert one.rest() == [
            f":irc.example.org NOTICE {one.nick} :The server is stopping",
            "ERROR :Server closing",
        ]
    assert new.rest()[-1] == "ERROR :Server closing"
    for one in (*many, new):
        one.close()
    running.ended()


def test_what_was_asked_before_the_stop_is_answered(meet: Meet, serve: Serve) -> None:
    running = serve("flood.enabled = false")
    ann = meet("ann", at=running)
    ann.send(*["LUSERS"] * 50).lines()
    running.signal(signal.SIGTERM)
    assert ann.rest()[-1] == "ERROR :Server closing"
    ann.close()
    running.ended()


# -- settings read again -----------------------------------------------------------------------


def motd(client: Irc) -> list[str]:
    return [line.partition(" :- ")[2] for line in client.send("MOTD").lines() if " 372 " in line]


def test_sighup_rereads_everything_and_drops_nobody(meet: Meet, serve: Serve, tmp_path: Path) -> None:
    """The message of the day and its file, limits, operators; those who are there stay."""
    words = tmp_path / "motd.txt"
    words.write_text("one\n")
    file = f'motd_file = "{words}"'
    running = serve(f"{file}\nlimits.channels = 1")
    ann = meet("ann", at=running).join("#one")
    assert motd(ann) == ["one"]
    assert " 405 " in ann.send("JOIN #two").lines()[0]
    assert " 491 " in ann.send("OPER admin sesame").lines()[0]
    words.write_text("two\nthree\n")
    rewrite(tmp_path, f"{file}\nlimits.channels = 2\n{OPER}")
    running.signal(signal.SIGHUP)
    running.wait_for("reread")
    assert motd(ann) == ["two", "three"]
    ann.join("#two")
    assert " 381 " in ann.send("OPER admin sesame").lines()[0]


def test_rehash_does_what_sighup_does(meet: Meet, serve: Serve, tmp_path: Path) -> None:
    """RFC 2812 §4.2."""
    running = serve(f'motd = ["one"]\n{OPER}')
    ann = meet("ann", at=running)
    ann.send("OPER admin sesame").lines()
    rewrite(tmp_path, f'motd = ["two"]\n{OPER}')
    assert ann.send("REHASH").lines()[0] == ":irc.example.org 382 ann settings :Rehashing"
    wait_until("the new message of the day", lambda: motd(ann) == ["two"])
    # An operator that the settings no longer have stays one until it leaves; nobody becomes one.
    rewrite(tmp_path, 'motd = ["three"]')
    ann.send("REHASH").lines()
    wait_until("the newest message of the day", lambda: motd(ann) == ["three"])
    bob = meet("bob", at=running)
    assert " 491 " in bob.send("OPER admin sesame").lines()[0]


def test_settings_that_cant_be_meant_change_nothing(meet: Meet, serve: Serve, tmp_path: Path) -> None:
    running = serve('motd = ["one"]')
    ann = meet("ann", at=running)
    broken = ("motd = 5", 'motd_file = "/nowhere/motd"', "limits.nick = 0", "[[")
    for times, settings in enumerate(broken, 1):
        rewrite(tmp_path, settings)
        running.signal(signal.SIGHUP)
        running.wait_for("nothing was reread, and what was in force stays", times)
    assert motd(ann) == ["one"]


def test_a_changed_offer_is_told_to_who_asked(meet: Meet, serve: Serve, tmp_path: Path) -> None:
    """cap-notify: CAP NEW and CAP DEL."""
    running = serve("cloak = false")
    asked, other = meet("asked", "cap-notify", at=running), meet("other", at=running)
    rewrite(tmp_path, 'sts = "duration=60,port=6697"')
    running.signal(signal.SIGHUP)
    assert asked.read() == ":irc.example.org CAP asked NEW :sts=duration=60,port=6697"
    rewrite(tmp_path, "")
    running.signal(signal.SIGHUP)
    assert asked.read() == ":irc.example.org CAP asked DEL :sts"
    assert asked.lines() == other.lines() == []


# -- who is turned away ------------------------------------------------------------------------


def refused(meet: Meet, running: Running) -> list[str]:
    return meet(at=running).rest()


def test_one_connection_too_many_is_told_so(meet: Meet, serve: Serve) -> None:
    running = serve("limits.connections = 2")
    ann, bob = meet("ann", at=running), meet("bob", at=running)
    assert refused(meet, running) == ["ERROR :Closing Link: (too many connections)"]
    assert ann.lines() == bob.lines() == []


def test_one_connection_too_many_from_one_address_is_told_so(meet: Meet, serve: Serve) -> None:
    running = serve("limits.connections_per_ip = 2")
    ann, bob = meet("ann", at=running), meet("bob", at=running)
    assert refused(meet, running) == ["ERROR :Closing Link: (too many connections from your address)"]
    cyd = meet("cyd", at=running, source="127.0.0.9")
    assert ann.lines() == bob.lines() == cyd.lines() == []


# -- the log -----------------------------------------------------------------------------------


def test_the_log_has_who_and_why_and_never_what_was_said(meet: Meet, serve: Serve) -> None:
    secret = "hush"
    running = serve(f'password = "{secret}-door"\n{OPER.replace("sesame", secret)}')
    ann, bob, cyd = (meet(at=running) for _ in range(3))
    for one, nick in ((ann, "ann"), (bob, "bob"), (cyd, "cyd")):
        one.send(f"PASS {secret}-door").register(nick).join("#tea")
    ann.send(f"PRIVMSG #tea :{secret}", f"TOPIC #tea :{secret}", f"AWAY :{secret}", f"NOTICE bob :{secret}")
    ann.send(f"OPER admin {secret}-wrong", f"OPER admin {secret}", f"JOIN #x {secret}", f"PRIVMSG {secret}")
    ann.send("AUTHENTICATE PLAIN", "AUTHENTICATE AGh1c2gAaHVzaA==").lines()
    ann.client.send(f"PRIVMSG #tea :{secret}\xff\r\n".encode("latin-1"))
    ann.send(f"KILL bob :{secret}", f"@+x={secret} TAGMSG #tea").lines()
    assert bob.rest()
    cyd.send(f"PART #tea :{secret}", f"QUIT :{secret}")
    assert cyd.rest()
    wrong = meet(at=running).send(f"PASS {secret}", "NICK dan", f"USER dan 0 * :{secret}")
    assert wrong.rest()
    ann.client.reset()
    for line in (
        ": registered as ann",
        ": ann is operator admin",
        ": ann kills bob",
        ": bob: killed",
        ": cyd: Quit",
        ": dan: Bad password",
        ": ann: Connection reset by peer",
    ):
        running.wait_for(line)
    assert running.log.count(": connected") >= 4
    assert secret not in running.log
    assert "AGh1" not in running.log
