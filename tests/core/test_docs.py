"""What is made from declarations says what they say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from protocols.declared import fields
from protocols.services import SERVICES
from protocols.settings import TABLES

ROOT = Path(__file__).resolve().parents[2]


def test_the_settings_page_is_current() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "docs" / "generate.py", "--check"], capture_output=True, text=True
    )
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


@pytest.mark.parametrize("name", SERVICES)
def test_every_setting_is_described(name: str) -> None:
    for field in fields(SERVICES[name].settings()):
        assert field.help, field.path


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_starts_on_loopback_by_default(name: str) -> None:
    (listen,) = [field for field in fields(SERVICES[name].settings()) if field.path == ("listen",)]
    assert listen.default
    for address in listen.default:
        assert address.startswith("tcp://127.0.0.1:")


def test_every_service_has_its_table() -> None:
    assert set(SERVICES) <= set(TABLES)
