"""One body, several drivers: what the suite is run against, and what it is given.

`--target HOST:PORT` points it at any other echo server: a test that an independent server
fails as well is looked at twice.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import servers

# A machine may be loaded: how long an example takes says nothing about the code.
settings.register_profile(
    "untimed", parent=settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("untimed")

IMPLEMENTATIONS = ("twisted", "gevent")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--target", metavar="HOST:PORT", help="run the tests of echo's TCP against this server, not ours"
    )
    parser.addoption(
        "--uploads",
        type=int,
        default=100,
        metavar="N",
        help="uploads over TLS to files by each client (%(default)s)",
    )
    parser.addoption(
        "--sessions", type=int, default=500, metavar="N", help="sessions of files at once (%(default)s)"
    )
    parser.addoption(
        "--crowd",
        type=int,
        default=300,
        metavar="N",
        help="how many join one channel of chat (%(default)s); 5000, each told of each, take minutes",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "implementation" in metafunc.fixturenames:
        which = ("target",) if metafunc.config.getoption("target") else IMPLEMENTATIONS
        metafunc.parametrize("implementation", which, scope="module")


def skip_unless_in_ci(why: str) -> None:
    """What is missing is a skip with a name on a laptop, and a failure in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


@contextmanager
def descriptors(n: int) -> Iterator[None]:
    """As many descriptors as this, here and in the server started within."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < n:
        skip_unless_in_ci(f"needs {n} descriptors, the hard limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, n), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> servers.Authority:
    return servers.Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def certificate(authority: servers.Authority) -> servers.Certificate:
    return authority.issue()


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> tuple[str, int] | None:
    """Where the independent server listens, if it is one."""
    text = request.config.getoption("target")
    if not text:
        return None
    host, _, port = text.rpartition(":")
    return host, int(port)


@pytest.fixture
def own(implementation: str, tmp_path: Path) -> Iterator[servers.Own]:
    """Starts servers for one test alone, and ends them as they should end."""
    if implementation == "target":
        pytest.skip("about the life of our own process")
    with servers.Own(implementation) as own:
        yield own
