"""What `twistd` runs: the options of a service, and the Service that holds its listeners."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from getopt import GetoptError
from pathlib import Path
from types import FrameType
from typing import Any, ClassVar, NoReturn, TypeAlias

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.logger import Logger, LogLevel
from twisted.python import usage
from twisted.python.failure import Failure

from protocols import launch
from protocols.listen import Address, CannotStart
from protocols.services import Service as ServiceEntry
from protocols.session import Host
from protocols.settings import Flag, Settings, SettingsError, flags, load
from protocols.tls import TLSError
from twisted_impl.driver import Driver
from twisted_impl.listen import Listener, inherited_scheme, listen

SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
MakeServer: TypeAlias = Callable[[Any, Host], Any]
MakeDriver: TypeAlias = Callable[[Any, Callable[[Host], Any]], Driver]
OpenListener: TypeAlias = Callable[[Driver, "Address | str"], Listener]


class ServiceOptions(usage.Options):
    """The flags of one service, made from the declaration of its settings."""

    service: ServiceEntry
    settings: Settings
    synopsis: str
    longdesc: str
    optParameters: Sequence[Sequence[Any]]

    def __init_subclass__(cls) -> None:
        cls.synopsis = "[options]"
        cls.longdesc = cls.service.description
        # The values stay strings: what is impossible is told by the settings, in the same words everywhere.
        cls.optParameters = [
            ["config", None, None, f"settings, in TOML: the table [{cls.service.name}]"],
            *([flag.name, None, None, _help(flag)] for flag in cls._flags() if not flag.repeated),
        ]
        for flag in cls._flags():
            if flag.repeated:
                setattr(cls, f"opt_{flag.name.replace('-', '_')}", _repeated(flag))

    @classmethod
    def _flags(cls) -> list[Flag]:
        return flags(cls.service.settings())

    def parseOptions(self, options: Any = None) -> None:
        """As usage.Options, but what can't be meant is one line on descriptor 2, and status 2."""
        try:
            super().parseOptions(
                launch.with_values(sys.argv[1:] if options is None else options, self._flags())
            )
            self.settings = self.read()
        except usage.UsageError as error:
            fail(_usage(error), launch.BAD_SETTINGS)
        except SettingsError as error:
            fail(str(error), launch.BAD_SETTINGS)

    def parseArgs(self, *words: str) -> None:
        if words:
            raise usage.UsageError(launch.surplus(words[0]))

    def read(self) -> Settings:
        """The settings as the file and the flags say now.  Raises SettingsError."""
        config = self["config"]
        given = {flag.name: self.get(flag.name) for flag in self._flags()}
        try:
            text = None if config is None else Path(config).read_bytes()
        except OSError as error:
            raise SettingsError(f"{config}: {error.strerror}") from None
        return load(self.service.settings(), self.service.name, text=text, source=config or "", flags=given)

    def listen(self) -> list[Address | str]:
        """Where to listen; a Twisted endpoint's description stays one.  Raises SettingsError."""
        inherited = launch.inherited(_first_environment(), os.getpid())
        texts = launch.asked(self.get("listen", ()), self.settings.listen, inherited, inherited_scheme)
        return [launch.parse_all([text], self.service)[0] if "://" in text else text for text in texts]


def _first_environment() -> Mapping[str, str]:
    # Importing Twisted's endpoints takes LISTEN_FDS out of os.environ.
    try:
        text = os.fsdecode(Path("/proc/self/environ").read_bytes())
    except OSError:
        return os.environ
    return dict(line.split("=", 1) for line in text.split("\0") if "=" in line)


def _usage(error: usage.UsageError) -> str:
    """What getopt found, in the words of both launchers."""
    found = error.__context__
    if not isinstance(found, GetoptError):
        return str(error)
    flag = f"--{found.opt}" if len(found.opt) > 1 else f"-{found.opt}"
    return launch.no_value(flag) if found.msg.endswith("requires argument") else launch.unknown_flag(flag)


def _help(flag: Flag) -> str:
    default = " ".join(flag.default) if flag.repeated else flag.default
    return flag.help if default in (None, "") else f"{flag.help} [default: {default}]"


def _repeated(flag: Flag) -> Callable[[ServiceOptions, str], None]:
    def opt(self: ServiceOptions, value: str) -> None:
        self.setdefault(flag.name, []).append(value)

    opt.__doc__ = _help(flag)
    return opt


class ProtocolService(Service):
    """One of our services: open when it is made, drained when it is stopped."""

    def __init__(
        self,
        options: ServiceOptions,
        make_server: MakeServer,
        open_listener: OpenListener = listen,
        make_driver: MakeDriver = Driver,
    ) -> None:
        from twisted.internet import reactor

        self._reactor: Any = reactor
        self._options = options
        self.settings = options.settings
        self.listeners: list[Listener] = []
        self._stopping = False
        for name in ("protocols", "stores", "twofold"):
            logging.getLogger(name).addHandler(_ToTwisted())
            logging.getLogger(name).setLevel(logging.INFO)
        try:
            self.driver = make_driver(reactor, lambda host: make_server(self.settings, host))
            for address in options.listen():
                self.listeners.append(open_listener(self.driver, address))
        except SettingsError as error:
            fail(str(error), launch.BAD_SETTINGS)
        except CannotStart as error:
            self._close_at_once()
            fail(str(error), launch.OPEN_FAILED)
        # From the line below on, anybody may signal us; but until it runs, the reactor will install
        # handlers of its own over ours.  What comes before that waits for _take_signals.
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        for listener in self.listeners:
            say(launch.listening(listener.where))

    def _close_at_once(self) -> None:
        for listener in self.listeners:
            listener.stop()
        self._reactor.runUntilCurrent()  # which closes them: no socket's file is left behind

    def startService(self) -> None:
        super().startService()
        self._reactor.callWhenRunning(self._take_signals)

    def stopService(self) -> Deferred[None]:
        """Stop listening at once, then let what is in flight finish."""
        super().stopService()
        return Deferred.fromCoroutine(self._drain())

    async def _drain(self) -> None:
        for listener in self.listeners:
            await listener.stop()
        self.driver.tell_drained()
        seconds = self.settings.drain_timeout
        if words := launch.stopping(self.driver.unfinished, seconds):
            say(words)
        cut = await self.driver.drain(seconds)
        await deferToThread(self.driver.server.close)
        say(launch.stopped(cut))

    def _take_signals(self) -> None:
        # twistd's own would end with status 143, and with a traceback at the second.
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, self._signalled)
        signal.signal(signal.SIGHUP, self._hung_up)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    def _signalled(self, signum: int, frame: FrameType | None) -> None:
        if self._stopping:
            os._exit(128 + signum)  # now, even with a thread stuck
        self._stopping = True
        self._reactor.callFromThread(self._reactor.stop)

    def _hung_up(self, signum: int, frame: FrameType | None) -> None:
        self.reread_soon()

    def reread_soon(self) -> None:
        """As SIGHUP does; callable from any thread."""
        self._reactor.callFromThread(self.reread)

    def reread(self) -> None:
        """SIGHUP: take the settings and the certificates as they are now; all of them, or nothing."""
        try:
            settings = self._options.read()
            certificates = [one.certificate() for one in self.listeners]
        except (SettingsError, TLSError) as error:
            say(launch.not_reread(error))
            return
        changed = settings.listen != self.settings.listen
        self.settings = settings
        self.driver.reload(settings)
        for listener, certificate in zip(self.listeners, certificates, strict=True):
            listener.use(certificate)
        say(launch.reread(self._options["config"], changed))


class _ToTwisted(logging.Handler):
    """What the protocols log goes where Twisted's log goes."""

    LEVELS: ClassVar = {
        logging.DEBUG: LogLevel.debug,
        logging.INFO: LogLevel.info,
        logging.WARNING: LogLevel.warn,
        logging.ERROR: LogLevel.error,
        logging.CRITICAL: LogLevel.critical,
    }

    def __init__(self) -> None:
        super().__init__()
        self._logs: dict[str, Logger] = {}

    def emit(self, record: logging.LogRecord) -> None:
        log = self._logs.get(record.name)
        if log is None:
            log = self._logs[record.name] = Logger(record.name)
        level = self.LEVELS[record.levelno]
        if record.exc_info and record.exc_info[1] is not None:
            log.failure("{text}", Failure(record.exc_info[1]), level, text=record.getMessage())
        else:
            log.emit(level, "{text}", text=record.getMessage())


def say(line: str) -> None:
    """One line to descriptor 2: under `twistd -n` the log has standard output, and may take stderr."""
    os.write(2, f"{line}\n".encode())


def fail(line: str, status: int) -> NoReturn:
    """One line to descriptor 2, and this exit status."""
    say(line)
    sys.exit(status)
