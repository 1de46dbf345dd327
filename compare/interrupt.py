"""Being asked to end: once, and never between starting a process and knowing of it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_asked: list[int] = []
"""The signals that asked us to end, so far."""


def raise_for_all() -> None:
    """Let SIGTERM and SIGHUP do what Ctrl-C does: raise KeyboardInterrupt, so that all is put away.

    Only the first does: what is put away then must not be interrupted.  SIGHUP stays ignored where
    it is, which is what nohup is for.
    """
    _asked.clear()
    for number in _heard():
        signal.signal(number, _end)


def hurried() -> bool:
    """Whether we were asked a second time: nobody is to be waited for any more."""
    return len(_asked) > 1


def _end(number: int, _frame: FrameType | None) -> None:
    _asked.append(number)
    if len(_asked) == 1:
        raise KeyboardInterrupt


def _later(number: int, _frame: FrameType | None) -> None:
    _asked.append(number)


def _heard() -> list[signal.Signals]:
    ignored = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    return [one for one in ENDING if one != signal.SIGHUP or not ignored]


@contextmanager
def uninterrupted() -> Iterator[None]:
    """What asks us to end during the block is heard after it.

    A blocked signal mask would be inherited by the processes that are started in here; a
    handler in Python is not.
    """
    outermost = signal.getsignal(signal.SIGINT) is not _later
    if threading.current_thread() is not threading.main_thread() or not outermost:
        yield
        return
    asked = len(_asked)
    before = {number: signal.signal(number, _later) for number in _heard()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if len(_asked) > asked == 0:
        raise KeyboardInterrupt
