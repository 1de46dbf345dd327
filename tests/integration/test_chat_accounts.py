"""Chat's accounts through sockets: what was acknowledged is kept, and trouble is only theirs who asked."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chat_clients import Irc
from tests.databases import locked
from tests.servers import Own, Running


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "chat.db"


@pytest.fixture
def clients() -> Iterator[list[Irc]]:
    """Those who are closed at the end."""
    made: list[Irc] = []
    yield made
    for client in made:
        client.close()


def serve(own: Own, file: Path) -> Running:
    flags = ("--flood-enabled=false", "--accounts-register-limit=0", "--accounts-login-delay=0.05")
    return own("chat", "--database", str(file), *flags)


def meet(running: Running, clients: list[Irc], nick: str = "") -> Irc:
    client = Irc(running.connect())
    clients.append(client)
    return client.register(nick) if nick else client


def log_in(client: Irc, name: str, password: str) -> str:
    """Whether it was right: 903, or 904."""
    said = base64.b64encode(f"\0{name}\0{password}".encode()).decode()
    lines = client.send("CAP REQ :sasl", "AUTHENTICATE PLAIN", f"AUTHENTICATE {said}").lines()
    return lines[-1].split(" ")[1]


def tool(file: Path, *words: str, said: str = "") -> None:
    whole = [sys.executable, "-m", "stores.accounts", "--database", str(file), *words]
    subprocess.run(whole, input=said, text=True, check=True, capture_output=True)


def test_what_was_registered_is_there_after_kill_9(own: Own, file: Path, clients: list[Irc]) -> None:
    """REGISTER SUCCESS is said once the account is committed."""
    running = serve(own, file)
    dora = meet(running, clients, "dora").send("REGISTER * dora@example.org opensesame")
    assert " REGISTER SUCCESS dora " in dora.read()
    running.kill()
    running = serve(own, file)
    assert log_in(meet(running, clients), "DORA", "opensesame") == "903"
    stranger = meet(running, clients).send("NICK Dora", "USER x 0 * :X")
    assert [line.split(" ")[1] for line in stranger.lines()] == ["433", "NOTICE"]


def test_of_two_who_register_one_name_at_the_same_instant_one_wins(
    own: Own, file: Path, clients: list[Irc]
) -> None:
    running = serve(own, file)
    both = [meet(running, clients, nick) for nick in ("dora", "emil")]
    for client in both:
        client.send("REGISTER prize * opensesame")
    said = sorted(client.read().split(" ", 1)[1] for client in both)
    assert said[0].startswith("FAIL REGISTER ACCOUNT_EXISTS prize ")
    assert said[1].startswith("REGISTER SUCCESS prize ")
    for client in both:
        client.lines()


def test_accounts_are_changed_beside_a_running_server(own: Own, file: Path, clients: list[Irc]) -> None:
    running = serve(own, file)
    assert log_in(meet(running, clients), "emil", "opensesame") == "904"
    tool(file, "add", "emil", said="opensesame\n")
    assert log_in(meet(running, clients), "emil", "opensesame") == "903"
    tool(file, "password", "emil", said="another-one\n")
    assert log_in(meet(running, clients), "emil", "opensesame") == "904"
    assert log_in(meet(running, clients), "emil", "another-one") == "903"
    emil = meet(running, clients, "emil2")
    assert log_in(emil, "emil", "another-one") == "903"
    emil.send("JOIN #tea", "CS REGISTER #tea").lines()
    assert "is registered to emil" in emil.send("CS INFO #tea").lines()[0]
    tool(file, "remove", "emil")
    assert log_in(meet(running, clients), "emil", "another-one") == "904"
    while "is not registered" not in emil.send("CS INFO #tea").lines()[0]:
        pass  # the server looks every other second


@pytest.mark.slow
def test_a_locked_database_costs_only_those_who_need_it(own: Own, file: Path, clients: list[Irc]) -> None:
    running = serve(own, file)
    tool(file, "add", "emil", said="opensesame\n")
    waiting = [meet(running, clients, f"dora{number}") for number in range(20)]
    fay, gus = meet(running, clients, "fay").join("#tea"), meet(running, clients, "gus").join("#tea")
    fay.lines()
    with locked(file):
        for client in waiting:
            client.send("REGISTER * * opensesame")
        assert log_in(meet(running, clients), "emil", "opensesame") == "903"
        gus.send("PRIVMSG #tea :nothing noticed").lines()
        assert fay.lines()[-1].endswith(" PRIVMSG #tea :nothing noticed")
        for client in waiting:
            assert " FAIL REGISTER TEMPORARILY_UNAVAILABLE " in client.read()
    assert " REGISTER SUCCESS dora0 " in waiting[0].send("REGISTER * * opensesame").read()
    waiting[0].lines()
    running.wait_for("accounts can't be reached: database is locked")


def test_a_deleted_database_takes_nothing_and_chat_goes_on(own: Own, file: Path, clients: list[Irc]) -> None:
    """What was acknowledged would be gone with the process; put back, it goes on."""
    running = serve(own, file)
    tool(file, "add", "emil", said="opensesame\n")
    fay, gus = meet(running, clients, "fay").join("#tea"), meet(running, clients, "gus").join("#tea")
    fay.lines()
    aside = file.with_name("aside.db")
    file.rename(aside)
    for _ in range(2):
        assert " FAIL REGISTER TEMPORARILY_UNAVAILABLE " in gus.send("REGISTER * * opensesame").read()
        assert log_in(meet(running, clients), "emil", "opensesame") == "904"
    gus.send("PRIVMSG #tea :nothing noticed").lines()
    assert fay.lines()[-1].endswith(" PRIVMSG #tea :nothing noticed")
    assert not file.exists()
    running.wait_for("can't be written: the file is not there any more")
    aside.rename(file)
    assert " REGISTER SUCCESS gus " in gus.send("REGISTER * * opensesame").read()
    assert log_in(meet(running, clients), "emil", "opensesame") == "903"
    assert running.log.count("can't be written") == 1
