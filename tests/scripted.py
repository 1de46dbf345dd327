"""Servers for the clients: one whose every word a test chooses, and one that comes back on its port."""

from __future__ import annotations

import os
import re
import signal
import socket
import threading
from collections.abc import Callable
from typing import Any

from tests import servers
from tests.clients import PATIENCE, Client
from tests.rpc_clients import methods
from tests.servers import Certificate, Running

Play = Callable[[Client], object]


class Scripted:
    """Listens, and plays each connection in turn, in a thread of its own; then closes it.

    After the last play it goes on with that one.  A context manager, at whose end it is an
    error if a play failed.
    """

    def __init__(self, *plays: Play) -> None:
        self._plays = list(plays)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._accepted = threading.Condition()
        self._ports: list[int] = []
        """Those of the clients that were accepted."""
        host, port = self._listening.getsockname()
        self.address = f"tcp://{host}:{port}"
        self.tls_address = f"tls://{host}:{port}"

    def _run(self) -> None:
        while True:
            try:
                sock, (_, port) = self._listening.accept()
            except OSError:
                return  # shut: this is the end
            with self._accepted:
                self._ports.append(port)
                self._accepted.notify_all()
            with Client(sock) as client:
                play = self._plays.pop(0) if len(self._plays) > 1 else self._plays[0]
                try:
                    play(client)
                except (ConnectionError, EOFError):
                    pass  # the client went away, which it may
                except BaseException as error:
                    self._error = error
                    return

    def wait_for(self, connections: int) -> None:
        """Until so many have been accepted."""
        with self._accepted:
            assert self._accepted.wait_for(lambda: len(self._ports) >= connections, PATIENCE)

    def count(self) -> int:
        """How many have connected, once their plays are over: we come behind them, and they in turn."""
        with socket.create_connection(self._listening.getsockname()) as ours, self._accepted:
            port = ours.getsockname()[1]
            assert self._accepted.wait_for(lambda: port in self._ports, PATIENCE)
            return self._ports.index(port)

    def __enter__(self) -> Scripted:
        self._thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        if kind is None:
            self._thread.join(PATIENCE)
            assert not self._thread.is_alive(), "the client has not gone"
        self._listening.close()
        if kind is None and self._error is not None:
            raise self._error


def until_end(client: Client) -> None:
    """Read what the client sends, and say nothing, until it goes."""
    try:
        client.read_to_end()
    except ConnectionResetError:
        pass


def answering(*lines: bytes) -> Play:
    """For each line that comes one of these goes; then nothing more until the client goes."""

    def play(client: Client) -> None:
        for line in lines:
            client.read_line()
            client.send(line)
        until_end(client)

    return play


class Restartable:
    """A server of the tests' methods that is stopped, and started again on the same port."""

    def __init__(self, implementation: str, *flags: str) -> None:
        self._implementation = implementation
        self._flags = ("--service", methods(implementation), *flags)
        self._port = 0
        self.running = self.start()

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self._port}"

    def start(self) -> Running:
        self.running = servers.start(
            self._implementation, "rpc", *self._flags, "--listen", self.address, listen=(), warm=False
        )
        self.running.wait_for("listening on")
        found = re.search(r"listening on tcp://127\.0\.0\.1:(\d+)", self.running.stderr)
        assert found
        self._port = int(found[1])
        self.running.where["tcp"] = socket.AF_INET, ("127.0.0.1", self._port)
        return self.running

    def stop(self) -> None:
        self.running.signal(signal.SIGTERM)
        self.running.ended()

    def __enter__(self) -> Restartable:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self.stop()
        finally:
            self.running.kill()


def where(running: Running, over: str, certificate: Certificate | None = None, name: str = "") -> str:
    """The address of a server, as a client takes it."""
    address: Any = running.where[over][1]
    if over == "unix":
        return f"unix://{address}"
    host, port = address
    query = ""
    if certificate is not None:
        query = f"?ca={certificate.ca}" + (f"&name={name}" if name else "")
    return f"{over}://{host}:{port}{query}"


def descriptors() -> list[str]:
    """What is open in this process."""
    found = []
    for one in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink(f"/proc/self/fd/{one}"))
        except FileNotFoundError:
            pass  # the folder's own
    return sorted(found)
