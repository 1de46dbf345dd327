"""The jail: a path leads below its directory, or nowhere, whatever links say and whoever moves them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocols.files.store import Problem, StoreError
from stores import jail
from stores.jail import LINKS, open_directory, walk


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """secret is beside home, and what is in home is a, a/b, a/b/file."""
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "home" / "a" / "b").mkdir(parents=True)
    (tmp_path / "home" / "a" / "b" / "file").write_text("inside")
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def descriptors() -> Iterator[None]:
    """No walk leaves a descriptor open, whatever came of it."""
    before = os.listdir("/proc/self/fd")
    yield
    assert os.listdir("/proc/self/fd") == before


def read(home: Path, path: str, *, links: bool = True) -> str:
    """What is read at the place that the path leads to."""
    fd = open_directory(str(home))
    try:
        with walk(fd, path.split("/"), links=links) as place:
            file = os.open(place.name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=place.parent)
            try:
                return os.read(file, 100).decode()
            finally:
                os.close(file)
    finally:
        os.close(fd)


def refused(home: Path, path: str, *, links: bool = True) -> Problem:
    with pytest.raises(StoreError) as raised:
        read(home, path, links=links)
    return raised.value.problem


def test_a_path_leads_to_its_file(home: Path) -> None:
    assert read(home, "a/b/file") == "inside"


@pytest.mark.parametrize("target", ["b/file", "../a/b/file", "./b/../b//file", "../a/../a/b/file"])
def test_a_link_is_followed_while_it_stays_inside(home: Path, target: str) -> None:
    (home / "a" / "link").symlink_to(target)
    assert read(home, "a/link") == "inside"


@pytest.mark.parametrize(
    "target", ["../../secret", "../..", "../../home/a/b", "/", "/etc", "/etc/passwd", "/nowhere"]
)
def test_a_link_that_leads_out_is_not(home: Path, target: str) -> None:
    """Also one that would come back: on the way it is outside."""
    (home / "a" / "link").symlink_to(target)
    assert refused(home, "a/link/x") is Problem.OUTSIDE
    assert refused(home, "a/link") is Problem.OUTSIDE


def test_an_absolute_link_may_come_back(home: Path) -> None:
    (home / "link").symlink_to(home / "a" / "b")
    assert read(home, "link/file") == "inside"


def test_an_absolute_link_to_the_neighbour_does_not(home: Path) -> None:
    """The comparison is of directories, not of how their names begin."""
    (home.parent / "home2").mkdir()
    (home.parent / "home2" / "file").write_text("other")
    (home / "link").symlink_to(home.parent / "home2" / "file")
    assert refused(home, "link") is Problem.OUTSIDE


def test_an_absolute_link_over_a_link_outside_may_come_back(home: Path) -> None:
    (home.parent / "way").symlink_to(home)
    (home / "link").symlink_to(home.parent / "way" / "a" / "b" / "file")
    assert read(home, "link") == "inside"


def test_dots_do_not_climb(home: Path) -> None:
    """They never come from a session, whose paths are cleaned; the jail does not depend on that."""
    assert refused(home, "../secret") is Problem.OUTSIDE
    assert refused(home, "a/../../secret") is Problem.OUTSIDE


def test_without_links_none_is_followed(home: Path) -> None:
    (home / "link").symlink_to("a")
    assert refused(home, "link/b/file", links=False) is Problem.OUTSIDE


def test_links_in_a_circle_end(home: Path) -> None:
    (home / "one").symlink_to("two")
    (home / "two").symlink_to("one")
    assert refused(home, "one") is Problem.OUTSIDE


def test_as_many_links_are_followed_as_linux_follows(home: Path) -> None:
    (home / "link0").symlink_to("a/b/file")
    for number in range(1, LINKS + 1):
        (home / f"link{number}").symlink_to(f"link{number - 1}")
    assert read(home, f"link{LINKS - 1}") == "inside"
    assert refused(home, f"link{LINKS}") is Problem.OUTSIDE


def test_a_file_is_no_directory(home: Path) -> None:
    with pytest.raises(NotADirectoryError):
        read(home, "a/b/file/more")


def test_what_is_not_there_has_a_place(home: Path) -> None:
    fd = open_directory(str(home))
    with walk(fd, ["a", "new"], links=True) as place:
        assert place.name == "new"
        assert place.found is None
    with pytest.raises(FileNotFoundError):
        walk(fd, ["nowhere", "new"], links=True)
    os.close(fd)


def test_a_dangling_link_leads_to_the_place_that_it_names(home: Path) -> None:
    (home / "link").symlink_to("a/new")
    fd = open_directory(str(home))
    with walk(fd, ["link"], links=True) as place:
        assert (place.name, place.found) == ("new", None)
    with walk(fd, ["link"], links=True, last=False) as place:
        assert place.name == "link"
        assert place.found is not None
    os.close(fd)


def test_the_directory_itself_is_a_place(home: Path) -> None:
    fd = open_directory(str(home))
    with walk(fd, [], links=True) as place:
        assert place.name == "."
        assert os.path.samestat(os.stat(place.name, dir_fd=place.parent), os.stat(home))
    os.close(fd)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    links=st.lists(
        st.tuples(
            st.sampled_from(["l", "m", "a/l", "a/b/l"]),
            st.lists(st.sampled_from(["..", ".", "a", "b", "l", "m", "file", "", "secret"]), min_size=1),
        )
    ),
    path=st.lists(st.sampled_from(["a", "b", "l", "m", "file", "..", "secret"]), min_size=1),
)
def test_nothing_outside_is_ever_read(
    home: Path, links: list[tuple[str, list[str]]], path: list[str]
) -> None:
    made = []
    for where, target in links:
        if not (home / where).is_symlink() and "/".join(target):
            (home / where).symlink_to("/".join(target))
            made.append(home / where)
    try:
        assert read(home, "/".join(path)) == "inside"
    except (StoreError, OSError):
        pass
    finally:
        for link in made:
            link.unlink()


@pytest.mark.parametrize("moment", range(1, 7))
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_directory_that_becomes_a_link_while_we_walk_leads_nowhere(
    home: Path, monkeypatch: pytest.MonkeyPatch, moment: int, when: str
) -> None:
    """The race of every check that is made before the use, at each of our looks at the disk."""
    (home.parent / "outside" / "b").mkdir(parents=True)
    (home.parent / "outside" / "b" / "file").write_text("secret")
    looks = 0

    def swap() -> None:
        os.rename(home / "a", home / "was")
        os.symlink("../outside", home / "a")

    def watched(call: Callable[..., Any]) -> Callable[..., Any]:
        def look(*args: Any, **kwargs: Any) -> Any:
            nonlocal looks
            looks += 1
            if looks == moment and when == "before":
                swap()
            result = call(*args, **kwargs)
            if looks == moment and when == "after":
                swap()
            return result

        return look

    for name in ("stat", "open", "readlink"):
        monkeypatch.setattr(jail, "os", Watched(jail.os, name, watched(getattr(os, name))))
    try:
        assert read(home, "a/b/file") == "inside"
    except (StoreError, OSError):
        pass
    assert looks >= moment


class Watched:
    """A module, with one function of it replaced."""

    def __init__(self, module: Any, name: str, function: Callable[..., Any]) -> None:
        self._module = module
        setattr(self, name, function)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)
