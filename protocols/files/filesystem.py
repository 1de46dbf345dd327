"""Commands about names and directories: all that is answered on the control connection alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from protocols.files.digest import ALGORITHMS, Digest
from protocols.files.listing import facts, parse_time, time_value
from protocols.files.paths import quoted, shown
from protocols.files.replies import Refusal, lines, refusal
from protocols.files.store import Entry, Path, Problem
from protocols.session import Call

if TYPE_CHECKING:
    from protocols.files.session import FilesSession

_MODE: Final = re.compile(r"[0-7]{3,4}", re.ASCII)


def _other_than_home(session: FilesSession, argument: str) -> Path:
    """A name that may be changed or removed: the home is not the user's to do that to."""
    path = session.path(argument)
    if not path:
        raise refusal(Problem.DENIED)
    return path


def _reply(session: FilesSession, code: int, text: str) -> Callable[[Any, float], None]:
    return lambda _, now: session.reply(code, text)


# -- directories -------------------------------------------------------------------------


def cwd(session: FilesSession, argument: str, now: float) -> None:
    """RFC 959 §4.1.1."""
    path = session.path(argument)

    def found(entry: Entry, now: float) -> None:
        if entry.kind != "dir":
            raise refusal(Problem.NOT_A_DIRECTORY)
        session.cwd = path
        session.reply(250, f"{quoted(path)} is the current directory.")

    session.store("stat", path, then=found, now=now)


def cdup(session: FilesSession, argument: str, now: float) -> None:
    cwd(session, "..", now)


def pwd(session: FilesSession, argument: str, now: float) -> None:
    session.reply(257, f"{quoted(session.cwd)} is the current directory.")


def mkd(session: FilesSession, argument: str, now: float) -> None:
    """RFC 959 appendix II: 257 names the directory "in double quotes", absolute."""
    path = session.path(argument)
    if not path:
        raise refusal(Problem.EXISTS)
    session.store("mkdir", path, then=_reply(session, 257, f"{quoted(path)} created."), now=now)


def rmd(session: FilesSession, argument: str, now: float) -> None:
    path = _other_than_home(session, argument)
    session.store("rmdir", path, then=_reply(session, 250, "Directory removed."), now=now)


# -- files -------------------------------------------------------------------------------


def dele(session: FilesSession, argument: str, now: float) -> None:
    path = _other_than_home(session, argument)
    session.store("remove", path, then=_reply(session, 250, "File removed."), now=now)


def rnfr(session: FilesSession, argument: str, now: float) -> None:
    """RFC 959 §4.1.3: the first half of a rename."""
    path = _other_than_home(session, argument)
    session.renaming = None

    def found(entry: Entry, now: float) -> None:
        session.renaming = path
        session.reply(350, "RNTO says the new name.")

    session.store("stat", path, then=found, now=now)


def rnto(session: FilesSession, argument: str, now: float) -> None:
    path, session.renaming = session.renaming, None
    if path is None:
        raise Refusal(503, "RNFR comes before RNTO.")
    to = _other_than_home(session, argument)
    session.store("rename", path, to, then=_reply(session, 250, "Renamed."), now=now)


def size(session: FilesSession, argument: str, now: float) -> None:
    """RFC 3659 §4: bytes "that would be transmitted", which TYPE A would have to count.

    Of an upload that was cut, those that have arrived: that is where curl and lftp go on.
    """
    if session.text:
        raise Refusal(550, "SIZE in TYPE A would have to read the file: TYPE I first.")

    def found(entry: Entry, now: float) -> None:
        if entry.kind != "file":
            raise refusal(Problem.NOT_A_FILE)
        session.told = (path, entry.size) if entry.part else None
        session.reply(213, str(entry.size))

    path = session.path(argument)
    session.store("resumable", path, then=found, now=now)


def mdtm(session: FilesSession, argument: str, now: float) -> None:
    """RFC 3659 §3; with a time in front of the path it is what others call MFMT."""
    value, _, path = argument.partition(" ")
    when = parse_time(value)
    if when is not None and path:
        session.need("mtime", f"MDTM {argument}")
        _set_time(session, when, path, f"File modification time set: {time_value(when)}", now)
        return

    def found(entry: Entry, now: float) -> None:
        session.reply(213, time_value(entry.modified))

    session.store("stat", session.path(argument), then=found, now=now)


def mfmt(session: FilesSession, argument: str, now: float) -> None:
    """draft-somers-ftp-mfxx §3."""
    value, _, path = argument.partition(" ")
    when = parse_time(value)
    if when is None or not path:
        raise Refusal(501, "Expected MFMT YYYYMMDDHHMMSS path.")
    _set_time(session, when, path, f"Modify={time_value(when)}; {path}", now)


def _set_time(session: FilesSession, when: float, path: str, said: str, now: float) -> None:
    session.store("utime", session.path(path), when, then=_reply(session, 213, said), now=now)


def chmod(session: FilesSession, argument: str, now: float) -> None:
    """SITE CHMOD mode path."""
    session.need("chmod", f"SITE CHMOD {argument}")
    mode, _, path = argument.partition(" ")
    if not _MODE.fullmatch(mode) or not path:
        raise Refusal(501, "Expected SITE CHMOD mode path, the mode in octal.")
    target = _other_than_home(session, path)
    # No bits but the nine of rwx: whoever uploads a program must not make it setuid.
    session.store("chmod", target, int(mode, 8) & 0o777, then=_reply(session, 200, "Mode changed."), now=now)


def mlst(session: FilesSession, argument: str, now: float) -> None:
    """RFC 3659 §7: the facts of one name, on the control connection."""
    path = session.path(argument)

    def found(entry: Entry, now: float) -> None:
        assert session.user is not None
        session.told = (path, entry.size) if entry.part else None
        said = facts(entry, session.user.permissions, session.facts)
        session.say(lines(250, f"Listing {shown(path)}", [f"{said} {shown(path)}"], "End"))

    session.store("resumable", path, then=found, now=now)


# -- checksums ---------------------------------------------------------------------------


def hash_(session: FilesSession, argument: str, now: float) -> None:
    """draft-bryan-ftpext-hash §3: algorithm, range, checksum and name."""
    algorithm = session.algorithm or next(iter(ALGORITHMS))

    def made(result: tuple[int, int, str], now: float) -> None:
        first, last, digest = result
        session.reply(213, f"{algorithm} {first}-{last} {digest} {argument}")

    _digest(session, argument, algorithm, made)


def xsha256(session: FilesSession, argument: str, now: float) -> None:
    """What older clients ask for, in quotes or without."""

    def made(result: tuple[int, int, str], now: float) -> None:
        session.reply(250, result[2])

    name = argument[1:-1] if len(argument) > 2 and argument[0] == argument[-1] == '"' else argument
    _digest(session, name, "SHA-256", made)


def _digest(
    session: FilesSession, name: str, algorithm: str, made: Callable[[tuple[int, int, str], float], None]
) -> None:
    first, last = session.range or (0, None)
    session.range = None
    assert session.tree is not None
    running = session.server.digests
    if len(running) >= session.server.threads // 2:
        # The other half of the threads is for passwords and directories, which take no minutes.
        raise Refusal(450, "Too many checksums are being made: try again later.")
    digest = Digest(session.tree, session.path(name), algorithm, first, last, running)
    session.digest = digest
    session.call(Call(digest), made)
