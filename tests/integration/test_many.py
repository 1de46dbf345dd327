"""10,000 connections held open, each still answered: a generator in one process, the server in another."""

from __future__ import annotations

import select
import socket

import pytest

from tests.clients import PATIENCE
from tests.conftest import descriptors
from tests.servers import Own

MANY = 10_000
SOURCES = 10
"""Loopback addresses to connect from: one has 28,000 ephemeral ports, some of them in TIME_WAIT."""


@pytest.mark.slow
@pytest.mark.parametrize("service", ["echo", "rpc"])
def test_ten_thousand_connections_are_each_still_answered(own: Own, service: str) -> None:
    with descriptors(MANY + 500):
        running = own(service)
        family, address = running.where["tcp"]
        clients: list[socket.socket] = []
        try:
            for i in range(MANY):
                client = socket.socket(family)
                clients.append(client)
                client.settimeout(PATIENCE)
                client.bind((f"127.0.0.{i % SOURCES + 2}", 0))
                client.connect(address)  # type: ignore[arg-type]
            for round_ in range(2):
                for i, client in enumerate(clients):
                    client.send(words(service, round_, i))
                _all_answered(service, round_, clients)
        finally:
            for client in clients:
                client.close()


def words(service: str, round_: int, i: int) -> bytes:
    if service == "echo":
        return b"%d %5d\n" % (round_, i)
    return b'{"jsonrpc":"2.0","method":"add","params":[%d,%d],"id":%d}\n' % (round_, i, i)


def answer(service: str, round_: int, i: int) -> bytes:
    return words(service, round_, i) if service == "echo" else b"%d" % (round_ + i)


def _all_answered(service: str, round_: int, clients: list[socket.socket]) -> None:
    poll = select.epoll()
    numbers = {client.fileno(): i for i, client in enumerate(clients)}
    for fd in numbers:
        poll.register(fd, select.EPOLLIN)
    while numbers:
        ready = poll.poll(PATIENCE)
        assert ready, f"{len(numbers)} are not answered"
        for fd, _ in ready:
            i = numbers.pop(fd)
            poll.unregister(fd)
            assert answer(service, round_, i) in clients[i].recv(1000)
    poll.close()
