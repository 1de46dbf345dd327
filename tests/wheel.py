"""The wheel, installed where the sources are not: tox's `wheel` environment runs this file.

Not named test_*: from the sources it would prove nothing.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import protocols

SOURCES = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
LAUNCHERS = {
    "twisted": (str(BIN / "twistd"), "-n", "--pidfile="),
    "gevent": (sys.executable, "-m", "gevent_impl"),
}
TIMEOUT = 20.0

launchers = pytest.mark.parametrize("launcher", LAUNCHERS)


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)


@contextmanager
def serving(launcher: str, service: str) -> Iterator[int]:
    """The port of a server, which must stop with status 0 and no traceback."""
    command = [*LAUNCHERS[launcher], service, "--listen", "tcp://127.0.0.1:0"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    try:
        line = server.stderr.readline()
        listening = re.fullmatch(r"listening on tcp://127\.0\.0\.1:(\d+)\n", line)
        assert listening, line + server.stderr.read()
        yield int(listening[1])
        server.send_signal(signal.SIGTERM)
        said = server.communicate(timeout=TIMEOUT)[1]
        assert "Traceback" not in said
        assert server.returncode == 0, said
    finally:
        server.kill()
        server.communicate()


def test_what_is_imported_is_the_wheel() -> None:
    assert "site-packages" in Path(protocols.__file__).parts
    assert not any((Path(entry) / "toxfile.py").exists() for entry in sys.path)


def test_twistd_lists_the_services() -> None:
    said = run(LAUNCHERS["twisted"][0], "--help").stdout
    for service in ("echo", "rpc"):
        assert re.search(rf"^ +{service} ", said, re.MULTILINE), said


def test_gevent_lists_the_services_and_the_client() -> None:
    said = run(*LAUNCHERS["gevent"], "--help").stdout
    for command in ("echo", "rpc", "call"):
        assert re.search(rf"^ +{command} ", said, re.MULTILINE), said


@launchers
def test_echo_answers(launcher: str) -> None:
    with serving(launcher, "echo") as port, socket.create_connection(("127.0.0.1", port), TIMEOUT) as peer:
        peer.sendall(b"hello")
        peer.shutdown(socket.SHUT_WR)
        with peer.makefile("rb") as said:
            assert said.read() == b"hello"


@launchers
def test_rpc_answers_the_client(launcher: str) -> None:
    with serving(launcher, "rpc") as port:
        done = run(*LAUNCHERS["gevent"], "call", f"tcp://127.0.0.1:{port}", "add", "1", "2")
        assert (done.stdout, done.stderr, done.returncode) == ("3\n", "", 0)
        done = run(*LAUNCHERS["gevent"], "call", f"tcp://127.0.0.1:{port}", "rpc.discover")
        assert json.loads(done.stdout)["openrpc"]


def test_the_packages_carry_their_types_and_templates() -> None:
    home = Path(protocols.__file__).resolve().parent
    for package in ("protocols", "stores", "twisted_impl", "gevent_impl", "compare"):
        assert (home.parent / package / "py.typed").exists(), package
    templates = SOURCES / "compare" / "templates"
    for template in sorted(one.relative_to(SOURCES) for one in templates.rglob("*") if one.is_file()):
        assert (home.parent / template).exists(), template


def test_no_file_of_twisted_is_replaced() -> None:
    """twisted/plugins takes one drop-in, and no __init__.py: it is not a package of ours."""
    site = Path(protocols.__file__).resolve().parents[1]
    records = [
        line.split(",")[0]
        for record in site.glob("twofold-*.dist-info/RECORD")
        for line in record.read_text().splitlines()
    ]
    ours = [name for name in records if name.startswith("twisted" + os.sep)]
    assert [name for name in ours if not name.endswith(".pyc")] == ["twisted/plugins/twofold_plugin.py"]


def test_twofold_without_its_extra_says_what_to_install() -> None:
    asked = run(str(BIN / "twofold"), "compare", "--list")
    assert asked.returncode == 1
    assert "pip install 'twofold[compare]'" in asked.stderr
    assert "Traceback" not in asked.stderr
