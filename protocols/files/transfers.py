"""Transfers from the command to the last reply: RETR, STOR, APPE, STOU, LIST, NLST, MLSD, ABOR.

150 is sent with `Begin`, not when the connection is there: a client that has connected already begins its
TLS handshake at 150, and one that waits to be connected to listens for it.  The reply at the end is the
only word of how it went.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from protocols.files.listing import One, Text, facts_line, is_pattern, list_line, name_line
from protocols.files.orders import Begin, CancelTransfer, Listen, Outcome
from protocols.files.paths import printable, shown
from protocols.files.replies import OUTCOMES, Refusal, refusal
from protocols.files.store import Entry, How, Listing, Path, Problem, Reader, StoreError, Writer
from protocols.files.transfer import Download, Terms, Upload, open_download

if TYPE_CHECKING:
    from protocols.files.session import FilesSession

log = logging.getLogger("protocols.files")

Line = Callable[[Entry], str]


# -- files -------------------------------------------------------------------------------


def retr(session: FilesSession, argument: str, now: float) -> None:
    """RFC 959 §4.1.3."""
    offset, count = _begin(session, now)
    _needs_bytes(session, offset)
    path = session.path(argument)

    def opened(reader: Reader, now: float) -> None:
        told, session.told = session.told, None
        if told is not None and told[0] == path and told[1] < reader.size:
            # curl ends at the size that it was told, and calls that the whole file.
            reader.close()
            raise Refusal(450, "SIZE told of an upload that was cut: RETR again for the whole file.")
        terms = _terms(session, session.server.limits.rate_down)
        transfer = open_download(
            "RETR", shown(path), terms, reader, text=session.text, offset=offset, count=count
        )
        kind = "ASCII" if session.text else "binary"
        _move(session, transfer, f"Opening {kind} data connection for {shown(path)} ({reader.size} bytes).")

    session.store("open_read", path, offset, then=opened, now=now)


def stor(session: FilesSession, argument: str, now: float) -> None:
    """RFC 959 §4.1.3; REST keeps what comes before it (RFC 3659 §5)."""
    _upload(session, "STOR", session.path(argument), How.REPLACE, now)


def appe(session: FilesSession, argument: str, now: float) -> None:
    """RFC 959 §4.1.3."""
    _upload(session, "APPE", session.path(argument), How.APPEND, now)


def stou(session: FilesSession, argument: str, now: float) -> None:
    """RFC 1123 §4.1.2.9: a name of our own, told in 150."""
    path = session.path(argument) if argument else (*session.cwd, "upload")
    _upload(session, "STOU", path, How.UNIQUE, now)


def _upload(session: FilesSession, verb: str, path: Path, how: How, now: float) -> None:
    offset, count = _begin(session, now)
    if count is not None:
        raise Refusal(501, "RANG is for downloads and checksums.")
    if not path:
        raise refusal(Problem.IS_A_DIRECTORY)
    if how is not How.REPLACE:
        offset = 0
    session.told = None
    _needs_bytes(session, offset)

    def opened(writer: Writer, now: float) -> None:
        limits = session.server.limits
        name = shown((*path[:-1], writer.name))
        transfer = Upload(
            verb,
            name,
            _terms(session, limits.rate_up),
            writer,
            text=session.text,
            offset=writer.offset,
            most=limits.upload_bytes,
        )
        said = f"FILE: {name}" if how is How.UNIQUE else f"Opening data connection for {name}."
        _move(session, transfer, said)

    session.store("open_write", path, how, offset, then=opened, now=now)


# -- listings ----------------------------------------------------------------------------


def list_(session: FilesSession, argument: str, now: float) -> None:
    """RFC 959 §4.1.3, in the form of `ls -l`; its options are accepted and change nothing."""
    _, wall = _begin(session, now), session.server.host.wall()
    argument = _without_options(argument)
    _directory(session, "LIST", argument, lambda entry: list_line(entry, wall), now)


def nlst(session: FilesSession, argument: str, now: float) -> None:
    """RFC 959 §4.1.3: names alone."""
    _begin(session, now)
    argument = _without_options(argument)
    before = argument
    if is_pattern(argument.rpartition("/")[2]):
        before = argument.rpartition("/")[0] or ("/" if argument.startswith("/") else "")
    if before and not before.endswith("/"):
        before += "/"
    _directory(session, "NLST", argument, lambda entry: name_line(entry, before), now)


def mlsd(session: FilesSession, argument: str, now: float) -> None:
    """RFC 3659 §7: facts; 501 for what is no directory, 550 for what is not there."""
    _begin(session, now)
    assert session.user is not None
    permissions, wanted = session.user.permissions, tuple(session.facts)
    path = session.path(argument)

    def otherwise(error: StoreError, now: float) -> None:
        raise (
            Refusal(501, "Not a directory.")
            if error.problem is Problem.NOT_A_DIRECTORY
            else refusal(error.problem)
        )

    session.store(
        "list",
        path,
        then=_list_with(session, "MLSD", path, lambda entry: facts_line(entry, permissions, wanted)),
        otherwise=otherwise,
        now=now,
    )


def _without_options(argument: str) -> str:
    """`-a`, `-l`, `-la dir`: clients say them for ls.  A file of such a name is `./-a`."""
    while argument.startswith("-"):
        argument = argument.partition(" ")[2].lstrip(" ")
    return argument


def _directory(session: FilesSession, verb: str, argument: str, line: Line, now: float) -> None:
    """A directory, or else a file, or else the names that match a pattern."""
    path = session.path(argument)

    def no_directory(error: StoreError, now: float) -> None:
        if error.problem is Problem.NOT_A_DIRECTORY:
            session.store("stat", path, then=is_file, otherwise=not_there, now=now)
        else:
            not_there(error, now)

    def is_file(entry: Entry, now: float) -> None:
        # The name of a file as it was asked for can be asked for.
        _listed(session, verb, path, One(entry), line if verb == "LIST" else lambda _: f"{argument}\r\n")

    def not_there(error: StoreError, now: float) -> None:
        if error.problem is Problem.MISSING and path and is_pattern(path[-1]):
            then = _list_with(session, verb, path[:-1], line, path[-1])
            session.store("list", path[:-1], then=then, now=now)
        else:
            raise refusal(error.problem)

    session.store("list", path, then=_list_with(session, verb, path, line), otherwise=no_directory, now=now)


def _list_with(
    session: FilesSession, verb: str, path: Path, line: Line, pattern: str | None = None
) -> Callable[[Listing, float], None]:
    def opened(listing: Listing, now: float) -> None:
        _listed(session, verb, path, listing, line, pattern)

    return opened


def _listed(
    session: FilesSession, verb: str, path: Path, listing: Listing, line: Line, pattern: str | None = None
) -> None:
    # Text in any TYPE, made with CR LF: nothing is left to convert.
    source = Text(listing, line, pattern)
    transfer = Download(verb, shown(path), _terms(session, session.server.limits.rate_down), source)
    _move(session, transfer, f"Opening data connection for {verb}.")


# -- all of them -------------------------------------------------------------------------


def _begin(session: FilesSession, now: float) -> tuple[int, int | None]:
    """A transfer command was said: from here to `moved` it holds the line.

    Returns where it begins and how many bytes it may have, which hold for this transfer alone.
    """
    session.moving = True
    session.began = now
    offset, count = session.rest, None
    if session.range is not None:
        offset, last = session.range
        count = last - offset + 1
    session.rest, session.range = 0, None
    if session.via is None:
        raise Refusal(425, "PASV, EPSV, PORT or EPRT comes first.")
    if session.server.settings.tls.require_data and not session.protected:
        session.warn("a transfer in the clear")
        raise Refusal(521, "Data connections are protected here: PROT P first.")
    return offset, count


def _needs_bytes(session: FilesSession, offset: int) -> None:
    # What a byte's number is on the wire, where lines end in CR LF, only reading from the start could tell.
    if session.text and offset:
        raise Refusal(504, "REST and RANG count bytes: TYPE I first.")


def _terms(session: FilesSession, rate: int) -> Terms:
    settings = session.server.settings
    passive = isinstance(session.via, Listen)
    return Terms(
        connect_timeout=settings.passive.timeout if passive else settings.active.timeout,
        stall=session.server.limits.stall,
        rate=rate,
        protected=session.protected,
        resumption=session.protected and settings.tls.resume_data == "require",
        sendfile=settings.sendfile,
        truncation=settings.tls.close_notify == "accept",
    )


def _move(session: FilesSession, transfer: Download | Upload, said: str) -> None:
    """It is open: let the driver move it."""
    via, session.via = session.via, None
    if session.aborting or via is None or (isinstance(transfer, Upload) and session.control_over):
        session.via = via
        session.drop_via()
        transfer.abandon()
        raise Refusal(*OUTCOMES[Outcome.CANCELLED])
    session.transfer = session.waits_for = transfer
    session.reply(150, said)
    session.order(Begin(transfer, via))


def abor(session: FilesSession, argument: str, now: float) -> None:
    """RFC 959 §4.1.3.  Overtakes what waits; the transfer is answered 426, ABOR itself 226 behind it."""
    if not session.moving:
        raise Refusal(225, "No transfer runs.")
    if session.aborting:
        raise Refusal(225, "ABOR is under way.")
    session.aborting = True
    _cancel(session)


def control_ended(session: FilesSession) -> None:
    """The client ended its control connection: an upload that runs is cut, or a killed client's would be
    taken for whole.  A download goes on, for who reads may still be there."""
    if isinstance(session.transfer, Upload):
        _cancel(session)


def _cancel(session: FilesSession) -> None:
    if session.transfer is not None and session.waits_for is session.transfer:
        session.order(CancelTransfer(session.transfer))


def finished(session: FilesSession, transfer: Download | Upload, outcome: Outcome, now: float) -> None:
    """The driver is done with it."""
    session.release_port()
    code, text = OUTCOMES[outcome]
    if isinstance(transfer, Upload):
        if outcome is Outcome.COMPLETE and not (session.aborting or session.control_over):
            _commit_after_grace(session, transfer, now)
            return
        if outcome is Outcome.COMPLETE:
            outcome, (code, text) = Outcome.CANCELLED, OUTCOMES[Outcome.CANCELLED]
    elif outcome is Outcome.COMPLETE and transfer.short:
        outcome, code, text = Outcome.FAILED, 451, "The file became shorter meanwhile."
    if transfer.error is not None and outcome is Outcome.FAILED:
        refused = refusal(transfer.error.problem)
        code, text = refused.code, refused.text
        log.warning("%s: %s", session.peer, printable(str(transfer.error)))
    if outcome is Outcome.NOT_RESUMED:
        session.warn("a data connection that did not resume the TLS session")
    cut(session, transfer, outcome.value, now)
    session.reply(code, text)
    session.moved()


def _commit_after_grace(session: FilesSession, upload: Upload, now: float) -> None:
    """All of it arrived, as far as anybody can tell.

    A client that is killed ends both its connections, the data connection first (Linux closes what was opened
    last), and microseconds later the one that tells the difference.  Over TLS close_notify tells it.
    """
    grace = session.server.limits.upload_grace
    if not grace or (upload.protected and not upload.truncation):
        _commit(session, upload, now)
        return

    def settled(_: object, now: float) -> None:
        if session.aborting or session.control_over:
            cut(session, upload, Outcome.CANCELLED.value, now)
            raise Refusal(*OUTCOMES[Outcome.CANCELLED])
        _commit(session, upload, now)

    # Twice, so that a driver which had no turn meanwhile reads its sockets before the second.
    session.delay(now + grace, lambda _, now: session.delay(now, settled))


def _commit(session: FilesSession, transfer: Upload, now: float) -> None:
    """Everything arrived; 226 is said once the store has it under its final name."""

    def kept(_: None, now: float) -> None:
        cut(session, transfer, Outcome.COMPLETE.value, now)
        session.reply(*OUTCOMES[Outcome.COMPLETE])
        session.moved()

    def not_kept(error: StoreError, now: float) -> None:
        cut(session, transfer, str(error), now)
        raise refusal(error.problem)

    session.perform(transfer.commit, quick=session.is_quick("commit"), then=kept, otherwise=not_kept, now=now)


def cut(session: FilesSession, transfer: Download | Upload, how: str, now: float) -> None:
    """It is over, one way or another: let go of what it holds, and say so on the log."""
    session.transfer = None
    transfer.abandon()
    log.info(
        "%s: %s: %s %s: %d bytes in %.3f s: %s",
        session.peer,
        session.who,
        transfer.verb,
        printable(transfer.path),
        transfer.bytes,
        now - session.began,
        printable(how),
    )
