"""History through sockets: what was acknowledged stays, and trouble with its file is only theirs who ask."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.chat_clients import Irc, Meet, Serve
from tests.databases import locked

CAPS = ("batch", "message-tags", "echo-message", "draft/chathistory", "draft/message-redaction")
FAILED = " FAIL CHATHISTORY MESSAGE_ERROR LATEST #tea "


def settings(file: Path) -> str:
    return f'database = "{file}"\ncloak = false\n[chat.accounts]\nreserve_nicks = false'


def told(lines: list[str]) -> list[tuple[str, ...]]:
    """The batches' lines: id, and what was said by whom; references of batches are new each time."""
    found = [re.fullmatch(r"@batch=[^; ]+;msgid=([^; ]+)\S* (.*)", line) for line in lines]
    return [one.groups() for one in found if one is not None]


def msgid(client: Irc, line: str) -> str:
    """The id of what the client says by this line."""
    found = re.search(r"msgid=([^; ]+)", client.send(line).lines()[0])
    assert found is not None
    return found[1]


def ask(client: Irc) -> list[str]:
    return client.send("CHATHISTORY LATEST #tea * 50").lines()


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_what_was_acknowledged_is_there_after_a_restart(
    serve: Serve, meet: Meet, tmp_path: Path, how: str
) -> None:
    """docs/operations.md: what CHATHISTORY has shown, and what MARKREAD and REDACT were answered."""
    first = serve(settings(tmp_path / "chat.db"))
    ann = meet("ann", *CAPS, "draft/multiline", at=first).send("NS REGISTER opensesame")
    bob = meet("bob", *CAPS, at=first)
    ann.join("#tea")
    bob.join("#tea")
    ann.lines()
    ids = [msgid(bob, f"PRIVMSG #tea :number {number}, caf\u00e9") for number in range(5)]
    bob.send("PRIVMSG ann :psst").lines()
    ann.lines()
    ann.send("BATCH +1 draft/multiline #tea", "@batch=1 PRIVMSG #tea :one", "@batch=1 PRIVMSG #tea :two")
    ann.send("BATCH -1", f"REDACT #tea {ids[2]}").lines()
    ann.send("MARKREAD #tea timestamp=2020-01-01T00:00:00.000Z").lines()
    asked = ("CHATHISTORY LATEST #tea * 50", "CHATHISTORY LATEST bob * 50", "MARKREAD #tea")
    before = ann.send(*asked).lines()
    assert [said for said, _ in told(before)][:4] == [*ids[:2], *ids[3:]]
    assert before[-1].endswith("MARKREAD #tea timestamp=2020-01-01T00:00:00.000Z")
    for client in (ann, bob):
        client.close()
    getattr(first, how)()

    again = meet("ann", *CAPS, "draft/multiline", at=serve(settings(tmp_path / "chat.db")))
    again.send("NS IDENTIFY opensesame").lines()
    after = again.join("#tea").send(*asked).lines()
    assert told(after) == told(before)
    assert after[-1] == before[-1]


def test_what_was_said_behind_closed_doors_is_not_told_to_who_opens_them_anew(
    serve: Serve, meet: Meet, tmp_path: Path
) -> None:
    """The channel is gone with its last member, or with the server: who makes it again was not let in."""
    first = serve(settings(tmp_path / "chat.db"))
    ann = meet("ann", *CAPS, at=first).join("#tea")
    ann.send("PRIVMSG #tea :in the open", "MODE #tea +k key", "PRIVMSG #tea :in private").lines()
    assert [words for _, words in told(ask(ann))] == [
        ":ann!ann@127.0.0.1 PRIVMSG #tea :in the open",
        ":ann!ann@127.0.0.1 PRIVMSG #tea :in private",
    ]
    ann.send("PART #tea").lines()
    eve = meet("eve", *CAPS, at=first).join("#tea")
    assert [words for _, words in told(ask(eve))] == [":ann!ann@127.0.0.1 PRIVMSG #tea :in the open"]
    for client in (ann, eve):
        client.close()
    first.stop()
    later = meet("eve", *CAPS, at=serve(settings(tmp_path / "chat.db"))).join("#tea")
    assert [words for _, words in told(ask(later))] == [":ann!ann@127.0.0.1 PRIVMSG #tea :in the open"]


@pytest.mark.slow
def test_a_locked_file_is_told_to_who_asks_and_loses_nothing(
    serve: Serve, meet: Meet, tmp_path: Path
) -> None:
    running = serve(settings(tmp_path / "chat.db"))
    ann, bob = meet("ann", *CAPS, at=running).join("#tea"), meet("bob", at=running).join("#tea")
    ann.lines()
    with locked(tmp_path / "chat.db"):
        bob.send("PRIVMSG #tea :while it is locked").lines()
        ann.lines()
        ann.send("CHATHISTORY LATEST #tea * 50")
        cyd = meet("cyd", at=running).join("#tea")
        bob.send("PRIVMSG #tea :nobody waits").lines()
        assert cyd.lines()[-1].endswith(" PRIVMSG #tea :nobody waits")
        assert FAILED in ann.until(":Messages could not be retrieved")[-1]
    said = [words.rpartition(":")[2] for _, words in told(ask(ann))]
    assert said == ["while it is locked", "nobody waits"]


def test_a_broken_file_is_told_to_who_asks(serve: Serve, meet: Meet, tmp_path: Path) -> None:
    file = tmp_path / "chat.db"
    serve(settings(file)).stop()
    running = serve(settings(file))
    ann, bob = meet("ann", *CAPS, at=running), meet("bob", at=running)
    # Before there is anything to keep: pages that are in the log by now would be read from there.
    file.write_bytes(b"this was a database once, and now it is something else" * 1000)
    ann.join("#tea")
    bob.join("#tea")
    ann.lines()
    bob.send("PRIVMSG #tea :goes on").lines()
    assert ann.lines()[-1].endswith(" PRIVMSG #tea :goes on")
    ann.send("CHATHISTORY LATEST #tea * 50")
    assert FAILED in ann.until(":Messages could not be retrieved")[-1]
    bob.send("PRIVMSG #tea :and on").lines()
    assert ann.lines()[-1].endswith(" PRIVMSG #tea :and on")
    running.wait_for("history can't be read")
    assert "Traceback" not in running.log
    assert "goes on" not in running.log
