"""Files on a local disk: whoever swaps a name for a link, behind our look at it, wins nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from protocols.files.store import How, StoreError, Tree
from stores import files
from stores.files import DiskStore
from stores.jail import walk


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """secret and hidden are beside what is served, in which are file and dir."""
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "treasure").touch()
    (tmp_path / "root" / "dir").mkdir(parents=True)
    (tmp_path / "root" / "file").write_bytes(b"inside")
    return tmp_path / "root"


@pytest.fixture
def swapped(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Once a walk has arrived, what it found has become a link that leads out."""

    def walked(home: int, path: tuple[str, ...], **how: Any) -> Any:
        place = walk(home, path, **how)
        if path:
            os.rename(root / path[-1], root / "was")
            os.symlink({"file": "../secret", "dir": "../hidden"}[path[-1]], root / path[-1])
        return place

    monkeypatch.setattr(files, "walk", walked)
    before = (root.parent / "secret").stat()
    yield
    after = (root.parent / "secret").stat()
    assert (root.parent / "secret").read_bytes() == b"secret"
    assert (before.st_mode, before.st_mtime, before.st_size) == (after.st_mode, after.st_mtime, after.st_size)
    assert os.listdir(root.parent / "hidden") == ["treasure"]


def read(tree: Tree) -> None:
    reader = tree.open_read(("file",))
    try:
        assert reader.read(100) == b"inside"
    finally:
        reader.close()


def listed(tree: Tree) -> None:
    listing = tree.list(("dir",))
    try:
        assert listing.read() == []
    finally:
        listing.close()


def replaced(tree: Tree) -> None:
    writer = tree.open_write(("file",), How.REPLACE)
    writer.write(b"new")
    writer.commit()


def appended(tree: Tree) -> None:
    writer = tree.open_write(("file",), How.APPEND)
    writer.write(b"new")
    writer.commit()


def gone_on_with(tree: Tree) -> None:
    writer = tree.open_write(("file",), How.REPLACE, 3)
    writer.write(b"new")
    writer.commit()


@pytest.mark.usefixtures("swapped")
@pytest.mark.parametrize("uploads", ["rename", "direct"])
@pytest.mark.parametrize(
    "operation",
    [
        read,
        listed,
        replaced,
        appended,
        gone_on_with,
        lambda tree: tree.chmod(("file",), 0o777),
        lambda tree: tree.utime(("file",), 1.0),
        lambda tree: tree.remove(("file",)),
        lambda tree: tree.rmdir(("dir",)),
    ],
)
def test_a_name_that_becomes_a_link_behind_the_walk_leads_nowhere(
    root: Path, operation: Callable[[Tree], None], uploads: Any
) -> None:
    """The race of every check that is made before the use."""
    store = DiskStore(str(root), uploads=uploads)
    try:
        with suppress(StoreError):
            operation(store.enter("ann", (), writes=True))
        for one in (root / "file", root / "was"):
            if one.is_file() and not one.is_symlink():
                assert b"secret" not in one.read_bytes()
    finally:
        os.close(store.root)
