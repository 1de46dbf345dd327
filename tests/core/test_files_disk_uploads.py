"""Uploads on the local disk: what is whole has its name, what is not is hidden, and is its owner's."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Literal

import pytest

from protocols.files.store import How, Problem, Tree
from stores import uploads
from stores.files import DiskStore
from stores.openfiles import KEPT
from tests.core.files_disk import as_nobody, content, cut, descriptors, names, refused, root, tree, upload

__all__ = ["descriptors", "root", "tree"]


def test_an_upload_has_its_name_when_it_is_whole_and_not_before(tree: Tree, root: Path) -> None:
    writer = tree.open_write(("file",), How.REPLACE)
    writer.write(b"half")
    assert names(tree) == []
    assert not (root / "file").exists()
    writer.write(b" and half")
    writer.commit()
    assert names(tree) == ["file"]
    assert os.listdir(root) == ["file"]
    assert content(tree, "file") == b"half and half"


def test_a_cut_upload_leaves_what_was_there_before(tree: Tree, root: Path) -> None:
    upload(tree, "file", b"before")
    cut(tree, "file", b"aft")
    assert (root / "file").read_bytes() == b"before"
    assert names(tree) == ["file"]


def test_a_cut_upload_is_shown_to_its_user_and_can_be_resumed(tree: Tree) -> None:
    """curl asks SIZE and sends APPE; lftp sends REST and STOR."""
    cut(tree, "file", b"one ")
    told = tree.resumable(("file",))
    assert (told.name, told.size, told.part) == ("file", 4, True)
    upload(tree, "file", b"two", How.APPEND)
    assert tree.resumable(("file",)) == tree.stat(("file",))
    assert content(tree, "file") == b"one two"
    cut(tree, "more", b"one XXX")
    upload(tree, "more", b"two", offset=4)
    assert content(tree, "more") == b"one two"


def test_who_reads_reads_what_is_whole(tree: Tree, root: Path) -> None:
    """And not what is on its way to the same name, not even the user whose upload it is."""
    cut(tree, "new", b"ha")
    assert refused(tree.open_read, ("new",)) is Problem.MISSING
    assert refused(tree.stat, ("new",)) is Problem.MISSING
    assert refused(tree.utime, ("new",), 0.0) is Problem.MISSING
    upload(tree, "file", b"whole")
    cut(tree, "file", b"ha")
    assert (content(tree, "file"), tree.stat(("file",)).size) == (b"whole", 5)
    tree.utime(("file",), 86_400.0)
    assert (root / "file").stat().st_mtime == 86_400.0


def test_a_cut_upload_is_resumed_after_a_restart(root: Path) -> None:
    cut(DiskStore(str(root)).enter("ann", ()), "file", b"one ")
    upload(DiskStore(str(root)).enter("ann", ()), "file", b"two", offset=4)
    assert (root / "file").read_bytes() == b"one two"


def test_a_cut_upload_is_nobody_elses_to_see_or_resume(root: Path) -> None:
    store = DiskStore(str(root))
    cut(store.enter("ann", ()), "file", b"one ")
    bob = store.enter("bob", ())
    assert refused(bob.resumable, ("file",)) is Problem.MISSING
    assert refused(bob.open_write, ("file",), How.REPLACE, 4) is Problem.BAD_OFFSET
    (part,) = os.listdir(root)
    for call in (bob.stat, bob.resumable, bob.open_read, bob.remove, bob.list):
        assert refused(call, (part,)) is Problem.MISSING
    assert refused(bob.open_write, (part,), How.REPLACE) is Problem.MISSING
    assert refused(bob.rename, (part,), ("mine",)) is Problem.MISSING


@pytest.mark.parametrize("how", [How.REPLACE, How.APPEND])
def test_nobody_goes_on_with_what_was_cut_before_the_file_was_replaced(root: Path, how: How) -> None:
    """Whoever appends to a file means the one that is there, and not what once was to become one."""
    store = DiskStore(str(root))
    ann = store.enter("ann", ())
    cut(ann, "file", b"long ago and more")
    (part,) = os.listdir(root)
    os.utime(root / part, (1_000_000_000.0, 1_000_000_000.0))
    upload(store.enter("bob", ()), "file", b"new ")
    assert (ann.resumable(("file",)).size, ann.resumable(("file",)).part) == (4, False)
    upload(ann, "file", b"and more", how, 4 if how is How.REPLACE else 0)
    assert (root / "file").read_bytes() == b"new and more"
    assert os.listdir(root) == ["file"]


def test_an_upload_from_its_beginning_forgets_the_one_that_was_cut(tree: Tree) -> None:
    cut(tree, "file", b"a long beginning")
    upload(tree, "file", b"short")
    assert content(tree, "file") == b"short"


def test_of_two_uploads_at_once_the_last_whole_one_wins(tree: Tree, root: Path) -> None:
    one = tree.open_write(("file",), How.REPLACE)
    two = tree.open_write(("file",), How.REPLACE)
    one.write(b"11")
    two.write(b"22222")
    one.write(b"11")
    two.commit()
    assert content(tree, "file") == b"22222"
    one.commit()
    assert content(tree, "file") == b"1111"
    assert os.listdir(root) == ["file"]


def test_the_second_of_two_uploads_at_once_leaves_nothing_when_it_is_cut(tree: Tree, root: Path) -> None:
    one = tree.open_write(("file",), How.REPLACE)
    one.write(b"1")
    cut(tree, "file", b"2")
    one.commit()
    assert os.listdir(root) == ["file"]


@pytest.mark.parametrize("how", [How.REPLACE, How.APPEND])
def test_nobody_goes_on_with_what_is_still_written(tree: Tree, root: Path, how: How) -> None:
    """A client that was cut off may be back before we know, and does not count from what stood there."""
    upload(tree, "file", b"before")
    one = tree.open_write(("file",), How.REPLACE)
    one.write(b"123")
    assert tree.resumable(("file",)).size == 3
    assert refused(tree.open_write, ("file",), how, 3 if how is How.REPLACE else 0) is Problem.BUSY
    one.abandon()
    upload(tree, "file", b"456", how, 3 if how is How.REPLACE else 0)
    assert content(tree, "file") == b"123456"
    assert os.listdir(root) == ["file"]


def test_a_file_is_appended_to_and_is_its_old_self_until_the_end(tree: Tree, root: Path) -> None:
    upload(tree, "file", b"one ")
    writer = tree.open_write(("file",), How.APPEND)
    assert writer.slow
    writer.write(b"two")
    assert not writer.slow
    assert (root / "file").read_bytes() == b"one "
    writer.commit()
    assert content(tree, "file") == b"one two"


def test_a_file_is_written_anew_from_an_offset(tree: Tree) -> None:
    """RFC 959 §4.1.3, REST: what comes before the marker is kept."""
    upload(tree, "file", b"one two three")
    upload(tree, "file", b"2", offset=4)
    assert content(tree, "file") == b"one 2"
    upload(tree, "file", b"", offset=3)
    assert content(tree, "file") == b"one"


def test_an_offset_beyond_the_end_is_refused(tree: Tree, root: Path) -> None:
    upload(tree, "file", b"one")
    assert refused(tree.open_write, ("file",), How.REPLACE, 4) is Problem.BAD_OFFSET
    assert refused(tree.open_write, ("none",), How.REPLACE, 1) is Problem.BAD_OFFSET
    assert refused(tree.open_read, ("file",), 4) is Problem.BAD_OFFSET
    assert content(tree, "file", 3) == b""
    cut(tree, "part", b"12")
    assert refused(tree.open_write, ("part",), How.REPLACE, 3) is Problem.BAD_OFFSET
    assert tree.resumable(("part",)).size == 2
    assert len(os.listdir(root)) == 2


def test_a_unique_name_is_nobodys_yet(tree: Tree, root: Path) -> None:
    assert upload(tree, "file", b"0") == "file"
    writer = tree.open_write(("file",), How.UNIQUE)
    assert writer.name == "file.1"
    (root / "file.1").write_bytes(b"somebody was faster")
    assert refused(writer.commit) is Problem.EXISTS
    assert (root / "file.1").read_bytes() == b"somebody was faster"
    assert upload(tree, "file", b"2", How.UNIQUE) == "file.2"
    assert content(tree, "file.2") == b"2"


def test_what_is_replaced_keeps_its_permissions(tree: Tree, root: Path) -> None:
    upload(tree, "file", b"one")
    tree.chmod(("file",), 0o640)
    upload(tree, "file", b"two")
    assert stat.S_IMODE((root / "file").stat().st_mode) == 0o640


@pytest.mark.parametrize("begun_before", [False, True])
def test_what_replaces_a_private_file_is_private_while_it_grows(
    tree: Tree, root: Path, begun_before: bool
) -> None:
    if begun_before:
        cut(tree, "file", b"0")
        (root / "file").write_bytes(b"one")
    else:
        upload(tree, "file", b"one")
    tree.chmod(("file",), 0o400)
    writer = tree.open_write(("file",), How.REPLACE)
    (part,) = set(os.listdir(root)) - {"file"}
    assert stat.S_IMODE((root / part).stat().st_mode) == 0o600
    writer.commit()
    assert stat.S_IMODE((root / "file").stat().st_mode) == 0o400


@pytest.fixture
def freed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The threads in which large files are freed; here, all are large."""
    threads: list[str] = []

    class Thread(threading.Thread):
        def start(self) -> None:
            threads.append(self.name)
            super().start()
            self.join()

    monkeypatch.setattr(uploads.threading, "Thread", Thread)
    monkeypatch.setattr(uploads, "LARGE", 1)
    return threads


def test_a_large_file_that_is_replaced_is_freed_in_a_thread(tree: Tree, root: Path, freed: list[str]) -> None:
    """Half a GiB takes a tenth of a second, for which nobody else would be served."""
    upload(tree, "file", b"one")
    assert not freed
    (root / "another name").hardlink_to(root / "file")
    upload(tree, "file", b"two")
    assert not freed
    upload(tree, "file", b"three")
    assert freed == ["twofold-free"]
    assert (root / "file").read_bytes() == b"three"


def test_a_large_upload_that_is_of_no_use_is_freed_in_a_thread(tree: Tree, freed: list[str]) -> None:
    first = tree.open_write(("file",), How.REPLACE)
    cut(tree, "file", b"two")
    assert freed == ["twofold-free"]
    first.write(b"one")
    first.abandon()  # this one can be resumed
    assert freed == ["twofold-free"]


def test_much_that_is_not_kept_goes_at_the_first_write(root: Path, freed: list[str]) -> None:
    tree = DiskStore(str(root), uploads="direct").enter("ann", ())
    upload(tree, "file", b"before")
    writer = tree.open_write(("file",), How.REPLACE)
    assert writer.slow
    assert (root / "file").read_bytes() == b"before"
    writer.write(b"after")
    assert not writer.slow
    writer.commit()
    assert (root / "file").read_bytes() == b"after"
    writer = tree.open_write(("file",), How.REPLACE, 2)
    assert (writer.slow, writer.offset) == (True, 2)
    writer.commit()
    assert (root / "file").read_bytes() == b"af"


@pytest.mark.parametrize("uploads", ["rename", "direct"])
def test_a_read_only_file_is_not_replaced(root: Path, uploads: Literal["rename", "direct"]) -> None:
    """To rename another over it would be allowed: by the directory's permissions."""
    (root / "file").write_bytes(b"one")
    (root / "file").chmod(0o444)
    root.chmod(0o777)
    tree = DiskStore(str(root), uploads=uploads).enter("ann", ())
    assert refused(as_nobody, tree.open_write, ("file",), How.REPLACE) is Problem.DENIED
    assert refused(as_nobody, tree.open_write, ("file",), How.APPEND) is Problem.DENIED
    assert os.listdir(root) == ["file"]


def test_somebody_elses_file_in_a_sticky_directory_is_refused_before_it_is_sent(
    tree: Tree, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """rename(2): EPERM, where the directory has the sticky bit and neither it nor the file is ours."""
    upload(tree, "file", b"one")
    root.chmod(0o1777)
    upload(tree, "file", b"ours")
    monkeypatch.setattr(uploads.os, "geteuid", lambda: os.getuid() + 1)
    assert refused(tree.open_write, ("file",), How.REPLACE) is Problem.DENIED
    upload(tree, "new", b"two")
    assert sorted(os.listdir(root)) == ["file", "new"]


def test_with_fsync_a_commit_is_not_quick(root: Path) -> None:
    tree = DiskStore(str(root), fsync=True).enter("ann", ())
    assert "commit" not in tree.quick
    upload(tree, "file", b"safe")
    assert content(tree, "file") == b"safe"


@pytest.mark.parametrize("uploads", ["rename", "direct"])
def test_with_fsync_the_bytes_are_on_the_disk_before_their_name_and_both_before_the_end(
    root: Path, monkeypatch: pytest.MonkeyPatch, uploads: Literal["rename", "direct"]
) -> None:
    """fsync(2): "Calling fsync() does not necessarily ensure that the entry in the directory containing the
    file has also reached disk"."""
    synced = []

    def fsync(fd: int) -> None:
        synced.append((Path(os.readlink(f"/proc/self/fd/{fd}")), "file" in os.listdir(root)))

    monkeypatch.setattr(os, "fsync", fsync)
    tree = DiskStore(str(root), uploads=uploads, fsync=True).enter("ann", ())
    upload(tree, "file", b"safe")
    (content, named), directory = synced
    assert content.parent == root
    assert named == (uploads == "direct")
    assert directory == (root, True)


def test_directly_a_file_grows_under_its_own_name(root: Path) -> None:
    tree = DiskStore(str(root), uploads="direct").enter("ann", ())
    cut(tree, "file", b"one ")
    assert names(tree) == ["file"]
    upload(tree, "file", b"two", How.APPEND)
    upload(tree, "file", b"three", offset=4)
    assert content(tree, "file") == b"one three"
    writer = tree.open_write(("file",), How.REPLACE)
    assert refused(tree.open_write, ("file",), How.REPLACE) is Problem.BUSY
    writer.commit()
    assert upload(tree, "file", b"", How.UNIQUE) == "file.1"


KILLED = """
import os, signal, sys
from protocols.files.store import How
from stores.files import DiskStore
writer = DiskStore(sys.argv[1], uploads=sys.argv[2]).enter("ann", ()).open_write(("file",), How.REPLACE)
writer.write(b"half")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_kill_9_leaves_no_half_file_under_its_final_name(root: Path) -> None:
    (root / "file").write_bytes(b"before")
    environ = os.environ | {"PYTHONPATH": os.getcwd()}
    subprocess.run([sys.executable, "-c", KILLED, str(root), "rename"], env=environ)
    assert (root / "file").read_bytes() == b"before"
    tree = DiskStore(str(root)).enter("ann", ())
    assert names(tree) == ["file"]
    upload(tree, "file", b" and half", How.APPEND)
    assert content(tree, "file") == b"half and half"


def test_who_may_not_write_sweeps_nothing(root: Path) -> None:
    """LIST of a read-only user, anonymous above all, changes nothing."""
    store = DiskStore(str(root))
    cut(store.enter("ann", ()), "file", b"half")
    (part,) = os.listdir(root)
    os.utime(root / part, (0, 0))
    assert names(store.enter("bob", ())) == []
    assert os.listdir(root) == [part]
    assert names(store.enter("bob", (), True)) == []
    assert os.listdir(root) == []


def test_a_part_that_nobody_resumes_is_swept_after_a_week(tree: Tree, root: Path) -> None:
    cut(tree, "old", b"1")
    cut(tree, "new", b"2")
    running = tree.open_write(("running",), How.REPLACE)
    running.write(b"3")
    for name in os.listdir(root):
        found = (root / name).stat()
        if (root / name).read_bytes() != b"2":
            os.utime(root / name, (found.st_atime, found.st_mtime - KEPT - 1))
    assert names(tree) == []
    assert sorted((root / name).read_bytes() for name in os.listdir(root)) == [b"2", b"3"]
    running.abandon()
