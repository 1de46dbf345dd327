"""What was acknowledged is there after kill -9 and a restart."""

from __future__ import annotations

from pathlib import Path

from tests.chat_clients import Meet, Serve
from tests.databases import locked


def test_a_registered_channel_is_there_after_kill_9(serve: Serve, meet: Meet, tmp_path: Path) -> None:
    """All that was said to a channel before something is acknowledged is committed with that."""
    settings = f'database = "{tmp_path / "chat.db"}"\ncloak = false\n[chat.accounts]\nreserve_nicks = false'
    first = serve(settings)
    ann = meet("ann", at=first).send("NS REGISTER opensesame").join("#tea")
    assert any("#tea is registered to ann." in line for line in ann.send("CS REGISTER #tea").lines())
    ann.send("TOPIC #tea :green, 緑茶", "MODE #tea +skl-t key 7", "MODE #tea +b evil!*@*")
    said = ann.send("PRIVMSG #tea :remember me", "JOIN #two", "CS REGISTER #two").lines()
    assert any("#two is registered to ann." in line for line in said)
    asked = ("TOPIC #tea", "MODE #tea", "MODE #tea +b", "CS INFO #tea")
    before = ann.send(*asked).lines()
    assert len(before) == 8, before
    first.kill()

    again = meet("ann", "sasl", at=serve(settings))
    again.send("NS IDENTIFY ann opensesame").lines()
    joined = again.send("JOIN #tea").lines()
    assert ":ChanServ MODE #tea +q ann" in joined
    told = again.send("CHATHISTORY LATEST #tea * 10").lines()
    assert [line.rpartition(":")[2] for line in told if " PRIVMSG " in line] == ["remember me"]
    assert again.send(*asked).lines() == before


def test_server_bans_are_there_after_kill_9(serve: Serve, meet: Meet, tmp_path: Path) -> None:
    """A D-line is told before anything is said; the operator that set it came from elsewhere."""
    settings = f'database = "{tmp_path / "chat.db"}"\ncloak = false\n'
    oper = '[[chat.oper]]\nname = "admin"\npassword = "sesame"'
    first = serve(settings + oper, listen=("tcp", "unix"))
    root = meet("root", at=first, over="unix").send("OPER admin sesame")
    bob = meet("bob", at=first)
    root.send("DLINE 127.0.0.0/8 spam").until("D-line on 127.0.0.0/8, for good.")
    assert bob.rest()[-1] == "ERROR :Closing Link: 127.0.0.1 (You are banned from this server: spam)"
    first.kill()

    second = serve(settings + oper, listen=("tcp", "unix"))
    expected = ["ERROR :Closing Link: 127.0.0.1 (You are banned from this server: spam)"]
    assert meet(at=second).rest() == expected
    again = meet("root", at=second, over="unix").send("OPER admin sesame", "UNDLINE 127.0.0.0/8")
    again.until("No D-line on 127.0.0.0/8 any more.")
    meet("bob", at=second)


def test_metadata_is_there_after_kill_9(serve: Serve, meet: Meet, tmp_path: Path) -> None:
    """What was set before something is acknowledged, on an account and on a registered channel."""
    settings = f'database = "{tmp_path / "chat.db"}"\n[chat.accounts]\nreserve_nicks = false'
    first = serve(settings)
    caps = "draft/metadata-3", "batch"
    ann = meet("ann", *caps, at=first).send("NS REGISTER opensesame").join("#tea")
    ann.send("METADATA * SET url :http://example.org", "METADATA #tea SET url :http://tea.example.org")
    said = ann.send("CS REGISTER #tea").lines()
    assert any("#tea is registered to ann." in line for line in said)
    first.kill()

    again = meet("bob", *caps, at=serve(settings)).send("NS IDENTIFY ann opensesame")
    again.lines()
    (_, mine, _), (_, its, _) = (again.send(f"METADATA {one} LIST").lines() for one in ("*", "#tea"))
    assert mine.endswith(" 761 bob bob url * :http://example.org")
    assert its.endswith(" 761 bob #tea url * :http://tea.example.org")


def test_a_locked_database_costs_only_a_warning(serve: Serve, meet: Meet, tmp_path: Path) -> None:
    """What holds until a restart is said to; once it could be written, it holds after one as well."""
    file = tmp_path / "chat.db"
    settings = f'database = "{file}"\n[chat.accounts]\nreserve_nicks = false'
    first = serve(settings)
    ann = meet("ann", at=first).send("NS REGISTER opensesame").join("#tea").join("#two")
    bob = meet("bob", at=first).join("#tea")
    with locked(file):
        ann.send("CS REGISTER #tea")
        assert bob.until(":ChanServ MODE #tea +q ann")
        assert not any("nothing" in line for line in bob.send("PRIVMSG #tea :nothing noticed").lines())
        said = ann.until("until it is, a restart of the server undoes it.")
        assert any(line.endswith(" :#tea is registered to ann.") for line in said)
    ann.send("CS REGISTER #two").until(" :#two is registered to ann.")
    ann.lines()
    first.kill()

    again = meet("cyd", at=serve(settings))
    assert again.send("CS INFO #tea").read().endswith(" :#tea is registered to ann.")
