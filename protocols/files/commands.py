"""The commands, in one table: what each needs, when it may be said, and where it is specified."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from protocols.files import data, filesystem, information, login, parameters, security, transfers
from protocols.files.helping import HELP

if TYPE_CHECKING:
    from protocols.files.session import FilesSession

Run = Callable[["FilesSession", str, float], None]


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    `argument`: may it have one, must it, must it not.  `login`: only after PASS.  `permission`: what the
    user must be allowed; commands whose need depends on their argument ask themselves.  `overtakes`: without
    an argument it runs at once while a transfer goes on; others wait for its last reply, in order.
    """

    run: Run
    argument: Literal["none", "optional", "required"]
    syntax: str
    about: str
    section: str
    login: bool = True
    permission: str | None = None
    overtakes: bool = False


COMMANDS: Final[dict[str, Command]] = {
    # who
    "HOST": Command(login.host, "required", "<name>", "names the server that is meant",
                    "RFC 7151 §3.2", login=False),
    "USER": Command(login.user, "required", "<name>", "says who you are", "RFC 959 §4.1.1", login=False),
    "PASS": Command(login.pass_, "optional", "<password>", "proves it", "RFC 959 §4.1.1", login=False),
    "REIN": Command(login.rein, "none", "", "forgets who you are", "RFC 959 §4.1.1", login=False),
    "QUIT": Command(login.quit_, "none", "", "ends the connection, after a transfer",
                    "RFC 959 §4.1.1", login=False),
    "AUTH": Command(security.auth, "required", "TLS", "begins TLS", "RFC 4217 §4", login=False),
    "PBSZ": Command(security.pbsz, "required", "0", "comes before PROT", "RFC 4217 §9", login=False),
    "PROT": Command(security.prot, "required", "C | P", "protects data connections, or does not",
                    "RFC 4217 §9", login=False),
    # how
    "TYPE": Command(parameters.type_, "required", "A | I | L 8", "text, or bytes as they are",
                    "RFC 959 §4.1.2"),
    "STRU": Command(parameters.stru, "required", "F", "files have no structure", "RFC 959 §4.1.2"),
    "MODE": Command(parameters.mode, "required", "S", "data is a stream", "RFC 959 §4.1.2"),
    "PORT": Command(data.port, "required", "<h1,h2,h3,h4,p1,p2>", "says where to connect to",
                    "RFC 959 §4.1.2"),
    "EPRT": Command(data.eprt, "required", "<|protocol|address|port|>", "says where to connect to",
                    "RFC 2428 §2"),
    "PASV": Command(data.pasv, "none", "", "asks for an address to connect to", "RFC 959 §4.1.2"),
    "EPSV": Command(data.epsv, "optional", "[<protocol> | ALL]", "asks for a port to connect to",
                    "RFC 2428 §3"),
    "ALLO": Command(parameters.allo, "required", "<bytes>", "is not needed", "RFC 959 §4.1.3"),
    "REST": Command(parameters.rest, "required", "<byte>", "says where the next transfer begins",
                    "RFC 3659 §5"),
    "RANG": Command(parameters.rang, "required", "<first> <last>", "limits the next download or checksum",
                    "draft-bryan-ftp-range §3"),
    "OPTS": Command(parameters.opts, "required", "<command> [<options>]", "sets options",
                    "RFC 2389 §4", login=False),
    "CLNT": Command(parameters.clnt, "required", "<name>", "says which client you use", "ours", login=False),
    # transfers
    "RETR": Command(transfers.retr, "required", "<path>", "sends you a file",
                    "RFC 959 §4.1.3", permission="read"),
    "STOR": Command(transfers.stor, "required", "<path>", "takes a file from you",
                    "RFC 959 §4.1.3", permission="write"),
    "APPE": Command(transfers.appe, "required", "<path>", "takes more of a file from you",
                    "RFC 959 §4.1.3", permission="append"),
    "STOU": Command(transfers.stou, "optional", "[<path>]", "takes a file from you, and names it",
                    "RFC 959 §4.1.3", permission="write"),
    "LIST": Command(transfers.list_, "optional", "[<path>]", "lists a directory, as ls -l does",
                    "RFC 959 §4.1.3", permission="list"),
    "NLST": Command(transfers.nlst, "optional", "[<path>]", "lists names", "RFC 959 §4.1.3",
                    permission="list"),
    "MLSD": Command(transfers.mlsd, "optional", "[<path>]", "lists a directory, for programs",
                    "RFC 3659 §7", permission="list"),
    "ABOR": Command(transfers.abor, "none", "", "cuts a transfer", "RFC 959 §4.1.3",
                    login=False, overtakes=True),
    # directories and files
    "CWD": Command(filesystem.cwd, "required", "<path>", "changes the current directory", "RFC 959 §4.1.1"),
    "CDUP": Command(filesystem.cdup, "none", "", "changes to the directory above", "RFC 959 §4.1.1"),
    "PWD": Command(filesystem.pwd, "none", "", "names the current directory", "RFC 959 §4.1.3"),
    "MKD": Command(filesystem.mkd, "required", "<path>", "makes a directory", "RFC 959 §4.1.3",
                   permission="mkdir"),
    "RMD": Command(filesystem.rmd, "required", "<path>", "removes an empty directory", "RFC 959 §4.1.3",
                   permission="delete"),
    "DELE": Command(filesystem.dele, "required", "<path>", "removes a file", "RFC 959 §4.1.3",
                    permission="delete"),
    "RNFR": Command(filesystem.rnfr, "required", "<path>", "says what to rename", "RFC 959 §4.1.3",
                    permission="rename"),
    "RNTO": Command(filesystem.rnto, "required", "<path>", "renames it, over what is there",
                    "RFC 959 §4.1.3", permission="rename"),
    "SIZE": Command(filesystem.size, "required", "<path>", "tells the bytes of a file",
                    "RFC 3659 §4", permission="list"),
    "MDTM": Command(filesystem.mdtm, "required", "[<time>] <path>", "tells or sets the time of a file",
                    "RFC 3659 §3", permission="list"),
    "MFMT": Command(filesystem.mfmt, "required", "<time> <path>", "sets the time of a file",
                    "draft-somers-ftp-mfxx §3", permission="mtime"),
    "MLST": Command(filesystem.mlst, "optional", "[<path>]", "tells the facts of a name",
                    "RFC 3659 §7", permission="list"),
    "HASH": Command(filesystem.hash_, "required", "<path>", "tells the checksum of a file",
                    "draft-bryan-ftpext-hash §3", permission="read"),
    "XSHA256": Command(filesystem.xsha256, "required", "<path>", "tells the SHA-256 of a file",
                       "ours", permission="read"),
    # about
    "SITE": Command(information.site, "required", "CHMOD <mode> <path> | HELP", "does what is not standard",
                    "RFC 959 §4.1.3"),
    "SYST": Command(information.syst, "none", "", "tells the system's type", "RFC 959 §4.1.3", login=False),
    "STAT": Command(information.stat, "optional", "[<path>]", "tells the status, or lists a path",
                    "RFC 959 §4.1.3", login=False, overtakes=True),
    "FEAT": Command(information.feat, "none", "", "lists the extensions", "RFC 2389 §3", login=False),
    "HELP": Command(information.help_, "optional", "[<command>]", "explains a command",
                    "RFC 959 §4.1.3", login=False),
    "NOOP": Command(information.noop, "none", "", "does nothing", "RFC 959 §4.1.3", login=False),
}  # fmt: skip

ALIASES: Final = {"XCWD": "CWD", "XCUP": "CDUP", "XPWD": "PWD", "XMKD": "MKD", "XRMD": "RMD"}
"""RFC 1123 §4.1.3.1: the forms with X, by which these commands were known before RFC 959."""

REFUSED: Final = ("ACCT", "SMNT", "CCC", "MIC", "CONF", "ENC", "ADAT", "LANG", "LPRT", "LPSV", "MFF", "MFCT",
                  "SSCN", "PRET", "CPSV", "XCRC", "XMD5", "XSHA1")  # fmt: skip
"""Commands that exist elsewhere, and are answered 502."""

_NAMES = list(COMMANDS)
HELP.update({name: f"{name} {one.syntax}: {one.about}.".replace(" :", ":") for name, one in COMMANDS.items()})
HELP[""] = "\n".join(" ".join(_NAMES[at : at + 10]) for at in range(0, len(_NAMES), 10))
COMMANDS.update({alias: COMMANDS[name] for alias, name in ALIASES.items()})
HELP.update({alias: HELP[name] for alias, name in ALIASES.items()})
