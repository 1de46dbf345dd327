"""What both launchers say and decide alike, so that only how they run differs.

Words go to descriptor 2, one line each: a person reads them, and supervisors match them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from protocols.listen import Address, AddressError, parse_listen
from protocols.services import Service
from protocols.settings import Flag, SettingsError

OPEN_FAILED = 1
"""Exit status when a listener, or what the service keeps, can't be opened."""
BAD_SETTINGS = 2
"""Exit status when what was asked for can't be meant."""


def listening(where: object) -> str:
    """Once bound, one line for each listener."""
    return f"listening on {where}"


def stopping(connections: int, seconds: float) -> str | None:
    """At the signal: what is waited for, if anything is."""
    if not connections:
        return None
    return f"stopping: {_connections(connections)} to finish within {seconds:g} s"


def stopped(cut: int) -> str:
    """The last line."""
    return f"stopped: {_connections(cut)} cut off" if cut else "stopped"


def reread(source: str | None, listen_changed: bool) -> str:
    """At SIGHUP: the settings, if there is a file, and the certificates were read again."""
    what = f"reread {source} and the certificates" if source else "reread the certificates"
    return f"{what}; listen has changed: restart to apply it" if listen_changed else what


def not_reread(why: object) -> str:
    """At SIGHUP, when what is there now can't be used."""
    return f"nothing was reread, and what was in force stays: {why}"


def unknown_flag(flag: str) -> str:
    """A flag that there is not."""
    return f"{flag}: unknown flag"


def no_value(flag: str) -> str:
    """A flag that came last, without what belongs to it."""
    return f"{flag}: needs a value"


def with_values(words: Sequence[str], flags: Iterable[Flag]) -> list[str]:
    """The command line, in which a boolean flag may stand alone: `--write` is `--write=true`."""
    alone = {f"--{flag.name}" for flag in flags if flag.type is bool}
    return [
        f"{word}=true" if word in alone and after.startswith("-") else word
        for word, after in zip(words, [*words[1:], "-"], strict=False)
    ]


def surplus(word: str) -> str:
    """A word that belongs to no flag."""
    return f"{word}: unexpected, every setting is a flag"


def _connections(number: int) -> str:
    return "1 connection" if number == 1 else f"{number} connections"


def asked(
    flag: Sequence[str], configured: Sequence[str], inherited: Iterable[int], scheme: Callable[[int], str]
) -> Sequence[str]:
    """Where to listen: the flags, or else what a supervisor opened for us, or else the settings.

    `scheme` tells what an inherited descriptor is.
    """
    return flag or [f"{scheme(fd)}://?fd={fd}" for fd in inherited] or configured


def parse_all(listen: Sequence[str], service: Service) -> list[Address]:
    """Every address of a service's `listen` setting.  Raises SettingsError."""
    try:
        return [parse_listen(text, service.schemes, service.proxy) for text in listen]
    except AddressError as error:
        raise SettingsError(str(error)) from None


def inherited(environ: Mapping[str, str], pid: int) -> range:
    """The listening descriptors that a supervisor passed to this process (sd_listen_fds(3))."""
    try:
        if int(environ.get("LISTEN_PID", "0")) != pid:
            return range(0)
        return range(3, 3 + int(environ.get("LISTEN_FDS", "0")))
    except ValueError:
        return range(0)
