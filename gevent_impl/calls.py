"""Slow calls: a greenlet each, and behind it a thread for what blocks or computes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gevent import Greenlet, GreenletExit
from gevent.lock import Semaphore
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
        # The pool's own count lets one more in than it has threads, where no cancel reaches it.
        self._free_threads = Semaphore(threads)
        self.running: dict[Call, Greenlet[..., Any]] = {}
        self._before_first_turn: set[Call] = set()

    def start(self, connection: Connection, call: Call) -> None:
        """Carry out a `Call`."""
        connection.calls.add(call)
        self._before_first_turn.add(call)
        self.running[call] = self._greenlets.spawn(self._run, connection, call)

    def cancel(self, connection: Connection, call: Call) -> None:
        """Carry out a `Cancel`; a call that is over already is left alone."""
        greenlet = self.running.get(call)
        if greenlet is not None:
            greenlet.kill(block=False)
            if call in self._before_first_turn:
                # _run will never be entered to answer for it.
                self._before_first_turn.discard(call)
                self._over(connection, call, None, Cancelled())

    def cancel_all(self, connection: Connection) -> None:
        """The connection is gone: nobody is left to answer."""
        for call in list(connection.calls):
            self.cancel(connection, call)

    @property
    def threads_busy(self) -> int:
        """Threads that have not come back."""
        return len(self._threads)

    def _run(self, connection: Connection, call: Call) -> None:
        self._before_first_turn.discard(call)
        result: Any = None
        error: Exception | None = None
        try:
            if call.run == "thread":
                result = self._run_in_thread(call)
            else:
                result = call.function(*call.args, **call.kwargs)
        except GreenletExit:
            error = Cancelled()
        except BaseException as raised:  # sys.exit() in a call must not end the server
            error = raised if isinstance(raised, Exception) else RuntimeError(repr(raised))
        self._over(connection, call, result, error)

    def _run_in_thread(self, call: Call) -> Any:
        with self._free_threads:  # a call that is cancelled while it waits here never starts
            running: Any = self._threads.spawn(_outcome, call)
            killed: GreenletExit | None = None
            while not running.ready():
                try:
                    running.wait()
                except GreenletExit as kill:
                    # A thread can't be stopped, and keeps its place until it returns.
                    killed = kill
        if killed is not None:
            raise killed
        result, error = running.get()
        if error is not None:
            raise error
        return result

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


def _outcome(call: Call) -> tuple[Any, BaseException | None]:
    """In the thread: what the call returned or raised, which gevent itself would print."""
    try:
        return call.function(*call.args, **call.kwargs), None
    except BaseException as error:
        return None, error
