"""`python -m gevent_impl call`: a call from a shell, to either server."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import servers
from tests.rpc_clients import TOKEN, Peer
from tests.scripted import Scripted, answering, where
from tests.servers import Certificate, Running


def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """As a person would type it."""
    known = {name: value for name, value in os.environ.items() if name != "TWOFOLD_TOKEN"}
    return subprocess.run(
        [sys.executable, "-m", "gevent_impl", "call", *arguments],
        capture_output=True,
        text=True,
        timeout=servers.PATIENCE,
        env=known | environment,
        stdin=subprocess.DEVNULL,
    )


def result(*arguments: str, **environment: str) -> object:
    """What a call that succeeds prints: one JSON text on one line, and nothing else."""
    done = call(*arguments, **environment)
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout.count("\n") == 1
    return json.loads(done.stdout)


@pytest.mark.parametrize("over", ["tcp", "tls", "unix"])
def test_a_result_goes_to_standard_output(rpc: Running, certificate: Certificate, over: str) -> None:
    assert result(where(rpc, over, certificate if over == "tls" else None), "add", "1", "2") == 3


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        ((), None),
        (("value=5",), 5),
        (("value=tea=hot",), "tea=hot"),
        (("tea",), "tea"),
        (('"5"',), "5"),
        (('{"a": [1, null, "é"]}',), {"a": [1, None, "é"]}),
        (("true",), True),
        (("1=2",), "1=2"),
        (("{not json",), "{not json"),
        (("--", "-5"), -5),
    ],
)
def test_an_argument_is_json_or_else_a_string(
    rpc: Running, arguments: tuple[str, ...], value: object
) -> None:
    assert result(where(rpc, "tcp"), "echo", *arguments) == value


def test_a_result_can_be_spread_over_lines(rpc: Running) -> None:
    done = call(where(rpc, "tcp"), "--indent", "echo", '{"a":[1,2]}')
    assert done.stdout == '{\n  "a": [\n    1,\n    2\n  ]\n}\n'


def test_the_methods_can_be_discovered(rpc: Running) -> None:
    document = result(where(rpc, "tcp"), "rpc.discover")
    assert isinstance(document, dict)
    assert re.fullmatch(r"1\.\d+\.\d+", document["openrpc"])
    assert {"add", "rpc.discover"} <= {method["name"] for method in document["methods"]}


def test_the_token_comes_from_the_environment(rpc: Running) -> None:
    """Not from the command line, which everybody can read (ps)."""
    assert result(where(rpc, "tcp"), "secret", TWOFOLD_TOKEN=TOKEN) == "blue"
    done = call(where(rpc, "tcp"), "secret", TWOFOLD_TOKEN="wrong token")
    assert (done.stdout, done.returncode) == ("", 1)
    assert done.stderr.endswith("error -32004: Authentication required\n")
    assert "Authentication failed (-32005)" in done.stderr
    assert "wrong token" not in done.stderr


# -- errors --------------------------------------------------------------------------------


def failed(*arguments: str) -> str:
    """What a call that fails prints: one line on standard error."""
    done = call(*arguments)
    assert (done.stdout, done.returncode) == ("", 1), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr.rstrip("\n")


def test_the_servers_error_goes_to_standard_error(rpc: Running) -> None:
    address = where(rpc, "tcp")
    assert failed(address, "no such") == "error -32601: Method not found"
    assert failed(address, "refuse") == 'error 42: Out of tea {"tin":"blue"}'
    expected = '{"parameter":"b","expected":"int","problem":"missing"}'
    assert failed(address, "add", "a=1") == f"error -32602: Invalid params {expected}"


def test_what_else_can_go_wrong_is_one_line_as_well(
    rpc: Running, certificate: Certificate, tmp_path: Path, gate: str
) -> None:
    with Scripted(answering(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server:
        nobody = server.address
        assert failed(nobody, "add") == (
            "error: the server sent what is not JSON-RPC: b'HTTP/1.1 400 Bad Request'"
        )
    assert failed(nobody, "add") == f"error: {nobody}: Connection refused"
    path = tmp_path / "none"
    assert failed(f"unix://{path}", "add") == f"error: unix://{path}: No such file or directory"
    assert "certificate verify failed" in failed(where(rpc, "tls"), "add")
    assert "tea.example" in failed(where(rpc, "tls", certificate, name="tea.example"), "add")
    assert failed(where(rpc, "tcp"), "--timeout", "0.2", "hold", gate) == "error: hold: no answer in time"
    with Scripted(lambda client: client.read_line()) as server:
        assert failed(server.address, "add") == "error: the connection ended first: closed"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Missing argument"),
        (("tcp://127.0.0.1:7008",), "Missing argument 'METHOD'"),
        (("127.0.0.1:7008", "add"), "127.0.0.1:7008: expected one of tcp://HOST:PORT"),
        (("tcp://127.0.0.1", "add"), "tcp://127.0.0.1: expected tcp://HOST:PORT"),
        (("udp://127.0.0.1:7", "add"), "expected one of"),
        (("tls://127.0.0.1:7?cert=x", "add"), "unknown parameter 'cert' (known for tls: ca, name)"),
        (("--timeout", "soon", "tcp://127.0.0.1:7008", "add"), "--timeout"),
        (("--timeout", "0", "tcp://127.0.0.1:7008", "add"), "--timeout"),
    ],
)
def test_a_call_that_cannot_be_meant_is_a_usage_error(arguments: tuple[str, ...], words: str) -> None:
    done = call(*arguments)
    assert (done.stdout, done.returncode, done.stderr.count("\n")) == ("", 2, 1)
    assert words in done.stderr


def test_an_argument_that_is_not_utf_8_is_a_usage_error(rpc: Running) -> None:
    done = call(where(rpc, "tcp"), "echo", os.fsdecode(b"\xff"))
    assert (done.stdout, done.returncode) == ("", 2)
    assert done.stderr == "a lone surrogate has no place in UTF-8\n"


def test_it_can_be_interrupted(rpc: Running, gate: str) -> None:
    """Ctrl-C: no traceback, and the server is told."""
    watcher = Peer(rpc.connect())
    process = subprocess.Popen(
        [sys.executable, "-m", "gevent_impl", "call", where(rpc, "tcp"), "hold", gate],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        watcher.until_counted(gate, now=1)
        process.send_signal(signal.SIGINT)
        said, complaint = process.communicate(timeout=servers.PATIENCE)
    finally:
        process.kill()
        process.communicate()
    assert (said, complaint, process.returncode) == ("", "", 128 + signal.SIGINT)
    watcher.until_counted(gate, now=0, cancelled=1)
    watcher.end()
