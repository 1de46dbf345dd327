"""What the core tests of files share: a server, and clients joined to it without sockets."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from protocols.files.orders import Begin, CancelTransfer, Listen, Outcome, Unlisten
from protocols.files.server import FilesServer
from protocols.files.session import FilesSession
from protocols.files.settings import FilesLimits, FilesSettings, FilesUser
from protocols.files.store import Store, StoreError
from protocols.files.transfer import Download, Upload
from protocols.passwords import Cost, make_secret
from protocols.session import Abort, Call, Close, Orders, Peer, Reason, StartTLS
from stores.files_memory import MemoryFiles
from tests.core.chat import Host

ANN = FilesUser(password="sesame", permissions=("all",))
BOB = FilesUser(password="sesame", permissions=("read-only",))
HASHED = FilesUser(password=make_secret("sesame", b"salt", Cost(ln=4)))
FIRST_PORT = 50_000
"""What the kernel of these tests chooses, counting up."""


class Client:
    """A control connection and its data connections, as a driver without a network has them."""

    def __init__(self, world: World, peer: Peer) -> None:
        self.world = world
        self.session: FilesSession = world.server.session()
        self.data = b""
        """What was said on the control connection and not looked at."""
        self.closed = False
        self.aborted = False
        self.handshaking = False
        self.calls: list[Call] = []
        self.listening: list[Listen] = []
        self.begun: Begin | None = None
        self._facts: deque[tuple[Callable[..., Orders], tuple[Any, ...]]] = deque()
        world.clients.append(self)
        self.peer = peer
        self.report(self.session.connected, peer)

    # -- the control connection ----------------------------------------------------------

    def send(self, *lines: str) -> list[str]:
        """Say these; what has been answered by then."""
        return self.send_bytes("".join(f"{line}\r\n" for line in lines).encode(errors="surrogateescape"))

    def send_bytes(self, data: bytes) -> list[str]:
        if data:
            self.report(self.session.received, data)
        return self.lines()

    def lines(self) -> list[str]:
        """What it was sent since the last look."""
        data, self.data = self.data, b""
        assert not data or data.endswith(b"\r\n")
        return data.decode(errors="surrogateescape").split("\r\n")[:-1]

    def codes(self, *lines: str) -> list[int]:
        """Say these; the codes of the replies."""
        answers = self.send(*lines)
        return [int(line[:3]) for line in answers if line[:3].isdigit() and line[3:4] == " "]

    def end(self) -> list[str]:
        self.report(self.session.ended)
        return self.lines()

    def drain(self) -> list[str]:
        self.report(self.session.drained)
        return self.lines()

    def lose(self, reason: Reason = Reason.RESET) -> None:
        """The control connection is lost, and with it what belongs to it."""
        self.closed = True
        begun, self.begun = self.begun, None
        self.calls.clear()
        self.listening.clear()
        self._facts.clear()
        now = self.world.now
        assert all(type(order) is not bytes for order in self.session.disconnected(reason, now))
        if begun is not None:
            self.session.finished(begun.transfer, Outcome.CANCELLED, now)

    def secure(self) -> None:
        """The handshake that AUTH began is done."""
        assert self.handshaking
        self.handshaking = False
        peer = self.peer
        self.report(
            self.session.secured, Peer(peer.host, peer.port, peer.local_host, peer.local_port, "TLSv1.3 X")
        )

    # -- data connections ----------------------------------------------------------------

    @property
    def transfer(self) -> Download | Upload:
        """The one that runs."""
        assert self.begun is not None, "no transfer runs"
        return self.begun.transfer

    def finish(self, outcome: Outcome = Outcome.COMPLETE) -> list[str]:
        begun, self.begun = self.begun, None
        assert begun is not None
        self.report(self.session.finished, begun.transfer, outcome)
        return self.lines()

    def write(self, data: bytes) -> bool:
        """Bytes arrive on the data connection; False if the store failed, which ends the transfer."""
        assert isinstance(self.transfer, Upload)
        try:
            self.transfer.write(memoryview(data))
        except StoreError:
            self.report(self.session.finished, self._taken(), Outcome.FAILED)
            return False
        return True

    def upload(self, data: bytes, cut: Callable[[bytes], list[bytes]] = lambda data: [data]) -> list[str]:
        """Send all of it and end the data connection; what is answered."""
        for piece in cut(data):
            if not self.write(piece):
                return self.lines()
        assert isinstance(self.transfer, Upload)
        self.transfer.end()
        return self.finish()

    def download(self, size: int = 65_536) -> bytes:
        """Read it to its end, which completes it."""
        transfer = self.transfer
        assert isinstance(transfer, Download)
        data = b""
        while piece := transfer.read(size):
            data += piece
        self.report(self.session.finished, self._taken(), Outcome.COMPLETE)
        return data

    def _taken(self) -> Download | Upload:
        begun, self.begun = self.begun, None
        assert begun is not None
        return begun.transfer

    def retr(self, command: str) -> bytes:
        """PASV, a command that sends something, and what it sends; all is well."""
        assert self.codes("PASV", command) == [227, 150]
        data = self.download()
        assert self.codes() == [226]
        return data

    def stor(self, command: str, data: bytes) -> list[int]:
        """PASV, a command that takes something; the codes after 150."""
        assert self.codes("PASV", command) == [227, 150]
        return [int(line[:3]) for line in self.upload(data)]

    # -- the driver ----------------------------------------------------------------------

    def report(self, fact: Callable[..., Orders], *args: Any) -> None:
        """One fact, and after it those that follow from its orders."""
        self._facts.append((fact, args))
        while self._facts:
            fact, args = self._facts.popleft()
            if not self.closed or fact == self.session.finished:
                self.carry_out(fact(*args, self.world.now))
            if not self._facts:
                if self.session.more and not self.closed:
                    self._facts.append((self.session.resumed, ()))
                elif self.calls and self.world.run_calls:
                    self.answer(self.calls.pop(0))

    def carry_out(self, orders: Orders) -> None:
        for order in orders:
            if self.closed:
                assert isinstance(order, CancelTransfer) or self.aborted, order
            if isinstance(order, bytes):
                assert not self.handshaking
                self.data += order
            elif isinstance(order, (Close, Abort)):
                self.closed, self.aborted = True, isinstance(order, Abort)
                assert self.begun is None or self._facts, "closed with a transfer that nobody ends"
            elif isinstance(order, Call):
                self.calls.append(order)
            elif isinstance(order, StartTLS):
                self.handshaking = True
            elif isinstance(order, Listen):
                self.listen(order)
            elif isinstance(order, Unlisten):
                self.listening.remove(order.listen)
            elif isinstance(order, Begin):
                assert self.begun is None
                if isinstance(order.via, Listen):
                    self.listening.remove(order.via)
                self.begun = order
            elif isinstance(order, CancelTransfer):
                assert order.transfer is self.transfer
                self._facts.append((self.session.finished, (self._taken(), Outcome.CANCELLED)))
            else:
                raise AssertionError(order)

    def listen(self, order: Listen) -> None:
        assert not self.listening, "one listener at a time"
        if order.port in self.world.in_use:
            self._facts.append((self.session.listen_failed, (order, True)))
        elif self.world.descriptors_gone:
            self._facts.append((self.session.listen_failed, (order, False)))
        else:
            self.listening.append(order)
            self.world.ports += 1
            port = order.port or FIRST_PORT + self.world.ports - 1
            self._facts.append((self.session.listening, (order, port)))

    def answer(self, call: Call) -> None:
        """A call comes back."""
        try:
            result = call.function(*call.args, **call.kwargs)
        except Exception as error:
            self.report(self.session.failed, call, error)
        else:
            self.report(self.session.replied, call, result)


class World:
    """A server, its store and its clients."""

    def __init__(
        self, store: Store | None = None, *, run_calls: bool = True, tls: bool = True, **settings: Any
    ) -> None:
        self.host = Host()
        self.now = 0.0
        self.run_calls = run_calls
        self.ports = 0
        self.in_use: set[int] = set()
        self.descriptors_gone = False
        self.clients: list[Client] = []
        self.store: Any = store or MemoryFiles()
        if isinstance(self.store, MemoryFiles):
            self.store.clock = self.host.wall
        limits = FilesLimits(**{"login_delay": 0.0, "upload_grace": 0.0, **settings.pop("limits", {})})
        settings.setdefault("users", {"ann": ANN, "bob": BOB})
        settings.setdefault("anonymous", "read-only")
        self.server = FilesServer(FilesSettings(limits=limits, **settings), self.host, self.store, tls=tls)

    def connect(self, host: str = "192.0.2.1", local: str = "192.0.2.9", tls: str | None = None) -> Client:
        """A client that has read its welcome."""
        client = Client(self, Peer(host, 40_000, local, 21, tls))
        client.lines()
        return client

    def login(self, user: str = "ann", **where: Any) -> Client:
        """A client that has logged in, and said TYPE I."""
        client = self.connect(**where)
        assert client.codes(f"USER {user}", "PASS sesame", "TYPE I") == [331, 230, 200]
        return client

    def pass_time(self, seconds: float) -> None:
        """Let time go by, from deadline to deadline."""
        until = self.now + seconds
        self.host.now += seconds
        while True:
            due = [
                (client.session.deadline, at)
                for at, client in enumerate(self.clients)
                if not client.closed and client.session.deadline is not None
            ]
            if not due or min(due)[0] > until:
                break
            when, at = min(due)
            self.now = max(self.now, when)
            self.clients[at].session.deadline = None
            self.clients[at].report(self.clients[at].session.expired)
        self.now = until
