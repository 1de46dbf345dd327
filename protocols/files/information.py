"""What the server says of itself: SYST, NOOP, FEAT, HELP, STAT and SITE."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from protocols.files.digest import ALGORITHMS
from protocols.files.filesystem import chmod
from protocols.files.helping import HELP
from protocols.files.listing import FACTS, list_line
from protocols.files.paths import shown
from protocols.files.replies import Refusal, lines
from protocols.files.store import Entry, Path, Problem, StoreError, Tree
from protocols.session import Call

if TYPE_CHECKING:
    from protocols.files.session import FilesSession

STATUS_ENTRIES: Final = 1000
"""Entries of a directory that STAT shows; LIST shows all, and not between two replies."""


def noop(session: FilesSession, argument: str, now: float) -> None:
    session.reply(200, "Done.")


def syst(session: FilesSession, argument: str, now: float) -> None:
    """RFC 959 §4.1.3; the words by which clients know the form of LIST."""
    session.reply(215, "UNIX Type: L8")


def feat(session: FilesSession, argument: str, now: float) -> None:
    """RFC 2389 §3, before login too: clients want to know of TLS and UTF-8 first."""
    said = [
        "EPRT",
        "EPSV",
        "HOST",
        "MDTM",
        "MFMT",
        "PASV",
        "REST STREAM",
        "RANG STREAM",
        "SIZE",
        "TVFS",
        "UTF8",
    ]
    said.append("MLST " + "".join(f"{fact}{'*' if fact in session.facts else ''};" for fact in FACTS))
    chosen = session.algorithm or next(iter(ALGORITHMS))
    said.append("HASH " + "".join(f"{one}{'*' if one == chosen else ''};" for one in ALGORITHMS))
    if session.server.tls or session.secure:
        said += ["AUTH TLS", "PBSZ", "PROT"]
    session.say(lines(211, "Features:", sorted(said), "End"))


def help_(session: FilesSession, argument: str, now: float) -> None:
    """RFC 959 §4.1.3."""
    asked = argument.strip().upper()
    if asked == "SITE":
        site_help(session)
    elif asked:
        if asked not in HELP:
            raise Refusal(501, "Unknown command; HELP lists them.")
        session.reply(214, HELP[asked])
    else:
        session.say(lines(214, "Commands:", HELP[""].split("\n"), "HELP command says more."))


def site_help(session: FilesSession) -> None:
    session.say(lines(214, "SITE commands:", ["CHMOD mode path", "HELP"], "End"))


def site(session: FilesSession, argument: str, now: float) -> None:
    """RFC 959 §4.1.3: what other systems do not have."""
    verb, _, rest = argument.partition(" ")
    if verb.upper() == "CHMOD":
        chmod(session, rest, now)
    elif verb.upper() == "HELP":
        site_help(session)
    else:
        raise Refusal(504, "Expected SITE CHMOD or SITE HELP.")


def stat(session: FilesSession, argument: str, now: float) -> None:
    """RFC 959 §4.1.3: of the server and the transfer; with a path, LIST on the control connection."""
    if not argument.strip():
        session.say(lines(211, "Status:", _status(session), "End"))
        return
    if session.tree is None:
        raise Refusal(530, "Log in with USER and PASS.")
    session.need("list", f"STAT {argument}")

    def listed(text: bytes, now: float) -> None:
        session.say(text)

    path = session.path(argument)
    session.call(Call(_listed, (session.tree, path, session.server.host.wall())), listed)


def _status(session: FilesSession) -> list[str]:
    said = [f"Connected from {session.peer}", "TLS" if session.secure else "In the clear"]
    said.append("Logged in" if session.user is not None else "Not logged in")
    said.append(
        f"TYPE {'A' if session.text else 'I'}, STRU F, MODE S, PROT {'P' if session.protected else 'C'}"
    )
    transfer = session.transfer
    if transfer is not None:
        said.append(f"{transfer.verb} {transfer.path}: {transfer.bytes} bytes so far")
    return said


def _listed(tree: Tree, path: Path, wall: float) -> bytes:
    """The whole reply, made in a thread: its first entries, and how to see the rest."""
    entries: list[Entry] = []
    try:
        listing = tree.list(path)
    except StoreError as error:
        if error.problem is not Problem.NOT_A_DIRECTORY:
            raise
        entries.append(tree.stat(path))
    else:
        try:
            while len(entries) <= STATUS_ENTRIES and (some := listing.read()):
                entries += some
        finally:
            listing.close()
    said = [list_line(entry, wall).removesuffix("\r\n") for entry in _first(entries)]
    end = "End" if len(entries) <= STATUS_ENTRIES else "There are more: LIST shows all"
    return lines(213, f"Status of {shown(path)}", said, end)


def _first(entries: Sequence[Entry]) -> Sequence[Entry]:
    return entries[:STATUS_ENTRIES]
