"""files against curl: AUTH SSL first, EPSV then PASV, SIZE and APPE to resume, ABOR behind a range."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.ftp_servers import Files, files
from tests.peers.programs import program, run

__all__ = ["files"]

DATA = random.Random(11).randbytes(3_000_000)
WAYS = ["clear", "auth", "implicit"]


class Curl:
    """curl, as ann, in a directory of its own."""

    def __init__(self, files: Files, home: Path, way: str) -> None:
        over = "tls" if way == "implicit" else "tcp"
        host, port = files.running.where[over][1][:2]  # type: ignore[index]
        assert files.running.certificate is not None
        self.url = (
            f"{'ftps' if way == 'implicit' else 'ftp'}://{'localhost' if over == 'tls' else host}:{port}"
        )
        self.home = home
        self.words = [
            program("curl"),
            "-sS",
            "--user",
            "ann:sesame",
            "--cacert",
            files.running.certificate.ca,
        ]
        if way == "auth":
            self.words += ["--ssl-reqd"]
            self.url = f"ftp://localhost:{port}"

    def __call__(self, *words: object, status: int = 0) -> bytes:
        return run([*self.words, *words], self.home, status=status)


@pytest.fixture(params=WAYS)
def curl(files: Files, tmp_path: Path, request: pytest.FixtureRequest) -> Curl:
    return Curl(files, tmp_path, request.param)


def hidden(root: Path) -> list[str]:
    """Parts of uploads that nobody will go on with."""
    return [path.name for path in root.rglob(".twofold-*")]


def test_a_file_goes_up_and_comes_down(curl: Curl, files: Files) -> None:
    (curl.home / "mine").write_bytes(DATA)
    curl("--ftp-create-dirs", "-T", "mine", f"{curl.url}/deep/er/there")
    assert (files.root / "deep" / "er" / "there").read_bytes() == DATA
    assert curl(f"{curl.url}/deep/er/there") == DATA
    assert hidden(files.root) == []


@pytest.mark.parametrize("name", ["", "with space", "caf\u00e9 \u2615", 'say "hi"', "per%cent"])
def test_names_are_what_they_are(curl: Curl, files: Files, name: str) -> None:
    name = name or "empty"
    data = b"" if name == "empty" else name.encode()
    (curl.home / "mine").write_bytes(data)
    quoted = "".join(f"%{byte:02X}" for byte in name.encode())
    curl("-T", "mine", f"{curl.url}/{quoted}")
    assert (files.root / name).read_bytes() == data
    assert curl(f"{curl.url}/{quoted}") == data
    assert name in curl("-l", f"{curl.url}/").decode().splitlines()


def test_a_download_goes_on_where_it_was_cut(curl: Curl, files: Files) -> None:
    (files.root / "long").write_bytes(DATA)
    (curl.home / "mine").write_bytes(DATA[:1_000_000])
    curl("-C", "-", "-o", "mine", f"{curl.url}/long")
    assert (curl.home / "mine").read_bytes() == DATA


def test_an_upload_goes_on_where_it_was_cut(curl: Curl, files: Files) -> None:
    """SIZE tells of what has arrived, APPE adds the rest."""
    (files.root / "grown").write_bytes(DATA[:1_000_000])
    (curl.home / "mine").write_bytes(DATA)
    curl("-C", "-", "-T", "mine", f"{curl.url}/grown")
    assert (files.root / "grown").read_bytes() == DATA


def test_a_cut_upload_goes_on_and_is_not_taken_for_the_file(curl: Curl, files: Files) -> None:
    """What curl is told by SIZE is for it the end of the file, and is meant for `-C -`."""
    (files.root / "tea").write_bytes(DATA)
    with files.login() as ftp:
        data = ftp.begin("STOR tea")
        data.send(DATA[:1000])
        while ftp.moved() < 1000:
            pass
        data.reset()
        ftp.hears(426)
    curl(f"{curl.url}/tea", status=19)  # the server refused RETR
    (curl.home / "mine").write_bytes(DATA[:2000])
    curl("-C", "-", "-T", "mine", f"{curl.url}/tea")
    assert (files.root / "tea").read_bytes() == DATA[:2000]
    assert curl(f"{curl.url}/tea") == DATA[:2000]
    assert hidden(files.root) == []


def test_a_range_is_a_part_of_it(curl: Curl, files: Files) -> None:
    """curl says REST, RETR and, when it has enough, ABOR."""
    (files.root / "long").write_bytes(DATA)
    assert curl("-r", "1000-1999", f"{curl.url}/long") == DATA[1000:2000]
    assert curl("-r", "0-9", f"{curl.url}/long", f"{curl.url}/long")[:10] == DATA[:10]


@pytest.mark.parametrize(
    ("way", "mode"),
    [
        # Not in TLS: of curl's own versions, some can't have active mode in there (7.88 among them).
        ("clear", ["-P", "-"]),
        ("clear", ["-P", "-", "--disable-eprt"]),
        *((way, ["--disable-epsv"]) for way in WAYS),
    ],
)
def test_any_way_to_a_data_connection_will_do(
    files: Files, tmp_path: Path, way: str, mode: list[str]
) -> None:
    curl = Curl(files, tmp_path, way)
    (files.root / "long").write_bytes(DATA)
    (curl.home / "mine").write_bytes(DATA)
    assert curl(*mode, f"{curl.url}/long") == DATA
    curl(*mode, "-T", "mine", f"{curl.url}/active")
    assert (files.root / "active").read_bytes() == DATA


def test_files_are_renamed_and_deleted(curl: Curl, files: Files) -> None:
    (files.root / "old").write_bytes(b"1")
    curl("-Q", "RNFR old", "-Q", "RNTO new", f"{curl.url}/")
    assert (files.root / "new").read_bytes() == b"1"
    curl("-Q", "DELE new", f"{curl.url}/")
    assert not (files.root / "new").exists()


def test_what_can_not_be_is_told_by_its_own_status(curl: Curl) -> None:
    """curl(1): 67 login denied, 78 no such file, 9 access denied to a directory, 25 an upload that failed."""
    assert curl(f"{curl.url}/nowhere", status=78) == b""
    assert curl(f"{curl.url}/nowhere/", status=9) == b""
    assert curl("--user", "ann:wrong", f"{curl.url}/", status=67) == b""
    (curl.home / "mine").write_bytes(b"1")
    curl("--user", "bob:sesame", "-T", "mine", f"{curl.url}/bobs", status=25)


def test_text_has_its_line_ends(curl: Curl, files: Files) -> None:
    (files.root / "text").write_bytes(b"one\ntwo\n")
    assert curl("-B", f"{curl.url}/text") == b"one\ntwo\n", "curl makes LF of CR LF, as we do of LF"


def test_a_directory_is_listed_by_list_and_by_mlsd(curl: Curl, files: Files) -> None:
    (files.root / "shelf").mkdir(exist_ok=True)
    (files.root / "shelf" / "caf\u00e9").write_bytes(b"12345")
    (line,) = curl(f"{curl.url}/shelf/").decode().splitlines()
    assert line.startswith("-rw-")
    assert line.endswith(" caf\u00e9")
    (line,) = curl("-X", "MLSD", f"{curl.url}/shelf/").decode().splitlines()
    assert line.startswith("type=file;size=5;")
    assert line.endswith("; caf\u00e9")


def test_uploads_over_tls_are_never_short(files: Files, tmp_path: Path, uploads: int) -> None:
    """TLS 1.3, 512 KiB each, fifty on each control connection.

    curl 7.88 now and then knows where to connect to and waits a second before it does.
    """
    curl = Curl(files, tmp_path, "auth")
    names = [f"many-{number}" for number in range(uploads)]
    for number, name in enumerate(names):
        (curl.home / name).write_bytes(DATA[number : number + 524_288])
    for first in range(0, uploads, 50):
        curl("--tlsv1.3", "-T", "{" + ",".join(names[first : first + 50]) + "}", f"{curl.url}/")
    assert [
        name for name in names if (files.root / name).read_bytes() != (curl.home / name).read_bytes()
    ] == []
