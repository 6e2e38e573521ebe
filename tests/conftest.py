"""Sockets are closed in unit tests; tests of emulators may reach loopback."""

from __future__ import annotations

import os
import tempfile

import pytest
import pytest_socket
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.emulators.fixtures"]
UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same cases every time", UNTIMED, derandomize=True)
settings.register_profile("new cases every time", UNTIMED)
LOOPBACK = ["127.0.0.1", "::1", "localhost"]


def pytest_configure(config: pytest.Config) -> None:
    """`make test` draws the same cases on every machine, `make test-long` new ones; the clock fails none of them."""
    cache = tempfile.TemporaryDirectory()
    config.add_cleanup(cache.cleanup)
    os.environ["XDG_CACHE_HOME"] = cache.name  # what an older tree compiled is none of this one's business
    settings.load_profile("new cases every time" if config.option.markexpr else "same cases every time")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that take minutes run only when asked for with `-m`."""
    if not config.option.markexpr:
        long = pytest.mark.skip(reason="takes minutes: make test-long")
        for item in items:
            if "long" in item.keywords:
                item.add_marker(long)


@pytest.fixture(autouse=True)
def _sockets(request: pytest.FixtureRequest) -> None:
    """Connecting is what is refused: a session's emulators go on accepting on their threads meanwhile."""
    reached = LOOPBACK if {"emulator", "deploy"} & set(request.keywords) else []
    pytest_socket.socket_allow_hosts(reached, allow_unix_socket=True)
