"""Clients at random: whatever they say, send, abort and lose, no half file has its final name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from protocols.files.orders import Outcome
from protocols.files.settings import FilesPassive
from protocols.files.store import Store
from protocols.files.transfer import Download, Upload
from stores.files import DiskStore
from stores.files_memory import MemoryFiles
from tests.core.files import Client, World

CLIENTS = st.integers(0, 2)
NAMES = st.sampled_from(["a", "b", "d", "d/a", "/d/b", "../a", ".", "x/y"])
FILES = st.sampled_from(["a", "b", "d/a", "d/b"])
COMMANDS = st.sampled_from(
    ["DELE {}", "RNFR {}", "RNTO {}", "MKD {}", "RMD {}", "CWD {}", "SIZE {}", "MLST {}", "TYPE A", "TYPE I",
     "REST 3", "RANG 1 2", "HASH {}", "STAT", "STAT {}", "ABOR", "NOOP", "XYZZY"]
)  # fmt: skip
LEAVING = st.sampled_from(["REIN", "QUIT", "USER ann", "PASS sesame", "PASS wrong", "AUTH TLS", "EPSV ALL"])
END = b"."
"""The last byte of what is sent, and no other: a file that ends otherwise is half of one."""


class Machine(RuleBasedStateMachine):
    """Three clients on one store, whose disk may be full, with calls that come back when they like."""

    quick = True
    grace = 0.0

    def __init__(self) -> None:
        super().__init__()
        self.world = World(
            self.make_store(),
            passive=FilesPassive(ports=("30000-30003",)),
            limits={"idle": 50.0, "login_delay": 1.0, "upload_grace": self.grace},
        )
        self.clients: list[Client] = []
        self.world.run_calls = self.quick

    def make_store(self) -> Store:
        return MemoryFiles(quick=self.quick, room=200).add("d/b", b"x" + END)

    def whole_files(self) -> Iterator[tuple[str, bytes]]:
        """What has its final name."""
        for path, node in self.world.store.nodes.items():
            if node.kind == "file":
                yield "/".join(path), bytes(node.data)

    def opened(self) -> int:
        """What the store has given out and not got back."""
        return len(self.world.store.open)

    def client(self, at: int) -> Client:
        while len(self.clients) <= at:
            client = self.world.connect()
            client.send("USER ann", "PASS sesame")
            self.clients.append(client)
        if self.clients[at].closed:
            client = self.clients.pop(at)
            assert client.calls == [] or not self.quick
            return self.client(at)
        return self.clients[at]

    def ready(self, at: int) -> Client:
        """A client that may move files, unless it is busy."""
        client = self.client(at)
        if client.session.tree is None and not client.handshaking and client.session.waits_for is None:
            client.send("USER ann", "PASS sesame", "TYPE I")
        return client

    def send(self, at: int, *lines: str) -> None:
        client = self.ready(at)
        if not client.handshaking:
            client.send(*lines)

    def uploading(self, at: int, name: str) -> Client | None:
        """A client whose upload runs: one that does already, or a new one, if nothing is in its way."""
        client = self.ready(at)
        self.come_back(client)
        if client.begun is None and not client.handshaking and not client.closed:
            client.send("TYPE I", "EPSV", f"STOR {name}")
            self.come_back(client)
        return client if client.begun is not None and isinstance(client.transfer, Upload) else None

    def come_back(self, client: Client) -> None:
        """The calls of the client come back, until it moves a file."""
        while client.calls and client.begun is None and not client.closed:
            client.answer(client.calls.pop(0))

    @rule(at=CLIENTS, line=LEAVING)
    def leave(self, at: int, line: str) -> None:
        self.send(at, line)

    @rule(at=CLIENTS, name=NAMES, words=st.integers(1, 9), rest=st.booleans())
    def begin_upload(self, at: int, name: str, words: int, rest: bool) -> None:
        """The first bytes of a file that has more."""
        self.send(at, "TYPE I", *["REST 1"] * rest, "EPSV", f"STOR {name}")
        client = self.client(at)
        if client.begun is not None and isinstance(client.transfer, Upload):
            client.write(b"x" * words)

    @rule(at=CLIENTS, line=COMMANDS, name=NAMES)
    def command(self, at: int, line: str, name: str) -> None:
        self.send(at, line.format(name))

    @rule(at=CLIENTS)
    def finish_handshake(self, at: int) -> None:
        client = self.client(at)
        if client.handshaking:
            client.secure()
            client.send("USER ann", "PASS sesame")

    @rule(
        at=CLIENTS,
        how=st.sampled_from(["PASV", "EPSV", "PORT 192,0,2,1,200,1"]),
        verb=st.sampled_from(["STOR {}", "APPE {}", "STOU", "RETR {}", "LIST", "NLST", "MLSD"]),
        name=NAMES,
        then=st.sampled_from([[], ["ABOR"], ["NOOP", "ABOR"], ["QUIT"]]),
    )
    def begin(self, at: int, how: str, verb: str, name: str, then: list[str]) -> None:
        self.send(at, how, verb.format(name), *then)

    @rule(at=CLIENTS, name=FILES, words=st.integers(0, 60), end=st.booleans(), cut=st.booleans())
    def upload(self, at: int, name: str, words: int, end: bool, cut: bool) -> None:
        """Some bytes, with or without the last, which ends the file if nothing goes wrong."""
        client = self.uploading(at, name)
        if client is None:
            return
        assert isinstance(client.transfer, Upload)
        if client.write(b"x" * words) and end and client.write(END):
            client.transfer.end()
            client.finish(Outcome.RESET if cut else Outcome.COMPLETE)

    @rule(at=CLIENTS, name=FILES, words=st.integers(1, 60), room=st.integers(0, 60))
    def upload_to_a_small_disk(self, at: int, name: str, words: int, room: int) -> None:
        """All of a file, of which not all may fit; and then there is room again."""
        client = self.uploading(at, name)
        if client is None:
            return
        assert isinstance(client.transfer, Upload)
        self.world.store.room = room
        if client.write(b"x" * words) and client.write(END):
            client.transfer.end()
            client.finish()
        self.world.store.room = 200

    @rule(at=CLIENTS, name=FILES, words=st.integers(1, 60), killed=st.booleans())
    def end_too_early(self, at: int, name: str, words: int, killed: bool) -> None:
        """ABOR or the end of a killed client, and behind it an end of the data that looks orderly."""
        client = self.uploading(at, name)
        if client is not None and client.write(b"x" * words):
            transfer, client.begun = client.transfer, None
            if killed:
                client.session.ended(self.world.now)
            else:
                client.session.received(b"ABOR\r\n", self.world.now)
            client.report(client.session.finished, transfer, Outcome.COMPLETE)

    @rule(at=CLIENTS)
    def download(self, at: int) -> None:
        client = self.client(at)
        if client.begun is not None and isinstance(client.transfer, Download):
            client.download()

    @rule(at=CLIENTS, outcome=st.sampled_from([one for one in Outcome if one is not Outcome.COMPLETE]))
    def fail(self, at: int, outcome: Outcome) -> None:
        client = self.client(at)
        if client.begun is not None:
            client.finish(outcome)

    @rule(at=CLIENTS)
    def answer(self, at: int) -> None:
        client = self.client(at)
        if client.calls:
            client.answer(client.calls.pop(0))

    @rule(at=CLIENTS, late=st.booleans())
    def lose(self, at: int, late: bool) -> None:
        """The control connection goes; a thread that runs comes back to nobody."""
        client = self.client(at)
        calls = list(client.calls)
        client.lose()
        for call in calls:
            if late:
                try:
                    call.function(*call.args)
                except Exception:
                    pass  # what it says is dropped, whatever it is

    @rule(at=CLIENTS)
    def end(self, at: int) -> None:
        if not self.client(at).handshaking:
            self.client(at).end()

    @rule(seconds=st.integers(1, 60))
    def pass_time(self, seconds: int) -> None:
        self.world.pass_time(seconds)

    @rule(room=st.integers(0, 200))
    def fill(self, room: int) -> None:
        self.world.store.room = room

    # -- what always holds ---------------------------------------------------------------

    @invariant()
    def no_file_is_half(self) -> None:
        for name, data in self.whole_files():
            assert data.endswith(END), name

    @invariant()
    def what_is_open_is_somebodys(self) -> None:
        running = sum(client.session.transfer is not None for client in self.clients if not client.closed)
        assert self.opened() == running

    @invariant()
    def ports_are_free_or_somebodys(self) -> None:
        ours = [client.session.port for client in self.clients if client.session.port is not None]
        assert sorted([*self.world.server.ports._free, *ours]) == [30_000, 30_001, 30_002, 30_003]

    @invariant()
    def a_session_waits_for_what_its_driver_does(self) -> None:
        for client in self.clients:
            session = client.session
            if client.closed:
                assert session.deadline is None
            elif client.begun is not None:
                assert session.waits_for is client.transfer
            elif client.calls:
                assert session.waits_for is client.calls[0]
            else:
                assert client.handshaking or session.deadline is not None

    @invariant()
    def every_command_is_answered(self) -> None:
        """Nothing is queued but behind what holds the line."""
        for client in self.clients:
            if not client.closed and client.session.waits_for is None:
                assert not client.session._queue
                assert not client.session.moving


class SlowMachine(Machine):
    """The same on a store of which every operation runs in a thread, with time between end and name."""

    quick = False
    grace = 1.0

    @rule(at=CLIENTS, name=FILES, words=st.integers(1, 60), killed=st.booleans())
    def end_just_before(self, at: int, name: str, words: int, killed: bool) -> None:
        """The data ends as if it were whole, and then there is ABOR or the end of a killed client."""
        client = self.uploading(at, name)
        if client is not None and client.write(b"x" * words):
            assert isinstance(client.transfer, Upload)
            client.transfer.end()
            client.finish()
            if killed:
                client.lose()
            else:
                client.send("ABOR")

    @rule()
    def answer_all(self) -> None:
        for client in self.clients:
            while client.calls and not client.closed:
                client.answer(client.calls.pop(0))


class DiskMachine(Machine):
    """The same on a disk."""

    def make_store(self) -> Store:
        self.folder = TemporaryDirectory()
        self.root = Path(self.folder.name)
        (self.root / "d").mkdir()
        (self.root / "d" / "b").write_bytes(b"x" + END)
        return DiskStore(self.folder.name)

    def whole_files(self) -> Iterator[tuple[str, bytes]]:
        tree = self.world.store.enter("ann", ())
        for folder, _, names in os.walk(self.root):
            path = Path(folder).relative_to(self.root).parts
            listing = tree.list(path)
            shown = {entry.name for entry in listing.read()}
            listing.close()
            for name in shown.intersection(names):
                yield f"{folder}/{name}", (Path(folder) / name).read_bytes()

    def opened(self) -> int:
        running = [client.session.transfer for client in self.clients if not client.closed]
        if not any(running):
            assert descriptors(self.folder.name) == 1, "only the root's"
        return sum(one is not None for one in running)

    def teardown(self) -> None:
        os.close(self.world.store.root)
        self.folder.cleanup()


def descriptors(below: str) -> int:
    """How many this process has open in a directory."""
    found = 0
    for name in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # that of listdir itself
            found += os.readlink(f"/proc/self/fd/{name}").startswith(below)
    return found


TestQuick = Machine.TestCase
TestQuick.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
TestDisk = DiskMachine.TestCase
TestDisk.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestSlow = SlowMachine.TestCase
TestSlow.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)
