"""docs/examples: a server starts with them, where their files are there."""

from __future__ import annotations

from pathlib import Path

from tests.chat_clients import Meet
from tests.servers import Certificate, Own

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"


def test_chat_is_as_its_example_says(own: Own, certificate: Certificate, tmp_path: Path, meet: Meet) -> None:
    """On sockets of the test's and with files of its own; all else as it stands."""
    text = (EXAMPLES / "chat.toml").read_text(encoding="utf-8")
    settings = tmp_path / "chat.toml"
    settings.write_text(text.replace("/var/lib/twofold/", f"{tmp_path}/"), encoding="utf-8")
    running = own("chat", "--config", str(settings), listen=("tls", "tcp"), certificate=certificate)
    ann = meet(at=running, over="tls")
    said = ann.send("CAP LS 302", "NICK ann", "USER ann 0 * :Ann", "CAP END").lines()
    offered = [word for line in said if " CAP * LS " in line for word in line.rpartition(":")[2].split()]
    assert "sts=port=6697,duration=2592000" in offered
    assert "draft/account-registration=before-connect,custom-account-name" in offered
    assert any("Welcome to the TeaNet IRC Network, ann!ann@" in line for line in said)
    assert ":irc.example.org 372 ann :- Please take off your shoes." in said
    assert ":irc.example.org 221 ann +i" in ann.send("MODE ann").lines()
    assert (tmp_path / "chat.db").is_file()
