"""rpc through sockets: its end, its settings read again, connections too many, peers that vanish."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients import Client
from tests.rpc_clients import TOKEN, Connect, Peer, request
from tests.servers import Running

OwnRPC = Callable[..., Running]

overs = pytest.mark.parametrize("over", ["tcp", "tls", "unix"])

REFUSED = {"code": -32008, "message": "Connection refused", "data": {"problem": "too many connections"}}
STOPPING = {"code": -32007, "message": "Server stopping"}


# -- the end of the server -----------------------------------------------------------------


@pytest.mark.parametrize("method", ["until_file", "until_file_in_thread"])
def test_calls_in_flight_are_answered_before_the_server_stops(
    own_rpc: OwnRPC, tmp_path: Path, method: str
) -> None:
    """Those that wait for their turn too; new ones are refused."""
    running = own_rpc("--limits-in-flight=2")
    peer, quiet = Peer(running.connect()), Peer(running.connect())
    quiet.call("add", 1, 2)
    asked = [peer.ask(method, str(tmp_path / "go")) for _ in range(4)]
    peer.call("add", 1, 2)
    running.signal(signal.SIGTERM)
    assert quiet.client.read_to_end() == b""  # nothing is owed to it
    quiet.client.close()
    running.wait_for("stopping: 1 connection to finish within 10 s")
    assert peer.error("add", 1, 2) == STOPPING
    assert peer.error("rpc.discover") == STOPPING
    peer.send([request("add", 1, 2, id="in a batch")])
    assert peer.read()[0]["error"] == STOPPING
    (tmp_path / "go").touch()
    assert sorted(peer.read()["id"] for _ in asked) == asked
    assert peer.client.read_to_end() == b""
    peer.client.close()
    running.ended()


def test_a_cancel_is_still_heard_by_a_stopping_server(own_rpc: OwnRPC, gate: str) -> None:
    running = own_rpc()
    peer = Peer(running.connect())
    held = peer.ask("hold", gate)
    peer.until_counted(gate, now=1)
    running.signal(signal.SIGTERM)
    running.wait_for("stopping: 1 connection to finish within 10 s")
    peer.cancel(held)
    assert peer.failure(held)["code"] == -32001
    assert peer.client.read_to_end() == b""
    peer.client.close()
    running.ended()


def test_a_second_sigterm_ends_a_server_whose_thread_is_stuck(own_rpc: OwnRPC, gate: str) -> None:
    running = own_rpc()
    peer = Peer(running.connect())
    peer.ask("hold_in_thread", gate)
    peer.until_counted(gate, now=1)
    running.signal(signal.SIGTERM)
    running.wait_for("stopping: 1 connection to finish within 10 s")
    running.signal(signal.SIGTERM)
    running.ended(status=128 + signal.SIGTERM, last="stopping")
    peer.client.close()


def test_a_call_that_does_not_end_is_cut_off_at_the_drain_timeout(own_rpc: OwnRPC, gate: str) -> None:
    running = own_rpc("--drain-timeout=0.3")
    peer = Peer(running.connect())
    peer.ask("hold", gate)
    peer.until_counted(gate, now=1)
    running.signal(signal.SIGTERM)
    with pytest.raises(ConnectionResetError):
        peer.client.read_to_end()
    peer.client.close()
    running.ended(last="stopped: 1 connection cut off")


# -- settings read again -------------------------------------------------------------------


def test_sighup_changes_limits_and_token_for_those_who_come_then(
    own_rpc: OwnRPC, gate: str, tmp_path: Path
) -> None:
    config = tmp_path / "twofold.toml"
    config.write_text(f'[rpc]\ntoken = "{TOKEN}"\n[rpc.limits]\nbatch = 2\nin_flight = 1\n')
    running = own_rpc("--config", str(config))
    old = Peer(running.connect())
    assert old.call("rpc.authenticate", TOKEN) is True
    held = old.ask("hold", gate)
    old.until_counted(gate, now=1)

    config.write_text('[rpc]\ntoken = "another"\n[rpc.limits]\nbatch = 3\nin_flight = 2\nconnections = 2\n')
    running.signal(signal.SIGHUP)
    running.wait_for(f"reread {config} and the certificates")
    new = Peer(running.connect())
    new.send([1, 1, 1])
    assert len(new.read()) == 3
    assert new.error("rpc.authenticate", TOKEN)["code"] == -32005
    assert new.call("rpc.authenticate", "another") is True
    assert Peer(running.connect()).failure(None) == REFUSED

    old.send([1, 1, 1])  # what it was promised holds
    assert old.failure(None)["data"] == {"problem": "batch too long", "most": 2}
    assert old.call("secret") == "blue"
    old.tell("open", gate)
    assert old.result(held) == gate

    config.write_text("[rpc]\ntoken = 5\n")
    running.signal(signal.SIGHUP)
    running.wait_for("nothing was reread, and what was in force stays")
    assert f"{config}: rpc.token: expected str, got int" in running.stderr
    assert new.call("rpc.authenticate", "another") is True
    for peer in (old, new):
        peer.end()
    assert TOKEN not in running.log


# -- connections too many ------------------------------------------------------------------


@pytest.mark.parametrize("over", ["tcp", "unix"])
def test_one_connection_too_many_is_told_so_in_json(own_rpc: OwnRPC, over: str) -> None:
    running = own_rpc("--limits-connections=2", listen=(over,))
    kept = [Peer(running.connect(over)) for _ in range(2)]
    for peer in kept:
        peer.call("add", 1, 2)
    for _ in range(3):
        refused = Peer(running.connect(over))
        assert refused.failure(None) == REFUSED
        assert refused.client.read_to_end() == b""
        refused.client.close()
    for peer in kept:
        assert peer.call("add", 1, 2) == 3
        peer.end()
    again = Peer(running.connect(over))
    assert again.call("add", 1, 2) == 3
    again.end()


def test_one_too_many_from_an_address_is_told_so(own_rpc: OwnRPC) -> None:
    running = own_rpc("--limits-connections-per-ip=1")
    kept = Peer(running.connect())
    kept.call("add", 1, 2)
    refused = Peer(running.connect())
    assert refused.failure(None)["data"] == {"problem": "too many connections from your address"}
    refused.client.close()
    elsewhere = Peer(running.connect(source="127.0.0.2"))
    assert elsewhere.call("add", 1, 2) == 3
    for peer in (kept, elsewhere):
        peer.end()


# -- peers that end and peers that vanish --------------------------------------------------


@overs
def test_the_answers_owed_at_fin_leave_before_the_close(connect: Connect, gate: str, over: str) -> None:
    peer, other = connect(over), connect()
    held = peer.ask("hold", gate)
    thread = peer.ask("hold_in_thread", f"{gate} thread")
    peer.client.half_close()
    other.until_counted(gate, now=1)
    other.until_counted(f"{gate} thread", now=1)
    other.tell("open", gate)
    assert peer.result(held) == gate
    other.tell("open", f"{gate} thread")
    assert peer.result(thread) == f"{gate} thread"
    assert peer.client.read_to_end() == b""


@overs
@pytest.mark.parametrize("method", ["hold", "hold_otherwise"])
def test_a_reset_cancels_the_calls_that_run(connect: Connect, gate: str, over: str, method: str) -> None:
    peer, other = connect(over), connect()
    for _ in range(6):  # four run, two wait
        peer.ask(method, gate)
    other.until_counted(gate, now=4)
    peer.client.reset()
    other.until_counted(gate, now=0, begun=4, cancelled=4)
    assert other.call("add", 1, 2) == 3


@overs
def test_a_reset_in_the_middle_of_a_line_costs_nothing(rpc: Running, connect: Connect, over: str) -> None:
    before = len(rpc.descriptors())
    for _ in range(20):
        peer = connect(over)
        peer.call("add", 1, 2)
        peer.client.send(b'{"jsonrpc":"2.0","method":"add","par')
        peer.client.reset()
    other = connect(over)
    assert other.call("add", 1, 2) == 3
    assert len(rpc.descriptors()) <= before + 20


DYING = """
import os, sys
os.write(int(sys.argv[1]), sys.argv[2].encode())
print("sent", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("over", ["tcp", "unix"])
def test_a_client_killed_in_the_middle_of_a_line_is_gone_and_nobody_else(
    rpc: Running, connect: Connect, gate: str, over: str
) -> None:
    """kill -9: the kernel says FIN for it.  The half line is no request, and its calls come to nothing."""
    other = connect(over)
    client: Client = rpc.connect(over)
    line = json.dumps(request("hold", gate, id=1)) + "\n"
    process = subprocess.Popen(
        [sys.executable, "-c", DYING, str(client.sock.fileno()), line + line[:30]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=[client.sock.fileno()],
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        client.sock.close()
        assert process.stdout.readline() == b"sent\n"
        other.until_counted(gate, now=1)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdin.close()
        process.stdout.close()
    # A FIN is not yet an end: the answer is tried, and the RST that comes back is one.
    other.tell("open", gate)
    other.until_counted(gate, now=0)
    assert other.call("add", 1, 2) == 3
    other.end()
