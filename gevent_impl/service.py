"""A running service: its listeners, its signals, its end."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from ssl import SSLContext
from types import FrameType
from typing import Any, Protocol, TypeAlias

from gevent import get_hub
from gevent.event import Event

from gevent_impl.driver import Driver
from gevent_impl.listen import listen
from gevent_impl.session import READ
from protocols import launch
from protocols.listen import Address, CannotListen
from protocols.session import Host
from protocols.settings import Settings, SettingsError
from protocols.tls import TLSError


class Listener(Protocol):
    """What is open: a StreamServer or a DatagramServer."""

    where: Address

    def certificate(self) -> SSLContext | None: ...
    def use(self, context: SSLContext | None) -> None: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...


Load: TypeAlias = Callable[[], Settings]
MakeServer: TypeAlias = Callable[[Any, Host], Any]
MakeDriver: TypeAlias = Callable[[Callable[[Host], Any]], Driver]
OpenListener: TypeAlias = Callable[[Driver, Address], Listener]


class Service:
    """One service, from its settings to its end.  `load` reads the settings, now and at SIGHUP.

    `source` names the settings' file, if there is one.
    """

    def __init__(
        self,
        load: Load,
        source: str | None,
        make_server: MakeServer,
        open_listener: OpenListener = listen,
        make_driver: MakeDriver = Driver,
    ) -> None:
        self.load = load
        self.source = source
        self.settings = load()
        self.driver = make_driver(lambda host: make_server(self.settings, host))
        self.listeners: list[Listener] = []
        self._open_listener = open_listener
        self._loop = get_hub().loop
        self._stop = Event()
        self._stopping = False

    def open(self, addresses: Sequence[Address]) -> None:
        """Open every listener, or none.  Raises CannotListen."""
        try:
            for address in addresses:
                self.listeners.append(self._open_listener(self.driver, address))
        except CannotListen:
            self._close()
            raise
        self._take_signals()
        for listener in self.listeners:
            listener.start()
            say(launch.listening(listener.where))

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then let what is in flight finish."""
        self._stop.wait()
        self._close()
        self.driver.tell_drained()
        seconds = self.settings.drain_timeout
        if words := launch.stopping(self.driver.unfinished, seconds):
            say(words)
        cut = self.driver.drain(seconds)
        get_hub().threadpool.apply(self.driver.server.close)
        say(launch.stopped(cut))

    def _close(self) -> None:
        for listener in self.listeners:
            listener.stop()

    def _take_signals(self) -> None:
        # Python's handlers run between two of its instructions.  A signal that comes when the last of
        # them is over and the loop is about to wait would be noticed at the next event, whenever that
        # is: so every signal is an event, on a descriptor of its own (signal.set_wakeup_fd).
        self._woken, self._waker = socket.socketpair()
        self._woken.setblocking(False)
        self._waker.setblocking(False)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        self._wake = self._loop.io(self._woken.fileno(), READ)
        self._wake.start(self._woken.recv, 64)
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, self._signalled)
        signal.signal(signal.SIGHUP, self._hung_up)

    def _signalled(self, signum: int, frame: FrameType | None) -> None:
        if self._stopping:
            os._exit(128 + signum)  # now, even with a thread stuck
        self._stopping = True
        self._loop.run_callback_threadsafe(self._stop.set)

    def _hung_up(self, signum: int, frame: FrameType | None) -> None:
        self.reread_soon()

    def reread_soon(self) -> None:
        """As SIGHUP does; callable from any thread."""
        self._loop.run_callback_threadsafe(self.reread)

    def reread(self) -> None:
        """SIGHUP: take the settings and the certificates as they are now; all of them, or nothing."""
        try:
            settings = self.load()
            certificates = [one.certificate() for one in self.listeners]
        except (SettingsError, TLSError) as error:
            say(launch.not_reread(error))
            return
        changed = settings.listen != self.settings.listen
        self.settings = settings
        self.driver.reload(settings)
        for listener, certificate in zip(self.listeners, certificates, strict=True):
            listener.use(certificate)
        say(launch.reread(self.source, changed))


def say(line: str) -> None:
    """One line to descriptor 2."""
    print(line, file=sys.stderr, flush=True)
