"""`python -m stores.passwords`, run as a person would."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from protocols.passwords import verify

ROOT = Path(__file__).resolve().parents[2]
TOOL = [sys.executable, "-m", "stores.passwords"]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}


def hashed(said: bytes) -> tuple[int, str, str]:
    run = subprocess.run(TOOL, input=said, capture_output=True, check=False, env=ENVIRONMENT)
    return run.returncode, run.stdout.decode(), run.stderr.decode()


@pytest.mark.parametrize("said", [b"open sesame\n", b"open sesame\r\nand more\n", b"open sesame"])
def test_the_first_line_is_hashed_with_a_salt_of_its_own(said: bytes) -> None:
    status, secret, error = hashed(said)
    assert (status, error) == (0, "")
    assert secret.startswith("$scrypt$ln=14,r=8,p=1$")
    assert verify(secret.rstrip("\n"), "open sesame")
    assert not verify(secret.rstrip("\n"), "open sesame ")
    assert hashed(said)[1] != secret


def test_a_password_need_not_be_utf8() -> None:
    """FTP's PASS keeps its bytes."""
    _, secret, _ = hashed(b"caf\xe9\n")
    assert verify(secret.rstrip("\n"), os.fsdecode(b"caf\xe9"))


@pytest.mark.parametrize("said", [b"", b"\n"])
def test_no_password_is_none(said: bytes) -> None:
    assert hashed(said) == (1, "", "error: the password is empty\n")


def test_on_a_terminal_it_is_asked_for_twice_and_not_shown() -> None:
    ours, its = pty.openpty()
    with subprocess.Popen(
        TOOL, stdin=its, stdout=subprocess.PIPE, stderr=its, env=ENVIRONMENT, start_new_session=True
    ) as process:
        os.close(its)
        shown = b""
        for _ in range(2):
            # The space comes once the echo is off; what is typed before is thrown away.
            while not shown.endswith(b": "):
                shown += os.read(ours, 1000)
            os.write(ours, b"open sesame\n")
            shown += b"\n"
        assert process.stdout is not None
        secret = process.stdout.read().decode()
        assert process.wait(30) == 0
    os.close(ours)
    assert b"sesame" not in shown
    assert verify(secret.rstrip("\n"), "open sesame")
