"""What every driver must do: the eleven lines of docs/architecture.md, against each driver.

The probe (tests/probe) does over the wire whatever a session may order, and tells what facts
it was told.  In here are the lines on facts, bytes and ends; calls are in test_contract_calls.py,
bugs and TLS in test_contract_bugs.py, and what is about the life of a server in test_life.py and
test_limits.py.
"""

from __future__ import annotations

import pytest

from tests.clients import Flood
from tests.integration.probing import CHUNK, SMALL, Connect, ask, facts_of, in_step, name_of, names
from tests.servers import Running

# -- 1: facts in order, never nested; one fact's orders in order ---------------------------


def test_facts_are_reported_in_the_order_they_happened(join: Connect) -> None:
    watcher, client = join(), join()
    client.half_close()
    client.read_to_end()
    assert facts_of(watcher, name_of(client)) == [
        "connected",
        "received",
        "ended",
        "close",
        "disconnected:EOF",
    ]


def test_one_facts_orders_are_carried_out_in_order(join: Connect) -> None:
    client = join()
    client.send(b"count 10000\nping a\ncount 3\nping b\nclose\n")
    lines = client.read_to_end().decode().splitlines()
    assert lines == [*map(str, range(10_000)), "pong a", "0", "1", "2", "pong b"]


def test_orders_for_others_are_carried_out_in_their_place(join: Connect) -> None:
    client = join()
    me = name_of(client)
    client.send(f"ping a\nto {me} one\nping b\nto {me} two\nping c\n".encode())
    assert [client.read_line() for _ in range(5)] == [b"pong a", b"one", b"pong b", b"two", b"pong c"]


def test_a_fact_that_arises_meanwhile_is_reported_after_the_orders(join: Connect) -> None:
    """Killing many at once: everybody left sees every epitaph, in one order, after the killer's words."""
    watchers = [join() for _ in range(3)]
    victims = [join("victim") for _ in range(10)]
    for i, victim in enumerate(victims):
        assert ask(victim, f"epitaph left {i}") == "noted"
    watchers[0].send(b"ping before\nkill victim\nto all killed\n")
    seen = [[one.read_line() for _ in range(11)] for one in watchers[1:]]
    assert seen[0] == seen[1] == [b"killed", *(b"left %d" % i for i in range(10))]
    assert [watchers[0].read_line() for _ in range(12)] == [b"pong before", *seen[0]]
    assert ask(watchers[0], "nested") == "nested 0"


def test_what_the_host_is_told_inside_a_fact_follows_its_orders(join: Connect) -> None:
    client = join()
    client.send(f"ping a\ntell {name_of(client)} told\nping b\n".encode())
    assert [client.read_line() for _ in range(3)] == [b"pong a", b"pong b", b"told"]
    assert ask(client, "nested") == "nested 0"


def test_what_the_host_is_told_inside_a_fact_precedes_every_later_fact(join: Connect) -> None:
    client, victim = join(), join("doomed")
    assert ask(victim, "epitaph left") == "noted"
    client.send(f"tell {name_of(client)} told\nkill doomed\n".encode())
    assert [client.read_line() for _ in range(2)] == [b"told", b"left"]


def test_what_a_thread_tells_is_carried_out_before_its_call_is_answered(join: Connect) -> None:
    client = join()
    for i in range(50):
        client.send(b"call t%d thread tell\n" % i)
        assert client.read_line() == b"told t%d" % i
        assert client.read_line() == b"replied t%d t%d" % (i, i)


def test_one_fact_per_connection_is_reported_in_the_order_the_bytes_came(join: Connect) -> None:
    """A command cut at every byte says the same."""
    client = join()
    for byte in b"ping abc\n":
        client.send(bytes([byte]))
    assert client.read_line() == b"pong abc"


# -- 2: each order's bytes whole -----------------------------------------------------------


def test_bytes_of_two_orders_never_interleave(join: Connect) -> None:
    """Trap: two greenlets in sendall on one socket interleave."""
    reader, one, two = join(buffer=SMALL), join(), join()
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


def test_what_is_owed_to_a_half_closed_peer_arrives_before_the_close(join: Connect) -> None:
    """Trap: Twisted drops its write buffer at the peer's FIN, without IHalfCloseableProtocol."""
    client = join(buffer=SMALL)
    client.send(b"say 900000\n")
    client.half_close()
    assert client.read_to_end() == b"x" * 900_000


def test_a_long_answer_goes_on_after_the_peers_fin(join: Connect) -> None:
    """4 MiB in pieces of 64 KiB: what is unsent never comes near send_queue."""
    client = join(buffer=SMALL)
    client.send(b"more 4194304\n")
    client.half_close()
    assert len(client.read_to_end()) == 4_194_304


def test_calls_are_answered_after_the_peers_fin(join: Connect) -> None:
    client, other = join(), join()
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


def test_the_deadline_is_watched_after_the_peers_fin(join: Connect) -> None:
    client = join()
    assert ask(client, "stay") == "staying"
    client.send(b"deadline 0.05\n")
    client.half_close()
    assert client.read_to_end() == b"expired\n"


def test_a_half_closed_connection_costs_no_cpu(join: Connect, probe: Running) -> None:
    """Trap: after `ended`, recv() returns b"" at once, for ever."""
    clients = [join() for _ in range(3)]
    for client in clients:
        assert ask(client, "stay") == "staying"
        client.half_close()
    other = join()
    in_step(other)
    before = probe.cpu()
    other.send(b"deadline 1\n")
    assert other.read_line() == b"expired"
    assert probe.cpu() - before < 0.5, "a second of waiting was spent running"
    for client in clients:
        client.reset()


# -- 4: the end is reported once, and last ---------------------------------------------------


def test_a_reset_is_told_as_such_once_and_last(join: Connect) -> None:
    watcher, client = join(), join()
    client.send(b"count 5\n")
    client.wait_for_bytes()  # what is unread at the close makes it a reset on a unix socket too
    client.reset()
    facts = facts_of(watcher, name_of(client))
    assert facts[-1] == "disconnected:RESET"
    assert len([fact for fact in facts if fact.startswith("disconnected")]) == 1


def test_a_reset_is_noticed_while_reading_is_held(join: Connect) -> None:
    watcher, client = join(), join(buffer=SMALL)
    client.send(b"say 900000\n")
    in_step(watcher)
    client.reset()
    assert facts_of(watcher, name_of(client))[-1] == "disconnected:RESET"


def test_a_reset_is_noticed_after_the_peers_fin(join: Connect) -> None:
    """Nothing is waited for then that would tell."""
    watcher, client = join(), join()
    assert ask(client, "stay") == "staying"
    client.half_close()
    while "ended" not in ask(watcher, f"facts {name_of(client)}"):
        pass
    client.reset()
    facts = facts_of(watcher, name_of(client))
    assert facts[-1] == "disconnected:RESET"
    assert facts.count("ended") == 1


def test_a_close_while_much_is_owed_is_told(join: Connect) -> None:
    """The peer closes on unread bytes, which is a reset."""
    watcher, client = join(), join(buffer=SMALL)
    client.send(b"say 900000\n")
    in_step(watcher)
    client.close()
    assert facts_of(watcher, name_of(client))[-1] == "disconnected:RESET"


def test_orders_for_a_lost_peer_are_passed_over(join: Connect) -> None:
    client, lost = join(), join()
    gate = f"g{next(names)}"
    lost.send(f"call late thread {gate}\n".encode())
    in_step(lost)
    lost.reset()
    facts = facts_of(client, name_of(lost))
    client.send(f"open {gate}\nto {name_of(lost)} too late\n".encode())
    in_step(client)
    assert facts[-1] == "disconnected:RESET"
    assert ask(client, f"facts {name_of(lost)}").split()[2:] == facts


def test_an_error_on_a_receivers_socket_is_not_the_senders(join: Connect) -> None:
    """Trap: in a gevent fan-out a receiver's error is raised in the sender's greenlet."""
    sender = join()
    for _ in range(20):
        receivers = [join("receiver") for _ in range(3)]
        for receiver in receivers:
            receiver.reset()
        sender.send(b"to receiver hello\n" * 3)
        in_step(sender)
    assert ask(sender, "nested") == "nested 0"


# -- 5: Close and Abort ----------------------------------------------------------------------


def test_close_sends_everything_first(join: Connect) -> None:
    """Trap: loseConnection never closes while a registered push producer is paused."""
    client = join(buffer=SMALL)
    client.send(b"say 900000\nclose\n")
    assert client.read_to_end() == b"x" * 900_000  # over TLS: up to close_notify


def test_after_close_nothing_is_reported_but_the_end(join: Connect) -> None:
    watcher, client = join(), join()
    client.send(b"deadline 0.01\nping a\nclose\nping b\n")
    assert client.read_to_end() == b"pong a\n"
    client.send(b"ping c\n")
    client.close()
    facts = facts_of(watcher, name_of(client))
    assert facts[:2] == ["connected", "received"]
    assert facts[facts.index("close") :] == ["close", "disconnected:EOF"]


def test_what_the_peer_sends_after_our_close_does_not_reset_what_we_sent(join: Connect) -> None:
    """Closing a socket with unread bytes sends RST, which may overtake what was sent."""
    client = join(buffer=SMALL)
    client.send(b"say 900000\nclose\n")
    client.send_what_fits(b"ping more\n" * 200_000)
    assert client.read_to_end() == b"x" * 900_000


def test_orders_after_close_are_passed_over(join: Connect) -> None:
    watcher, client = join(), join()
    client.send(b"close\n")
    assert client.read_to_end() == b""
    watcher.send(f"to {name_of(client)} late\n".encode())
    in_step(watcher)


def test_abort_drops_the_connection_now(join: Connect, over: str) -> None:
    watcher, client = join(), join(buffer=SMALL)
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


def test_a_peer_that_does_not_read_is_not_read_from(join: Connect) -> None:
    """What it sends fills the kernel's buffers, and then waits with it."""
    client = join(buffer=SMALL)
    client.send(b"say 900000\n")
    other = join()
    in_step(other)
    offered = 64 * 2**20
    taken = client.send_what_fits(b"ping a\n" * (offered // 7))
    in_step(other)
    assert taken < offered // 2
    assert client.read(900_000) == b"x" * 900_000


def test_reading_goes_on_where_it_was_held(join: Connect) -> None:
    """Trap: pauseProducing comes once per write; reasons to hold reading are no counter."""
    client = join(buffer=SMALL)
    client.send(b"say 300000\n" * 3)
    assert client.read(900_000) == b"x" * 900_000
    in_step(client)
    client.send(b"say 900000\n")
    assert client.read(900_000) == b"x" * 900_000
    in_step(client)


def test_no_more_than_send_queue_is_held_for_a_reader(join: Connect) -> None:
    """The reader who does not read is dropped; the others do not notice."""
    watcher, slow, healthy = join(), join(buffer=SMALL), join()
    size = 200_000
    for i in range(40):
        letter = "ab"[i % 2]
        watcher.send(f"blare {size} {letter}\n".encode())
        in_step(watcher)
        assert healthy.read(size) == letter.encode() * size
    facts = facts_of(watcher, name_of(slow))
    assert facts[-1] == "disconnected:SEND_QUEUE"
    in_step(healthy)


def test_a_reader_of_a_long_answer_never_exceeds_send_queue(join: Connect) -> None:
    """`more`: the session goes on at `resumed`, whose mark is below what holds reading."""
    client = join(buffer=SMALL)
    client.send(b"more 8388608\n")
    assert client.read(8_388_608) == b"m" * 8_388_608
    in_step(client)


def test_who_is_given_more_to_say_is_resumed(join: Connect) -> None:
    """A `To` without orders: `more` was set by somebody else's fact."""
    client, other = join(buffer=SMALL), join()
    name = name_of(client)
    assert ask(other, f"charge {name} 8388608") == "charged"
    assert client.read(8_388_608) == b"m" * 8_388_608
    in_step(client)
    in_step(other)


def test_others_are_answered_during_a_long_answer(join: Connect) -> None:
    client, other = join(), join()
    client.send(b"more 8388608\n")
    for _ in range(20):
        client.read(100_000)
        in_step(other)
    client.read(8_388_608 - 20 * 100_000)
    in_step(client)


# -- 8: one flooding client ----------------------------------------------------------------------


def test_a_flooding_client_does_not_starve_the_others(join: Connect) -> None:
    """Trap: gevent's recv of ready data does not switch: one flooding client starves the rest."""
    flooder, other = join(), join()
    with Flood(flooder, b"ping a\n" * 9_362) as flood:
        assert flood.share(lambda: in_step(other), times=50) < 32 * CHUNK
