"""Slow calls: a Deferred or a coroutine, or a thread for what blocks or computes."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from protocols.session import Call, Cancelled

if TYPE_CHECKING:
    from twisted_impl.driver import Driver
    from twisted_impl.session import SessionProtocol


class _DaemonThreads(ThreadPool):
    """A thread that can't be stopped must not keep the process from stopping."""

    @staticmethod
    def threadFactory(*args: Any, **kwargs: Any) -> Thread:  # type: ignore[override]
        return Thread(*args, daemon=True, **kwargs)


class _InThread:
    """A call in the thread pool: waiting for a thread, running, or cancelled before it ran."""

    def __init__(self, call: Call) -> None:
        self._call = call
        # Whoever pops the only item, the thread that begins or the loop that cancels, has the call.
        self._unclaimed = [None]
        self.cancelled = False

    def claim(self) -> bool:
        try:
            self._unclaimed.pop()
        except IndexError:
            return False
        return True

    def run(self) -> Any:
        if self.claim():
            return self._call.function(*self._call.args, **self._call.kwargs)
        return None


class Calls:
    """Runs the calls of one driver's connections; each is answered for exactly once."""

    def __init__(self, driver: Driver, threads: int) -> None:
        self._driver = driver
        self._threads = _DaemonThreads(minthreads=0, maxthreads=threads, name="twofold")
        self._running: dict[Call, tuple[SessionProtocol, Deferred[Any] | _InThread]] = {}

    def start(self, connection: SessionProtocol, call: Call) -> None:
        """Carry out a `Call`."""
        connection.calls.add(call)
        if call.run == "thread":
            self._start_in_thread(connection, call)
            return
        deferred = maybeDeferred(call.function, *call.args, **call.kwargs)
        self._running[call] = connection, deferred
        deferred.addCallbacks(
            lambda result: self._over(call, result, None), lambda failure: self._failed(call, failure)
        )

    def cancel(self, call: Call) -> None:
        """Carry out a `Cancel`; a call that is over already is left alone."""
        if call not in self._running:
            return
        running = self._running[call][1]
        if isinstance(running, Deferred):
            running.cancel()
        else:
            # A thread that runs can't be stopped, and keeps its place until it returns.
            running.cancelled = True
            if running.claim():
                self._over(call, None, Cancelled())

    def cancel_all(self, connection: SessionProtocol) -> None:
        """The connection is gone: nobody is left to answer."""
        for call in list(connection.calls):
            self.cancel(call)

    def _start_in_thread(self, connection: SessionProtocol, call: Call) -> None:
        if not self._threads.started:
            self._threads.start()
        running = _InThread(call)
        self._running[call] = connection, running

        def returned(success: bool, result: Any) -> None:  # in the thread
            self._driver.reactor.callFromThread(self._thread_over, call, running, success, result)

        self._threads.callInThreadWithCallback(returned, running.run)

    def _thread_over(self, call: Call, running: _InThread, success: bool, result: Any) -> None:
        if running.cancelled:
            self._over(call, None, Cancelled())
        elif success:
            self._over(call, result, None)
        else:
            self._failed(call, result)

    def _failed(self, call: Call, failure: Failure) -> None:
        error = failure.value
        if isinstance(error, CancelledError):
            error = Cancelled()
        self._over(call, None, error if isinstance(error, Exception) else RuntimeError(repr(error)))

    def _over(self, call: Call, result: Any, error: Exception | None) -> None:
        if call not in self._running:
            return
        connection, _ = self._running.pop(call)
        connection.calls.discard(call)
        if error is None:
            self._driver.report(connection, connection.session.replied, call, result)
        else:
            self._driver.report(connection, connection.session.failed, call, error)
