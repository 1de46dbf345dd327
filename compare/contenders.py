"""Who is compared: a table, one row for each service that a contender serves.

In a command, `{port}` is where to listen on 127.0.0.1; `{cert}` and `{key}` are PEM files, and
`{config}` is a file with the contender's own settings; `{root}` is the folder that FTP servers serve.
"""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from compare.results import Kind

SERVICES = ("echo", "udp", "tls", "rpc", "chat", "files")
"""echo over TCP, over UDP, over TLS; JSON-RPC's (or AMP's) add(1, 2); a channel of IRC; and FTP."""

HERE = Path(__file__).parent
BARE = HERE / "bare"
DIALECTS = {"rpc": "jsonrpc", "chat": "irc", "files": "ftp"}
"""Of a service's wire, where it is not echo's."""

ANY = 1_000_000


@dataclass(frozen=True, slots=True)
class Contender:
    """How to start one server, and what it can take."""

    name: str
    service: str
    kind: Kind
    framework: str
    command: tuple[str, ...]
    connections: int = ANY
    dialect: str = "echo"  # of its wire: echo, jsonrpc, amp, irc, ftp
    note: str = ""
    config: str = ""  # what its file of settings says, if it has one; {port} and the others as in the command


class BadContender(ValueError):
    """A contender of the user's that can't be meant; the text is one line."""


def _script(name: str, *more: str) -> tuple[str, ...]:
    return (sys.executable, str(BARE / f"{name}.py"), "{port}", *more)


def _twistd(*arguments: str) -> tuple[str, ...]:
    beside = Path(sys.executable).with_name("twistd")
    start = (
        (str(beside),)
        if beside.exists()
        else (
            sys.executable,
            "-c",
            "from twisted.scripts.twistd import run; run()",
        )
    )
    return (*start, "-n", "--pidfile=", *arguments)


def _gevent(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "gevent_impl", *arguments)


def installed(program: str) -> str:
    """Where a server's program is: in folders, too, that only an administrator's PATH names."""
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin") or program


def _ours(service: str, *arguments: str, note: str = "", config: str = "") -> list[Contender]:
    return [
        Contender(
            *(name, service, "ours", framework, launcher(*arguments)),
            dialect=DIALECTS.get(service, "echo"),
            note=note,
            config=config,
        )
        for name, framework, launcher in (("twisted", "Twisted", _twistd), ("gevent", "gevent", _gevent))
    ]


NGIRCD = """\
[Global]
Name = irc.example.org
Listen = 127.0.0.1
Ports = {port}
[Limits]
MaxConnections = 0
MaxConnectionsIP = 0
MaxJoins = 0
MaxPenaltyTime = 0
[Options]
DNS = no
Ident = no
PAM = no
"""
"""Nobody is looked up, limited or slowed down; all else is as it comes."""

FILES = """\
[files]
listen = ["tcp://127.0.0.1:{port}"]
root = "{root}"
anonymous = "read-only"
[files.limits]
connections = 10000
[files.tls]
certificate = "{cert}"
key = "{key}"
[files.users.ftp]
password = "files"
permissions = ["all"]
"""
"""Uploads are hidden until they are whole, deadlines are on: as it comes."""

VSFTPD = """\
listen=YES
listen_address=127.0.0.1
listen_port={port}
background=NO
run_as_launching_user=YES
max_clients=0
max_per_ip=0
anon_root={root}
anon_world_readable_only=NO
write_enable=YES
anon_upload_enable=YES
anon_other_write_enable=YES
ssl_enable=YES
allow_anon_ssl=YES
require_ssl_reuse=NO
rsa_cert_file={cert}
rsa_private_key_file={key}
"""
"""Anonymous may do all that the user `ftp` may elsewhere, and anybody can start it."""

# Idle deadlines are on for ours: what they cost belongs to the price.
_IDLE = ("--limits-idle", "300")

TABLE: tuple[Contender, ...] = (
    *_ours("echo", "echo", "--listen", "tcp://127.0.0.1:{port}", *_IDLE),
    Contender("bare-twisted", "echo", "bare", "Twisted", _script("echo_twisted")),
    Contender("bare-gevent", "echo", "bare", "gevent", _script("echo_gevent")),
    Contender("epoll", "echo", "control", "sockets", _script("echo_epoll"), note="the floor"),
    Contender("poll", "echo", "control", "sockets", _script("echo_poll")),
    Contender(
        "select", "echo", "control", "sockets", _script("echo_select"), 1010, note="1,024 descriptors at most"
    ),
    Contender(
        "blocking", "echo", "control", "sockets", _script("echo_blocking"), 1, note="one client at a time"
    ),
    Contender("threads", "echo", "control", "socketserver", _script("echo_threads")),
    Contender(
        "forks", "echo", "control", "socketserver", _script("echo_forks"), 40, note="40 children at most"
    ),
    Contender("asyncore", "echo", "control", "asyncore", _script("echo_asyncore")),
    Contender("asyncio", "echo", "peer", "asyncio", _script("echo_asyncio")),
    Contender("asyncio-streams", "echo", "peer", "asyncio", _script("echo_asyncio_streams")),
    Contender(
        "uvloop", "echo", "peer", "uvloop", _script("echo_asyncio", "uvloop"), note="reads 256 KB at a time"
    ),
    *_ours("udp", "echo", "--listen", "udp://127.0.0.1:{port}"),
    Contender("bare-twisted", "udp", "bare", "Twisted", _script("udp_twisted")),
    Contender("bare-gevent", "udp", "bare", "gevent", _script("udp_gevent")),
    Contender("blocking", "udp", "control", "sockets", _script("udp_blocking"), note="the floor"),
    Contender("threads", "udp", "control", "socketserver", _script("udp_threads")),
    Contender("asyncio", "udp", "peer", "asyncio", _script("udp_asyncio")),
    *_ours("tls", "echo", "--listen", "tls://127.0.0.1:{port}?cert={cert}&key={key}", *_IDLE),
    Contender("bare-twisted", "tls", "bare", "Twisted", _script("echo_twisted", "{cert}", "{key}")),
    Contender("bare-gevent", "tls", "bare", "gevent", _script("echo_gevent", "{cert}", "{key}")),
    *_ours("rpc", "rpc", "--listen", "tcp://127.0.0.1:{port}"),
    Contender("amp", "rpc", "bare", "Twisted", _script("rpc_amp"), dialect="amp", note="AMP, not JSON-RPC"),
    Contender("aiorpcx", "rpc", "peer", "aiorpcX", _script("rpc_aiorpcx"), dialect="jsonrpc"),
    *_ours(
        "chat",
        *("chat", "--listen", "tcp://127.0.0.1:{port}", "--flood-enabled", "false"),
        note="flood control off, as in all others",
    ),
    Contender("bare-twisted", "chat", "bare", "Twisted", _script("chat_twisted"), dialect="irc"),
    Contender("bare-gevent", "chat", "bare", "gevent", _script("chat_gevent"), dialect="irc"),
    Contender("words", "chat", "peer", "Twisted", _script("chat_words"), dialect="irc", note="Twisted's own"),
    Contender(
        "ngircd",
        "chat",
        "peer",
        "C",
        (installed("ngircd"), "-n", "-f", "{config}"),
        dialect="irc",
        note="sets no TCP_NODELAY: many lines in flight wait for acknowledgements",
        config=NGIRCD,
    ),
    *_ours("files", "files", "--config", "{config}", config=FILES),
    Contender(
        *("twisted-ftp", "files", "bare", "Twisted", _script("ftp_twisted", "{root}")),
        dialect="ftp",
        note="Twisted's own, with TCP_NODELAY",
    ),
    Contender(
        *("pyftpdlib", "files", "peer", "pyftpdlib", _script("ftp_pyftpdlib", "{root}", "{cert}", "{key}")),
        dialect="ftp",
    ),
    Contender(
        *("vsftpd", "files", "peer", "C", (installed("vsftpd"), "{config}"), 100),
        dialect="ftp",
        note="a process for each session: 100 of them for memory",
        config=VSFTPD,
    ),
)


def yours(text: str, service: str, takes: int = ANY) -> Contender:
    """A contender from `NAME='COMMAND {port}'`, of so many connections.  Raises BadContender."""
    name, equals, command = text.partition("=")
    name = name.strip()
    if not equals or not name:
        raise BadContender(f"--contender {text!r}: expected NAME='COMMAND {{port}}'")
    if not re.fullmatch(r"[\w.+-]{1,24}", name):
        raise BadContender(f"--contender {name!r}: a name is up to 24 letters, digits and . + - _")
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise BadContender(f"--contender {name}: {error}") from None
    if not any("{port}" in word for word in words):
        raise BadContender(f"--contender {name}: the command does not say {{port}}")
    if service not in SERVICES:
        raise BadContender(f"--serves {service}: expected one of {', '.join(SERVICES)}")
    if any((one.name, one.service) == (name, service) for one in TABLE):
        raise BadContender(f"--contender {name}: there is a contender of that name already")
    note = "" if takes == ANY else f"{takes:,} connection{'s' if takes != 1 else ''} at most"
    return Contender(
        *(name, service, "yours", "yours", words, takes), dialect=DIALECTS.get(service, "echo"), note=note
    )


def all_yours(texts: Iterable[str], service: str, takes: int, services: Iterable[str]) -> list[Contender]:
    """All that the user adds, where their service is one that is measured.  Raises BadContender."""
    found = [yours(text, service, takes) for text in texts]
    names = [one.name for one in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise BadContender(f"--contender {twice[0]}: there are two of that name")
    if found and service not in services:
        raise BadContender(f"--contender {names[0]} serves {service}, which --services leaves out")
    return found


def choose(table: Iterable[Contender], services: Iterable[str], only: Iterable[str]) -> list[Contender]:
    """The rows that were asked for, and the user's own, in the table's order.

    Raises BadContender for unknown names.
    """
    table, services, only = list(table), set(services), set(only)
    asked = (("--services", services, set(SERVICES)), ("--only", only, {one.name for one in table}))
    for option, names, known in asked:
        if unknown := sorted(names - known):
            raise BadContender(f"{option}: unknown: {unknown[0]!r} (known: {', '.join(sorted(known))})")
    return [
        one
        for one in table
        if one.service in services and (not only or one.name in only or one.kind == "yours")
    ]
