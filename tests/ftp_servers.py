"""What the tests of files are given: servers with users, a directory, and clients that are closed again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.clients import Client
from tests.ftp_client import FTP
from tests.servers import Certificate, Own, Running

USERS = """
[files.users.ann]
password = "sesame"
permissions = ["all"]
[files.users.bob]
password = "sesame"
permissions = ["read-only"]
[files.users.cat]
password = "sesame"
home = "/cat"
permissions = ["all"]
"""
LISTEN = ("tcp", "tls", "tcp6")


@dataclass
class Files:
    """A server of files, and what it serves."""

    running: Running
    root: Path

    def connect(self, over: str = "tcp", **options: Any) -> FTP:
        """A new client, which has heard nothing yet."""
        client: Client = self.running.connect(over, **options)
        certificate = self.running.certificate
        return FTP(client, None if certificate is None else certificate.ca)

    def login(self, user: str = "ann", over: str = "tcp", **options: Any) -> FTP:
        """A new client that is logged in; over "auth" by AUTH TLS, over "tls" by implicit TLS."""
        if over == "auth":
            ftp = self.connect(**options)
            ftp.hears(220)
            ftp.secure()
            ftp.enter(user)
            return ftp
        ftp = self.connect(over, **options)
        ftp.protected = over == "tls"
        return ftp.login(user)


Login = Callable[..., FTP]
OwnFiles = Callable[..., Files]
_names = count()


def flags(root: Path, config: Path, certificate: Certificate | None) -> list[str]:
    """A server for USERS, on this directory."""
    config.write_text(USERS)
    (root / "cat").mkdir(exist_ok=True)
    said = [f"--config={config}", f"--root={root}", "--limits-login-delay=0"]
    if certificate is not None:
        said += [f"--tls-certificate={certificate.cert}", f"--tls-key={certificate.key}"]
    return said


@pytest.fixture(scope="module")
def files(
    implementation: str, certificate: Certificate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Files]:
    """One server for all tests of a module."""
    if implementation == "target":
        pytest.skip("files' tests are about our own servers")
    directory = tmp_path_factory.mktemp("files")
    root = directory / "root"
    root.mkdir()
    said = flags(root, directory / "twofold.toml", certificate)
    with servers.serving(implementation, "files", *said, listen=LISTEN, certificate=certificate) as running:
        yield Files(running, root)


@pytest.fixture
def login(files: Files) -> Iterator[Login]:
    """`login(user, over)`: a client of that server, closed at the end."""
    opened: list[FTP] = []

    def login(user: str = "ann", over: str = "tcp", **options: Any) -> FTP:
        opened.append(files.login(user, over, **options))
        return opened[-1]

    yield login
    for ftp in opened:
        ftp.close()


@pytest.fixture
def ann(login: Login) -> FTP:
    """Somebody who may do everything, on a connection in the clear."""
    return login()


@pytest.fixture
def name() -> str:
    """The name of a file that no other test has."""
    return f"file{next(_names)}"


@pytest.fixture
def own_files(own: Own, certificate: Certificate, tmp_path: Path) -> OwnFiles:
    """Starts a server for one test alone."""

    def start(*more: str, root: Path | None = None, **options: Any) -> Files:
        if root is None:
            root = tmp_path / "root"
        root.mkdir(exist_ok=True)
        said = flags(root, tmp_path / "twofold.toml", certificate)
        options = {"listen": LISTEN, "certificate": certificate} | options
        return Files(own("files", *said, *more, **options), root)

    return start
