"""The clients of both frameworks, each in its own: coroutines in the reactor, greenlets in a thread.

pytest-twisted would run every test of the suite inside the reactor, which is why it is not a
plugin of the whole (see addopts).  Here its hook is given the coroutines only.
"""

from __future__ import annotations

import gc
import inspect
from collections.abc import Iterator
from typing import Any

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from pytest_twisted import blockon
from twisted.logger import ILogObserver, LogLevel, globalLogPublisher
from zope.interface import provider

from tests.drivers.turns import Make, turn
from tests.rpc_clients import connect, gate, own_rpc, peer, rpc, token_file
from tests.scripted import descriptors
from tests.servers import wait_until
from twisted_impl.rpc import RPCClient

__all__ = ["connect", "gate", "own_rpc", "peer", "rpc", "token_file"]


@pytest.fixture(scope="session", autouse=True)
def reactor_greenlet() -> Iterator[None]:
    """The reactor, in a greenlet of its own, as long as the tests in here last."""
    pytest_twisted.init_default_reactor()
    yield
    pytest_twisted.stop_twisted_greenlet()


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Any:
    if inspect.iscoroutinefunction(pyfuncitem.obj):
        pytest_twisted.ensureDeferred(pyfuncitem.obj)  # says how its hook is to wait
        return pytest_twisted.pytest_pyfunc_call(pyfuncitem)
    return None


@pytest.fixture
def make(reactor_greenlet: None) -> Iterator[Make]:
    """Makes clients, closes them at the end, and sees that nothing is left of them."""
    from twisted.internet import reactor

    clients: list[RPCClient] = []
    errors: list[str] = []

    @provider(ILogObserver)
    def observe(event: Any) -> None:
        if event["log_level"] >= LogLevel.error:
            errors.append(str(event.get("log_failure", event)))

    def make(address: str, **options: Any) -> RPCClient:
        clients.append(RPCClient(address, **options))
        return clients[-1]

    globalLogPublisher.addObserver(observe)
    blockon(turn())
    before = descriptors()
    yield make
    for client in clients:
        blockon(client.close())
    clients.clear()
    gc.collect()  # a Deferred that failed and that nobody looked at says so when it goes
    wait_until("no descriptor more", lambda: blockon(turn()) or descriptors() == before)
    globalLogPublisher.removeObserver(observe)
    assert reactor.getDelayedCalls() == []
    assert errors == []
