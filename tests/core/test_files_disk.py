"""The store on the local disk: names and directories, and that all stays inside."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from protocols.files.store import BATCH, How, Problem, StoreError, Tree
from protocols.listen import CannotStart
from stores import files
from stores.files import DiskStore
from stores.jail import Place, walk
from tests.core.files_disk import content, cut, descriptors, names, refused, root, tree, upload

__all__ = ["descriptors", "root", "tree"]


# -- names and directories -----------------------------------------------------------------


def test_metadata_is_what_the_disk_says(tree: Tree, root: Path) -> None:
    upload(tree, "file", b"12345")
    tree.utime(("file",), 1_000_000_000.0)
    tree.chmod(("file",), 0o600)
    entry = tree.stat(("file",))
    assert (entry.name, entry.kind, entry.size, entry.modified, entry.mode) == (
        "file", "file", 5, 1_000_000_000.0, 0o600,
    )  # fmt: skip
    upload(tree, "other", b"")
    assert entry.unique != tree.stat(("other",)).unique
    tree.rename(("file",), ("moved",))
    assert tree.stat(("moved",)).unique == entry.unique
    assert tree.stat(()).kind == "dir"


def test_only_permission_bits_are_set(tree: Tree, root: Path) -> None:
    upload(tree, "file", b"")
    tree.chmod(("file",), 0o6755)
    assert stat.S_IMODE((root / "file").stat().st_mode) == 0o755


def test_names_that_are_not_utf_8_are_kept(tree: Tree, root: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    upload(tree, name, b"1")
    assert os.listdir(os.fsencode(root)) == [b"caf\xe9"]
    assert names(tree) == [name]


def test_directories_are_made_and_removed(tree: Tree) -> None:
    tree.mkdir(("a",))
    assert refused(tree.mkdir, ("a",)) is Problem.EXISTS
    assert refused(tree.mkdir, ("none", "b")) is Problem.MISSING
    upload(tree, "a/file", b"1")
    assert refused(tree.rmdir, ("a",)) is Problem.NOT_EMPTY
    assert refused(tree.remove, ("a",)) is Problem.IS_A_DIRECTORY
    assert refused(tree.rmdir, ("a", "file")) is Problem.NOT_A_DIRECTORY
    assert refused(tree.list, ("a", "file")) is Problem.NOT_A_DIRECTORY
    assert refused(tree.open_read, ("a",)) is Problem.IS_A_DIRECTORY
    assert refused(tree.open_write, ("a",), How.REPLACE) is Problem.IS_A_DIRECTORY
    assert refused(tree.open_write, (), How.REPLACE) is Problem.IS_A_DIRECTORY
    tree.remove(("a", "file"))
    tree.rmdir(("a",))
    assert names(tree) == []


def test_a_directory_that_shows_nothing_can_be_removed(tree: Tree, root: Path) -> None:
    tree.mkdir(("a",))
    cut(tree, "a/file", b"1")
    tree.rmdir(("a",))
    assert os.listdir(root) == []


def test_a_directory_into_which_an_upload_runs_can_not(tree: Tree) -> None:
    tree.mkdir(("a",))
    writer = tree.open_write(("a", "file"), How.REPLACE)
    writer.write(b"1")
    assert refused(tree.rmdir, ("a",)) is Problem.NOT_EMPTY
    writer.commit()
    assert names(tree, "a") == ["file"]


def test_what_is_removed_is_the_file_or_the_part_or_both(tree: Tree, root: Path) -> None:
    cut(tree, "file", b"1")
    tree.remove(("file",))
    assert os.listdir(root) == []
    upload(tree, "file", b"whole")
    cut(tree, "file", b"2")
    tree.remove(("file",))
    assert os.listdir(root) == []
    assert refused(tree.remove, ("file",)) is Problem.MISSING
    writer = tree.open_write(("file",), How.REPLACE)
    assert refused(tree.remove, ("file",)) is Problem.BUSY
    writer.abandon()


def test_a_rename_replaces_a_file_but_no_directory(tree: Tree) -> None:
    upload(tree, "one", b"1")
    upload(tree, "two", b"2")
    tree.rename(("one",), ("two",))
    assert content(tree, "two") == b"1"
    assert names(tree) == ["two"]
    tree.mkdir(("dir",))
    assert refused(tree.rename, ("two",), ("dir",)) is Problem.IS_A_DIRECTORY


def test_a_large_directory_is_read_in_batches_off_the_loop(tree: Tree, root: Path) -> None:
    for number in range(BATCH * 2 + 1):
        (root / f"{number}").touch()
    listing = tree.list(())
    assert not listing.slow
    assert len(listing.read()) == BATCH
    assert listing.slow
    listing.close()
    assert len(names(tree)) == BATCH * 2 + 1


def test_what_is_no_plain_file_is_neither_read_nor_written(tree: Tree, root: Path) -> None:
    """A FIFO would make its opener wait, and everybody else with it."""
    os.mkfifo(root / "fifo")
    assert refused(tree.open_read, ("fifo",)) is Problem.NOT_A_FILE
    assert refused(tree.open_write, ("fifo",), How.REPLACE) is Problem.NOT_A_FILE
    assert tree.stat(("fifo",)).kind == "other"


# -- the jail --------------------------------------------------------------------------


def test_every_operation_stays_inside(tree: Tree, root: Path) -> None:
    (root.parent / "outside").mkdir()
    (root.parent / "outside" / "secret").write_text("secret")
    (root / "link").symlink_to("../outside")
    (root / "file").symlink_to("../outside/secret")
    calls = [
        (tree.stat, ("link", "secret")),
        (tree.stat, ("file",)),
        (tree.list, ("link",)),
        (tree.open_read, ("file",)),
        (tree.open_read, ("link", "secret")),
        (tree.open_write, ("file",), How.REPLACE),
        (tree.open_write, ("link", "new"), How.REPLACE),
        (tree.mkdir, ("link", "new")),
        (tree.rmdir, ("link", "new")),
        (tree.remove, ("link", "secret")),
        (tree.rename, ("link", "secret"), ("mine",)),
        (tree.rename, ("file",), ("link", "mine")),
        (tree.chmod, ("file",), 0o777),
        (tree.utime, ("file",), 0.0),
    ]
    for call, *args in calls:
        assert refused(call, *args) is Problem.OUTSIDE, call
    assert os.listdir(root.parent / "outside") == ["secret"]


@pytest.mark.parametrize("home", [(), ("home",)], ids=["the directory", "the home"])
def test_a_directory_that_becomes_a_link_is_not_listed(
    root: Path, monkeypatch: pytest.MonkeyPatch, home: tuple[str, ...]
) -> None:
    """The race between the walk and the use, won by whoever renames a link over what was walked to."""
    secret = root.parent / "secret"
    (secret / "here").mkdir(parents=True)
    victim = root / "home" if home else root / "here"
    victim.mkdir()
    tree = DiskStore(str(root)).enter("ann", home)

    def walk_and_lose(*args: Any, **options: Any) -> Place:
        place = walk(*args, **options)
        if not victim.is_symlink():
            victim.rmdir()
            victim.symlink_to(secret)
        return place

    monkeypatch.setattr(files, "walk", walk_and_lose)
    with pytest.raises(StoreError):
        tree.list(("here",) if not home else ())


def test_a_listing_does_not_look_through_links(tree: Tree, root: Path) -> None:
    (root / "link").symlink_to("/etc/passwd")
    listing = tree.list(())
    assert [(entry.name, entry.kind) for entry in listing.read()] == [("link", "link")]
    listing.close()


def test_a_link_is_removed_and_renamed_itself(tree: Tree, root: Path) -> None:
    upload(tree, "file", b"1")
    (root / "link").symlink_to("file")
    (root / "out").symlink_to("/etc")
    tree.rename(("link",), ("moved",))
    tree.remove(("moved",))
    tree.remove(("out",))
    assert names(tree) == ["file"]


def test_a_home_is_a_jail_inside_the_root(root: Path) -> None:
    (root / "ann").mkdir()
    (root / "bob").mkdir()
    (root / "bob" / "file").write_text("bob's")
    (root / "ann" / "link").symlink_to("../bob/file")
    store = DiskStore(str(root))
    ann = store.enter("ann", ("ann",))
    assert store.enter("ann", ("ann",)) is ann
    assert refused(ann.open_read, ("link",)) is Problem.OUTSIDE
    upload(ann, "file", b"1")
    assert (root / "ann" / "file").read_bytes() == b"1"
    assert refused(store.enter, "eve", ("eve",)) is Problem.MISSING
    assert refused(store.enter, "eve", ("bob", "file")) is Problem.NOT_A_DIRECTORY


def test_a_root_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match=r"cannot serve .*/none: No such file or directory"):
        DiskStore(str(tmp_path / "none"))
