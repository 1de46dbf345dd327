"""What every driver must do: the eleven lines of docs/architecture.md, against each driver.

The probe (tests/probe) does over the wire whatever a session may order, and tells what facts
it was told.  Lines 10 and 11, which are about the life of a server, are in test_life.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests import servers
from tests.clients import Client, Flood
from tests.servers import Certificate, Own, Running

CHUNK = 65_536
SMALL = 4_096
"""Bytes of SO_RCVBUF with which a reader who does not read is soon full."""


@pytest.fixture(scope="module")
def probe(implementation: str, certificate: Certificate) -> Iterator[Running]:
    """One server for many tests, on TCP, TLS and a unix socket."""
    if implementation == "target":
        pytest.skip("the probe is ours alone")
    flags = ["--cert", str(certificate.cert), "--key", str(certificate.key)]
    listen = ("tcp", "tls", "unix")
    with servers.serving(implementation, "probe", *flags, listen=listen, certificate=certificate) as running:
        yield running


@pytest.fixture(params=["tcp", "tls", "unix"])
def over(request: pytest.FixtureRequest) -> str:
    return str(request.param)


names = iter(range(1_000_000))
Connect = Callable[..., Client]


@pytest.fixture
def connect(probe: Running, over: str) -> Iterator[Connect]:
    """Connects to the probe over each kind of stream, gives the connection a name, closes it at the end."""
    opened: list[Client] = []

    def connect(name: str = "", over: str = over, **options: object) -> Client:
        client = probe.connect(over, **options)
        opened.append(client)
        client.name = name or f"n{next(names)}"  # type: ignore[attr-defined]
        client.send(f"name {name_of(client)}\n".encode())
        assert client.read_line() == f"named {name_of(client)}".encode()
        return client

    yield connect
    watcher = connect(over="tcp")
    for client in opened[:-1]:
        client.close()
    for client in opened[:-1]:  # so that the next test begins with a server without connections
        facts_of(watcher, name_of(client))
    watcher.half_close()
    watcher.read_to_end()
    watcher.close()


def name_of(client: Client) -> str:
    name: str = client.name  # type: ignore[attr-defined]
    return name


def facts_of(watcher: Client, name: str) -> list[str]:
    """What the connection of this name was told, once it is over."""
    watcher.send(f"await {name}\n".encode())
    answer = watcher.read_line()
    if answer == b"awaiting":
        answer = watcher.read_line()
    word, of, *facts = answer.decode().split()
    assert (word, of) == ("facts", name)
    return facts


def ask(client: Client, line: str) -> str:
    """One line there, one line back."""
    client.send(f"{line}\n".encode())
    return client.read_line().decode()


def in_step(client: Client) -> None:
    """All that was asked before has been done."""
    token = f"t{next(names)}"
    assert ask(client, f"ping {token}") == f"pong {token}"


# -- 1: facts in order, never nested; one fact's orders in order ---------------------------


def test_facts_are_reported_in_the_order_they_happened(connect: Connect) -> None:
    watcher, client = connect(), connect()
    client.half_close()
    client.read_to_end()
    assert facts_of(watcher, name_of(client)) == [
        "connected",
        "received",
        "ended",
        "close",
        "disconnected:EOF",
    ]


def test_one_facts_orders_are_carried_out_in_order(connect: Connect) -> None:
    client = connect()
    client.send(b"count 10000\nping a\ncount 3\nping b\nclose\n")
    lines = client.read_to_end().decode().splitlines()
    assert lines == [*map(str, range(10_000)), "pong a", "0", "1", "2", "pong b"]


def test_orders_for_others_are_carried_out_in_their_place(connect: Connect) -> None:
    client = connect()
    me = name_of(client)
    client.send(f"ping a\nto {me} one\nping b\nto {me} two\nping c\n".encode())
    assert [client.read_line() for _ in range(5)] == [b"pong a", b"one", b"pong b", b"two", b"pong c"]


def test_a_fact_that_arises_meanwhile_is_reported_after_the_orders(connect: Connect) -> None:
    """Killing many at once: everybody left sees every epitaph, in one order, after the killer's words."""
    watchers = [connect() for _ in range(3)]
    victims = [connect("victim") for _ in range(10)]
    for i, victim in enumerate(victims):
        assert ask(victim, f"epitaph left {i}") == "noted"
    watchers[0].send(b"ping before\nkill victim\nto all killed\n")
    seen = [[one.read_line() for _ in range(11)] for one in watchers[1:]]
    assert seen[0] == seen[1] == [b"killed", *(b"left %d" % i for i in range(10))]
    assert [watchers[0].read_line() for _ in range(12)] == [b"pong before", *seen[0]]
    assert ask(watchers[0], "nested") == "nested 0"


def test_what_the_host_is_told_inside_a_fact_follows_its_orders(connect: Connect) -> None:
    client = connect()
    client.send(f"ping a\ntell {name_of(client)} told\nping b\n".encode())
    assert [client.read_line() for _ in range(3)] == [b"pong a", b"pong b", b"told"]
    assert ask(client, "nested") == "nested 0"


def test_what_the_host_is_told_inside_a_fact_precedes_every_later_fact(connect: Connect) -> None:
    client, victim = connect(), connect("doomed")
    assert ask(victim, "epitaph left") == "noted"
    client.send(f"tell {name_of(client)} told\nkill doomed\n".encode())
    assert [client.read_line() for _ in range(2)] == [b"told", b"left"]


def test_what_a_thread_tells_is_carried_out_before_its_call_is_answered(connect: Connect) -> None:
    client = connect()
    for i in range(50):
        client.send(b"call t%d thread tell\n" % i)
        assert client.read_line() == b"told t%d" % i
        assert client.read_line() == b"replied t%d t%d" % (i, i)


def test_one_fact_per_connection_is_reported_in_the_order_the_bytes_came(connect: Connect) -> None:
    """A command cut at every byte says the same."""
    client = connect()
    for byte in b"ping abc\n":
        client.send(bytes([byte]))
    assert client.read_line() == b"pong abc"


# -- 2: each order's bytes whole -----------------------------------------------------------


def test_bytes_of_two_orders_never_interleave(connect: Connect) -> None:
    """Trap: two greenlets in sendall on one socket interleave."""
    reader, one, two = connect(buffer=SMALL), connect(), connect()
    size, rounds = 50_000, 8
    for letter in "abcdefgh":
        for sender, sent in ((one, letter), (two, letter.upper())):
            sender.send(f"to {name_of(reader)} {sent * size}\n".encode())
    in_step(one)
    in_step(two)
    lines = [reader.read_line() for _ in range(2 * rounds)]
    assert all(len(line) == size and len(set(line)) == 1 for line in lines)
    assert [line[:1] for line in lines if line[:1].islower()] == [b"%c" % c for c in b"abcdefgh"]
    assert [line[:1] for line in lines if line[:1].isupper()] == [b"%c" % c for c in b"ABCDEFGH"]


# -- 3: the peer's FIN ---------------------------------------------------------------------


def test_what_is_owed_to_a_half_closed_peer_arrives_before_the_close(connect: Connect) -> None:
    """Trap: Twisted drops its write buffer at the peer's FIN, without IHalfCloseableProtocol."""
    client = connect(buffer=SMALL)
    client.send(b"say 900000\n")
    client.half_close()
    assert client.read_to_end() == b"x" * 900_000


def test_a_long_answer_goes_on_after_the_peers_fin(connect: Connect) -> None:
    """4 MiB in pieces of 64 KiB: what is unsent never comes near send_queue."""
    client = connect(buffer=SMALL)
    client.send(b"more 4194304\n")
    client.half_close()
    assert len(client.read_to_end()) == 4_194_304


def test_calls_are_answered_after_the_peers_fin(connect: Connect) -> None:
    client, other = connect(), connect()
    gate = f"g{next(names)}"
    client.send(f"call a thread {gate}\ncall b concurrent {gate}\ncall c coroutine {gate}\n".encode())
    client.half_close()
    in_step(other)
    other.send(f"open {gate}\n".encode())
    lines = client.read_to_end().decode().splitlines()
    assert sorted(lines) == ["replied a opened", "replied b opened", "replied c opened"]
    facts = facts_of(other, name_of(client))
    assert facts.count("ended") == 1
    assert facts[-2:] == ["close", "disconnected:EOF"]


def test_the_deadline_is_watched_after_the_peers_fin(connect: Connect) -> None:
    client = connect()
    assert ask(client, "stay") == "staying"
    client.send(b"deadline 0.05\n")
    client.half_close()
    assert client.read_to_end() == b"expired\n"


def test_a_half_closed_connection_costs_no_cpu(connect: Connect, probe: Running) -> None:
    """Trap: after `ended`, recv() returns b"" at once, for ever."""
    clients = [connect() for _ in range(3)]
    for client in clients:
        assert ask(client, "stay") == "staying"
        client.half_close()
    other = connect()
    in_step(other)
    before = probe.cpu()
    other.send(b"deadline 1\n")
    assert other.read_line() == b"expired"
    assert probe.cpu() - before < 0.5, "a second of waiting was spent running"
    for client in clients:
        client.reset()


# -- 4: the end is reported once, and last ---------------------------------------------------


def test_a_reset_is_told_as_such_once_and_last(connect: Connect) -> None:
    watcher, client = connect(), connect()
    client.send(b"count 5\n")
    client.wait_for_bytes()  # what is unread at the close makes it a reset on a unix socket too
    client.reset()
    facts = facts_of(watcher, name_of(client))
    assert facts[-1] == "disconnected:RESET"
    assert len([fact for fact in facts if fact.startswith("disconnected")]) == 1


def test_a_reset_is_noticed_while_reading_is_held(connect: Connect) -> None:
    watcher, client = connect(), connect(buffer=SMALL)
    client.send(b"say 900000\n")
    in_step(watcher)
    client.reset()
    assert facts_of(watcher, name_of(client))[-1] == "disconnected:RESET"


def test_a_reset_is_noticed_after_the_peers_fin(connect: Connect) -> None:
    """Nothing is waited for then that would tell."""
    watcher, client = connect(), connect()
    assert ask(client, "stay") == "staying"
    client.half_close()
    while "ended" not in ask(watcher, f"facts {name_of(client)}"):
        pass
    client.reset()
    facts = facts_of(watcher, name_of(client))
    assert facts[-1] == "disconnected:RESET"
    assert facts.count("ended") == 1


def test_a_close_while_much_is_owed_is_told(connect: Connect) -> None:
    """The peer closes on unread bytes, which is a reset."""
    watcher, client = connect(), connect(buffer=SMALL)
    client.send(b"say 900000\n")
    in_step(watcher)
    client.close()
    assert facts_of(watcher, name_of(client))[-1] == "disconnected:RESET"


def test_orders_for_a_lost_peer_are_passed_over(connect: Connect) -> None:
    client, lost = connect(), connect()
    gate = f"g{next(names)}"
    lost.send(f"call late thread {gate}\n".encode())
    in_step(lost)
    lost.reset()
    facts = facts_of(client, name_of(lost))
    client.send(f"open {gate}\nto {name_of(lost)} too late\n".encode())
    in_step(client)
    assert facts[-1] == "disconnected:RESET"
    assert ask(client, f"facts {name_of(lost)}").split()[2:] == facts


def test_an_error_on_a_receivers_socket_is_not_the_senders(connect: Connect) -> None:
    """Trap: in a gevent fan-out a receiver's error is raised in the sender's greenlet."""
    sender = connect()
    for _ in range(20):
        receivers = [connect("receiver") for _ in range(3)]
        for receiver in receivers:
            receiver.reset()
        sender.send(b"to receiver hello\n" * 3)
        in_step(sender)
    assert ask(sender, "nested") == "nested 0"


# -- 5: Close and Abort ----------------------------------------------------------------------


def test_close_sends_everything_first(connect: Connect) -> None:
    """Trap: loseConnection never closes while a registered push producer is paused."""
    client = connect(buffer=SMALL)
    client.send(b"say 900000\nclose\n")
    assert client.read_to_end() == b"x" * 900_000  # over TLS: up to close_notify


def test_after_close_nothing_is_reported_but_the_end(connect: Connect) -> None:
    watcher, client = connect(), connect()
    client.send(b"deadline 0.01\nping a\nclose\nping b\n")
    assert client.read_to_end() == b"pong a\n"
    client.send(b"ping c\n")
    client.close()
    facts = facts_of(watcher, name_of(client))
    assert facts[:2] == ["connected", "received"]
    assert facts[facts.index("close") :] == ["close", "disconnected:EOF"]


def test_what_the_peer_sends_after_our_close_does_not_reset_what_we_sent(connect: Connect) -> None:
    """Closing a socket with unread bytes sends RST, which may overtake what was sent."""
    client = connect(buffer=SMALL)
    client.send(b"say 900000\nclose\n")
    client.send_what_fits(b"ping more\n" * 200_000)
    assert client.read_to_end() == b"x" * 900_000


def test_orders_after_close_are_passed_over(connect: Connect) -> None:
    watcher, client = connect(), connect()
    client.send(b"close\n")
    assert client.read_to_end() == b""
    watcher.send(f"to {name_of(client)} late\n".encode())
    in_step(watcher)


def test_abort_drops_the_connection_now(connect: Connect, over: str) -> None:
    watcher, client = connect(), connect(buffer=SMALL)
    client.send(b"say 900000\n")
    in_step(watcher)
    watcher.send(f"kill {name_of(client)}\n".encode())
    assert facts_of(watcher, name_of(client))[-1] == "disconnected:ABORTED"
    if over == "unix":
        assert len(client.read_to_end()) < 900_000
    else:
        with pytest.raises(ConnectionResetError):
            client.read_to_end()


# -- 6: a peer that does not read --------------------------------------------------------------


def test_a_peer_that_does_not_read_is_not_read_from(connect: Connect) -> None:
    """What it sends fills the kernel's buffers, and then waits with it."""
    client = connect(buffer=SMALL)
    client.send(b"say 900000\n")
    other = connect()
    in_step(other)
    offered = 64 * 2**20
    taken = client.send_what_fits(b"ping a\n" * (offered // 7))
    in_step(other)
    assert taken < offered // 2
    assert client.read(900_000) == b"x" * 900_000


def test_reading_goes_on_where_it_was_held(connect: Connect) -> None:
    """Trap: pauseProducing comes once per write; reasons to hold reading are no counter."""
    client = connect(buffer=SMALL)
    client.send(b"say 300000\n" * 3)
    assert client.read(900_000) == b"x" * 900_000
    in_step(client)
    client.send(b"say 900000\n")
    assert client.read(900_000) == b"x" * 900_000
    in_step(client)


def test_no_more_than_send_queue_is_held_for_a_reader(connect: Connect) -> None:
    """The reader who does not read is dropped; the others do not notice."""
    watcher, slow, healthy = connect(), connect(buffer=SMALL), connect()
    size = 200_000
    for i in range(40):
        letter = "ab"[i % 2]
        watcher.send(f"blare {size} {letter}\n".encode())
        in_step(watcher)
        assert healthy.read(size) == letter.encode() * size
    facts = facts_of(watcher, name_of(slow))
    assert facts[-1] == "disconnected:SEND_QUEUE"
    in_step(healthy)


def test_a_reader_of_a_long_answer_never_exceeds_send_queue(connect: Connect) -> None:
    """`more`: the session goes on at `resumed`, whose mark is below what holds reading."""
    client = connect(buffer=SMALL)
    client.send(b"more 8388608\n")
    assert client.read(8_388_608) == b"m" * 8_388_608
    in_step(client)


def test_others_are_answered_during_a_long_answer(connect: Connect) -> None:
    client, other = connect(), connect()
    client.send(b"more 8388608\n")
    for _ in range(20):
        client.read(100_000)
        in_step(other)
    client.read(8_388_608 - 20 * 100_000)
    in_step(client)


# -- 7: calls ----------------------------------------------------------------------------------

RUNS = pytest.mark.parametrize("run", ["thread", "concurrent", "coroutine"])


@RUNS
def test_a_call_is_answered_once_with_what_it_returned(connect: Connect, run: str) -> None:
    client = connect()
    gate = f"g{next(names)}"
    client.send(f"call a {run} {gate}\n".encode())
    in_step(client)
    client.send(f"open {gate}\n".encode())
    assert client.read_line() == b"replied a opened"
    in_step(client)


@RUNS
def test_a_call_that_raises_is_answered_with_its_error(connect: Connect, run: str) -> None:
    client = connect()
    assert ask(client, f"call a {run} raise") == "failed a Mischief"
    in_step(client)


@RUNS
def test_a_call_that_exits_does_not_end_the_server(connect: Connect, run: str) -> None:
    client = connect()
    assert ask(client, f"call a {run} exit") == "failed a RuntimeError"
    in_step(client)


@pytest.mark.parametrize("run", ["concurrent", "coroutine"])
def test_a_cancelled_call_is_answered_as_such_once(connect: Connect, run: str) -> None:
    client = connect()
    gate = f"g{next(names)}"
    client.send(f"call a {run} {gate}\n".encode())
    in_step(client)
    assert ask(client, "cancel a") == "failed a cancelled"
    client.send(f"open {gate}\ncancel a\n".encode())
    in_step(client)


@pytest.mark.parametrize("run", ["concurrent", "coroutine"])
def test_a_call_cancelled_in_the_same_breath_is_answered_once(connect: Connect, run: str) -> None:
    client = connect()
    gate = f"g{next(names)}"
    client.send(f"call a {run} {gate}\n".encode() + b"cancel a\n")
    assert client.read_line() == b"failed a cancelled"
    client.send(f"open {gate}\n".encode())
    in_step(client)


def test_a_cancelled_thread_is_answered_for_when_it_returns(connect: Connect) -> None:
    client, other = connect(), connect()
    gate = f"g{next(names)}"
    client.send(f"call a{gate} thread {gate}\n".encode())
    while f" a{gate}" not in ask(other, "ran"):
        pass
    client.send(f"cancel a{gate}\n".encode())
    in_step(client)  # and no answer came before
    other.send(f"open {gate}\n".encode())
    assert client.read_line() == f"failed a{gate} cancelled".encode()
    in_step(client)


def test_a_cancelled_call_that_has_not_started_never_runs(connect: Connect) -> None:
    """The probe has four threads: a fifth call waits for one."""
    client = connect()
    gate = f"g{next(names)}"
    for i in range(4):
        client.send(f"call {gate}busy{i} thread {gate}\n".encode())
    while ask(client, "ran").count(f"{gate}busy") < 4:
        pass
    client.send(f"call {gate}late thread {gate}\n".encode())
    in_step(client)
    assert ask(client, f"cancel {gate}late") == f"failed {gate}late cancelled"
    client.send(f"open {gate}\n".encode())
    assert len({client.read_line() for _ in range(4)}) == 4
    assert f"{gate}late" not in ask(client, "ran")
    # A thread that was given up for the call would be missing now.
    again = f"g{next(names)}"
    for i in range(4):
        client.send(f"call {again}busy{i} thread {again}\n".encode())
    while ask(client, "ran").count(f"{again}busy") < 4:
        pass
    client.send(f"open {again}\n".encode())
    assert len({client.read_line() for _ in range(4)}) == 4


def test_threads_are_shared_by_all_and_no_more_than_said(connect: Connect) -> None:
    one, two = connect(), connect()
    gate = f"g{next(names)}"
    for i in range(8):
        (one, two)[i % 2].send(f"call {gate}x{i} thread {gate}\n".encode())
    while ask(one, "ran").count(f"{gate}x") < 4:
        pass
    in_step(two)
    assert ask(one, "ran").count(f"{gate}x") == 4
    one.send(f"open {gate}\n".encode())
    for client in (one, two):
        assert len({client.read_line() for _ in range(4)}) == 4
    assert ask(one, "ran").count(f"{gate}x") == 8


def test_a_disconnect_cancels_its_calls(connect: Connect) -> None:
    watcher, client = connect(), connect()
    gate = f"g{next(names)}"
    for i in range(4):
        client.send(f"call {gate}busy{i} thread {gate}\n".encode())
    while ask(watcher, "ran").count(f"{gate}busy") < 4:
        pass
    client.send(f"call {gate}late thread {gate}\ncall {gate}c concurrent {gate}\n".encode())
    in_step(client)
    client.reset()
    facts = facts_of(watcher, name_of(client))
    watcher.send(f"open {gate}\n".encode())
    in_step(watcher)
    assert facts[-1] == "disconnected:RESET"
    assert "failed" not in facts
    assert ask(watcher, "call after thread raise") == "failed after Mischief"
    assert f"{gate}late" not in ask(watcher, "ran")


# -- 8: one flooding client ----------------------------------------------------------------------


def test_a_flooding_client_does_not_starve_the_others(connect: Connect) -> None:
    """Trap: gevent's recv of ready data does not switch: one flooding client starves the rest.

    The flood stops when the other has had its answers, or after 20 chunks for each of them.
    """
    flooder, other = connect(), connect()
    rounds = 20
    with Flood(flooder, b"ping a\n" * 9_362, most=20 * CHUNK * rounds) as flood:
        for _ in range(rounds):
            in_step(other)
        assert not flood.over.is_set(), "the others were answered when the flood was over"


# -- 9: a bug in a session -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "fact", ["received", "ended", "expired", "replied", "failed", "resumed", "disconnected"]
)
def test_an_exception_from_a_session_costs_that_connection_only(
    connect: Connect, probe: Running, fact: str, over: str
) -> None:
    client, other = connect(), connect()
    client.send(f"mischief {fact}\n".encode())
    if fact != "received":
        assert client.read_line() == b"noted"
    provoke = {
        "expired": b"deadline 0.01\n",
        "replied": b"call a thread tell\n",
        "failed": b"call a thread raise\n",
        "resumed": b"more 200000\n",
    }
    if fact in provoke:
        client.send(provoke[fact])
    elif fact == "ended":
        client.half_close()
    elif fact == "disconnected":
        client.send(b"close\n")
        client.read_to_end()
        client.close()
        while "disconnected" not in ask(other, f"facts {name_of(client)}"):
            pass
    facts = facts_of(other, name_of(client))
    assert facts[-1] == ("disconnected:EOF" if fact == "disconnected" else "disconnected:BUG")
    in_step(other)
    probe.tracebacks += 1
    probe.wait_for("Traceback", probe.tracebacks)


@pytest.mark.parametrize("line", ["raise", "nonsense"])
def test_a_mistaken_order_costs_that_connection_only(connect: Connect, probe: Running, line: str) -> None:
    client, other = connect(), connect()
    client.send(f"{line}\n".encode())
    assert facts_of(other, name_of(client))[-1] == "disconnected:BUG"
    in_step(other)
    probe.tracebacks += 1
    probe.wait_for("Traceback", probe.tracebacks)


def test_a_mistaken_order_for_another_does_not_lose_what_others_are_owed(
    connect: Connect, probe: Running
) -> None:
    client, other = connect(), connect()
    client.send(f"to {name_of(other)} owed\nmisdirect {name_of(other)}\n".encode())
    assert other.read_line() == b"owed"
    in_step(other)
    probe.tracebacks += 1
    probe.wait_for("Traceback", probe.tracebacks)


# -- StartTLS --------------------------------------------------------------------------------------


def test_starttls_is_answered_by_secured(probe: Running, certificate: Certificate) -> None:
    """What was ordered before leaves in the clear, what comes after is secret."""
    from tests.clients import TLSClient

    with probe.connect("tcp") as plain:
        plain.send(b"ping a\nstarttls\n")
        assert [plain.read_line(), plain.read_line()] == [b"pong a", b"go ahead"]
        client = TLSClient(plain.sock, certificate.ca, glue=b"ping b\n")
        words = client.read_line().split()
        assert words[:2] == [b"secured", b"TLSv1.3"]
        assert client.read_line() == b"pong b"
        client.half_close()
        assert client.read_to_end() == b""


def test_bytes_ordered_before_the_handshake_is_done_are_a_bug(probe: Running) -> None:
    """It costs that connection only, and others get what they were owed in the same turn."""
    with probe.connect("tcp") as client, probe.connect("tcp") as other:
        assert ask(client, "name early") == "named early"
        assert ask(other, "name patient") == "named patient"
        client.send(b"tooearly patient\n")
        assert other.read_line() == b"owed"
        assert facts_of(other, "early")[-1] == "disconnected:BUG"
        in_step(other)
    probe.tracebacks += 1
    probe.wait_for("Traceback", probe.tracebacks)


def test_starttls_without_a_certificate_is_a_bug(own: Own) -> None:
    running = own("probe")
    with running.connect() as client, running.connect() as other:
        assert ask(client, "name bare") == "named bare"
        client.send(b"starttls\n")
        assert facts_of(other, "bare")[-1] == "disconnected:BUG"
        in_step(other)
    running.tracebacks = 1


# -- over TLS ----------------------------------------------------------------------------------------


def test_bytes_behind_the_handshake_are_not_lost(probe: Running) -> None:
    with probe.connect("tls", glue=b"ping glued\n") as client:
        assert client.read_line() == b"pong glued"


def test_fin_without_close_notify_is_a_reset(probe: Running) -> None:
    """RFC 8446 §6.1: without a closure alert, the data may have been truncated."""
    with probe.connect("tcp") as watcher:
        with probe.connect("tls") as client:
            assert ask(client, "name truncated") == "named truncated"
        facts = facts_of(watcher, "truncated")
    assert facts == ["connected", "received", "disconnected:RESET"]
