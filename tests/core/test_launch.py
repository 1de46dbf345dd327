"""What both launchers understand alike."""

from __future__ import annotations

import pytest

from protocols.files.settings import FilesSettings
from protocols.launch import with_values
from protocols.settings import flags


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("", ""),
        ("--write", "--write=true"),
        ("--write --root /srv", "--write=true --root /srv"),
        ("--root /srv --write", "--root /srv --write=true"),
        ("--write false --root /srv", "--write false --root /srv"),
        ("--write=false", "--write=false"),
        ("--root --write", "--root --write=true"),
        ("--nonsense -h", "--nonsense -h"),
    ],
)
def test_a_boolean_flag_may_stand_alone(said: str, meant: str) -> None:
    assert with_values(said.split(), flags(FilesSettings)) == meant.split()
