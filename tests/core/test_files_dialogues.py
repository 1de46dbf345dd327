"""The dialogues of FTP, played against the core: whole, byte by byte, cut at random."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from protocols.files.orders import Outcome
from protocols.files.replies import CODES
from stores.files import DiskStore
from stores.files_memory import MemoryFiles
from tests.core.files import World
from tests.core.test_rpc_dialogues import Cut, at_random, byte_by_byte, whole
from tests.dialogue import names
from tests.files_dialogue import FILES, USERS, Step, read


def memory(tmp_path: Path, quick: bool) -> MemoryFiles:
    store = MemoryFiles(quick=quick)
    for path, data in FILES.items():
        store.add(path, data)
    return store


def disk(tmp_path: Path) -> DiskStore:
    for path, data in FILES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).parent.chmod(0o755)
        (tmp_path / path).write_bytes(data)
        (tmp_path / path).chmod(0o644)
    return DiskStore(str(tmp_path))


STORES = {
    "quick": partial(memory, quick=True),
    "slow": partial(memory, quick=False),
    "disk": disk,
}


@pytest.mark.parametrize("name", names("files_"))
@pytest.mark.parametrize("cut", [whole, byte_by_byte, at_random])
@pytest.mark.parametrize("store", STORES)
def test_a_dialogue_goes_as_it_is_written(name: str, cut: Cut, store: str, tmp_path: Path) -> None:
    """RFC 959 §5.4 and those after it, by example; alike on every store."""
    client = World(STORES[store](tmp_path), users=USERS, tls=False).connect()
    heard = ["220 files ready"]
    steps = read(name)
    for step, following in zip(steps, [*steps[1:], Step("end")], strict=True):
        if step.what == "C<":
            for piece in cut(step.data):
                heard += client.send_bytes(piece)
        elif step.what == "C.":
            heard += client.end()
        elif step.what == "D>":
            heard += client.upload(step.data, cut)
        elif step.what == "D<":
            data = client.download(7).decode(errors="surrogateescape")
            assert step.matches_data(data), data
            heard += client.lines()
        elif step.what == "D!":
            heard += client.finish(Outcome.RESET)
        elif step.what == "S:":
            assert heard, f"no reply, expected {step.line!r}"
            assert step.matches(heard[0]), (heard[0], step.line)
            assert heard[0][:1] == " " or int(heard[0][:3]) in CODES
            del heard[0]
        else:
            assert client.closed
        if following.what != "S:":
            assert heard == []
    client.lose()
