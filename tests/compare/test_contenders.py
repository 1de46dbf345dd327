"""The table, and what a user may add to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from compare.contenders import BARE, SERVICES, TABLE, BadContender, all_yours, choose, yours


def test_a_contender_of_the_users_is_a_command_with_a_port() -> None:
    one = yours("mine='/opt/my server/run' --port={port} --quiet", "echo")
    assert one.name == "mine"
    assert one.command == ("/opt/my server/run", "--port={port}", "--quiet")
    assert one.kind == "yours"


@pytest.mark.parametrize(
    ("text", "service", "why"),
    [
        ("no equals sign", "echo", "expected NAME="),
        ("=run {port}", "echo", "expected NAME="),
        ("mine=run --port 7", "echo", "does not say {port}"),
        ("mine=run 'unclosed {port}", "echo", "No closing quotation"),
        ("mine=run {port}", "gopher", "expected one of echo, udp, tls, rpc"),
        ("epoll=run {port}", "echo", "a contender of that name already"),
        ("my own=run {port}", "echo", "a name is up to 24 letters"),
        ("a,b=run {port}", "echo", "a name is up to 24 letters"),
        ("mine\x1b[1m=run {port}", "echo", "a name is up to 24 letters"),
        ("mine=", "echo", "does not say {port}"),
    ],
)
def test_what_is_no_contender_is_refused_in_one_line(text: str, service: str, why: str) -> None:
    with pytest.raises(BadContender, match=why) as refusal:
        yours(text, service)
    assert "\n" not in str(refusal.value)


def test_names_and_services_choose_rows() -> None:
    chosen = choose(TABLE, ["echo", "rpc"], ["twisted", "epoll"])
    assert [(one.service, one.name) for one in chosen] == [
        ("echo", "twisted"),
        ("echo", "epoll"),
        ("rpc", "twisted"),
    ]


@pytest.mark.parametrize(("services", "only"), [(["echo", "gopher"], []), (["echo"], ["nobody"])])
def test_an_unknown_name_is_an_error_that_lists_the_known(services: list[str], only: list[str]) -> None:
    with pytest.raises(BadContender, match=r"--(services|only): unknown: '(gopher|nobody)' \(known: "):
        choose(TABLE, services, only)


def test_two_of_one_name_are_refused() -> None:
    with pytest.raises(BadContender, match="--contender mine: there are two of that name"):
        all_yours(["mine=a {port}", "mine=b {port}"], "echo", 1000, SERVICES)


def test_one_that_would_not_be_measured_is_refused() -> None:
    with pytest.raises(BadContender, match="--contender mine serves rpc, which --services leaves out"):
        all_yours(["mine=a {port}"], "rpc", 1000, ["echo"])


def test_who_was_added_is_in_whoever_else_is_chosen() -> None:
    (own,) = all_yours(["mine=a {port}"], "echo", 1000, SERVICES)
    assert [one.name for one in choose([*TABLE, own], SERVICES, ["epoll"])] == ["epoll", "mine"]


def test_a_contender_of_the_users_says_how_much_it_takes() -> None:
    assert yours("mine=a {port}", "echo", 1).note == "1 connection at most"
    assert yours("mine=a {port}", "echo", 40).connections == 40
    assert yours("mine=a {port}", "echo").note == ""


def test_each_takes_the_connections_that_it_can() -> None:
    """One at a time, 1,024 descriptors less its own, 40 children."""
    takes = {one.name: one.connections for one in TABLE if one.service == "echo" and one.note}
    assert (takes["blocking"], takes["select"], takes["forks"]) == (1, 1010, 40)


NODELAY = ("TCP_NODELAY", "setTcpNoDelay(True)", "disable_nagle_algorithm = True", "asyncio")


@pytest.mark.parametrize("script", sorted(BARE.glob("*_*.py")), ids=lambda path: path.stem)
def test_everybody_sets_tcp_nodelay(script: Path) -> None:
    """Rule 4.  asyncio does so by itself, and pyftpdlib, too."""
    if not script.stem.startswith(("__", "udp_", "ftp_pyftpdlib")):
        assert any(word in script.read_text() for word in NODELAY)


def test_every_service_has_both_of_ours_and_a_name_once() -> None:
    for service in SERVICES:
        names = [one.name for one in TABLE if one.service == service]
        assert {"twisted", "gevent"} <= set(names)
        assert len(names) == len(set(names))


@pytest.mark.parametrize("script", sorted(BARE.glob("*_*.py")), ids=lambda path: path.stem)
def test_a_bare_server_is_a_page_that_prints_nothing(script: Path) -> None:
    """Each has the structure its framework's documentation shows; none pays for printing."""
    if script.stem == "__init__":
        return
    text = script.read_text()
    assert len(text.splitlines()) <= (60 if script.stem.startswith(("chat_", "ftp_")) else 30)
    assert "print(" not in text
    if script.stem.startswith("echo_") and "socketserver" not in text:
        assert "65536" in text or "twisted" in script.stem  # Twisted reads 65,536 by itself
