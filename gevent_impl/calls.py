"""Slow calls: a greenlet each, and behind it a thread for what blocks or computes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gevent import Greenlet, GreenletExit
from gevent.pool import Pool
from gevent.threadpool import ThreadPool

from protocols.session import Call, Cancelled

if TYPE_CHECKING:
    from gevent_impl.driver import Driver
    from gevent_impl.session import Connection


class Calls:
    """Runs the calls of one driver's connections; each is answered for exactly once."""

    def __init__(self, driver: Driver, threads: int) -> None:
        self._driver = driver
        self._greenlets = Pool()
        self._threads = ThreadPool(threads)
        self.running: dict[Call, Greenlet] = {}

    def start(self, connection: Connection, call: Call) -> None:
        """Carry out a `Call`."""
        connection.calls.add(call)
        self.running[call] = self._greenlets.spawn(self._run, connection, call)

    def cancel(self, connection: Connection, call: Call) -> None:
        """Carry out a `Cancel`; a call that is over already is left alone."""
        greenlet = self.running.get(call)
        if greenlet is not None:
            if not greenlet.started or greenlet.dead:
                # Killed before its first turn, _run would never be entered to answer for it.
                greenlet.kill(block=False)
                self._over(connection, call, None, Cancelled())
            else:
                greenlet.kill(block=False)

    def cancel_all(self, connection: Connection) -> None:
        """The connection is gone: nobody is left to answer."""
        for call in list(connection.calls):
            self.cancel(connection, call)

    @property
    def threads_busy(self) -> int:
        """Threads that have not come back."""
        return len(self._threads)

    def _run(self, connection: Connection, call: Call) -> None:
        result, error = None, None
        try:
            if call.run == "thread":
                result = self._run_in_thread(call)
            else:
                result = call.function(*call.args, **call.kwargs)
        except GreenletExit:
            error = Cancelled()
        except Exception as raised:
            error = raised
        self._over(connection, call, result, error)

    def _run_in_thread(self, call: Call) -> Any:
        # spawn() waits here while every thread is busy: a call cancelled now never starts.
        running = self._threads.spawn(call.function, *call.args, **call.kwargs)
        killed: GreenletExit | None = None
        while not running.ready():
            try:
                running.wait()
            except GreenletExit as kill:
                # A thread can't be stopped, and keeps its place until it returns.
                killed = kill
        if killed is not None:
            raise killed
        return running.get()

    def _over(self, connection: Connection, call: Call, result: Any, error: Exception | None) -> None:
        if self.running.pop(call, None) is None:
            return
        connection.calls.discard(call)
        # What the call told from its thread is carried out before what it returned.
        self._driver.carry_out_told()
        if error is None:
            self._driver.report(connection, connection.session.replied, call, result)
        else:
            self._driver.report(connection, connection.session.failed, call, error)
