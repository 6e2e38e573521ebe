from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_unit_tests_reach_nobody_not_even_this_machine(listening: socket.socket) -> None:
    with pytest.raises(UserWarning, match="tried to use socket"):
        socket.create_connection(listening.getsockname())


@pytest.mark.emulator
def test_tests_of_emulators_reach_this_machine(listening: socket.socket) -> None:
    with socket.create_connection(listening.getsockname()):
        listening.accept()[0].close()


@pytest.mark.emulator
def test_tests_of_emulators_reach_no_other_machine() -> None:
    with pytest.raises(UserWarning, match="tried to use socket"):
        socket.create_connection(("192.0.2.1", 80))
