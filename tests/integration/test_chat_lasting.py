"""What was acknowledged is there after kill -9 and a restart."""

from __future__ import annotations

from pathlib import Path

from tests.chat_clients import Meet, Serve


def test_a_registered_channel_is_there_after_kill_9(serve: Serve, meet: Meet, tmp_path: Path) -> None:
    """All that was said to a channel before something is acknowledged is committed with that."""
    settings = f'database = "{tmp_path / "chat.db"}"\ncloak = false\n[chat.accounts]\nreserve_nicks = false'
    first = serve(settings)
    ann = meet("ann", at=first).send("NS REGISTER opensesame").join("#tea")
    assert any("#tea is registered to ann." in line for line in ann.send("CS REGISTER #tea").lines())
    ann.send("TOPIC #tea :green, 緑茶", "MODE #tea +skl-t key 7", "MODE #tea +b evil!*@*")
    said = ann.send("JOIN #two", "CS REGISTER #two").lines()
    assert any("#two is registered to ann." in line for line in said)
    asked = ("TOPIC #tea", "MODE #tea", "MODE #tea +b", "CS INFO #tea")
    before = ann.send(*asked).lines()
    assert len(before) == 8, before
    first.kill()

    again = meet("ann", "sasl", at=serve(settings))
    again.send("NS IDENTIFY ann opensesame").lines()
    joined = again.send("JOIN #tea").lines()
    assert ":ChanServ MODE #tea +q ann" in joined
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
