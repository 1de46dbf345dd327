"""Where the tests of gevent's client run: in a thread, and so in a hub, of their own."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import gevent

from tests.clients import PATIENCE
from tests.scripted import descriptors

F = TypeVar("F", bound=Callable[..., None])


def greenlets(test: F) -> F:
    """Run a test where greenlets are at home, and see that it leaves none behind."""

    @functools.wraps(test)
    def in_a_thread(**fixtures: Any) -> None:
        raised: list[BaseException] = []

        def run() -> None:
            hub = gevent.get_hub()
            try:
                test(**fixtures)
                assert hub.join(timeout=PATIENCE), "greenlets, timers or watchers are left"
            except BaseException as error:
                raised.append(error)
            finally:
                hub.destroy(destroy_loop=True)

        before = descriptors()
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join(3 * PATIENCE)
        assert not thread.is_alive()
        if raised:
            raise raised[0]
        assert descriptors() == before

    return in_a_thread  # type: ignore[return-value]
