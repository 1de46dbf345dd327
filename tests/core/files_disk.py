"""What the tests of the store on the local disk share: a directory, a tree, and short words for both."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from protocols.files.store import BATCH, How, Problem, StoreError, Tree
from stores.files import DiskStore

T = TypeVar("T")


@pytest.fixture(autouse=True)
def descriptors() -> Iterator[None]:
    """Nothing leaves a descriptor open but the store, which has one for its root."""
    before = len(os.listdir("/proc/self/fd"))
    yield
    assert len(os.listdir("/proc/self/fd")) <= before + 2


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture
def tree(root: Path) -> Tree:
    return DiskStore(str(root)).enter("ann", (), True)


def upload(tree: Tree, name: str, data: bytes, how: How = How.REPLACE, offset: int = 0) -> str:
    """A whole upload; returns the name that it got."""
    writer = tree.open_write(tuple(name.split("/")), how, offset)
    writer.write(data)
    writer.commit()
    return writer.name


def cut(tree: Tree, name: str, data: bytes, how: How = How.REPLACE, offset: int = 0) -> None:
    """An upload that breaks off."""
    writer = tree.open_write(tuple(name.split("/")), how, offset)
    writer.write(data)
    writer.abandon()


def as_nobody(function: Callable[..., T], *args: Any) -> T:
    """Call this as somebody who is not root, whom nothing is refused."""
    if os.geteuid():
        return function(*args)
    os.seteuid(65_534)
    try:
        return function(*args)
    finally:
        os.seteuid(0)


def content(tree: Tree, name: str, offset: int = 0) -> bytes:
    reader = tree.open_read(tuple(name.split("/")), offset)
    data = b""
    while piece := reader.read(1000):
        data += piece
    reader.close()
    return data


def names(tree: Tree, *path: str) -> list[str]:
    listing = tree.list(path)
    found: list[str] = []
    while entries := listing.read():
        assert len(entries) <= BATCH
        found += [entry.name for entry in entries]
    listing.close()
    return sorted(found)


def refused(call: object, *args: object) -> Problem:
    with pytest.raises(StoreError) as raised:
        call(*args)  # type: ignore[operator]
    return raised.value.problem
