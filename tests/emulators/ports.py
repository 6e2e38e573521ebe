"""Free loopback ports, chosen by the operating system."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack, suppress


def free_ports(count: int) -> list[int]:
    """`count` different ports for a process that must be told its own."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [entry.getsockname()[1] for entry in sockets]


def answers(port: int, seconds: float = 30.0) -> bool:
    """Whether something accepts connections at `port` within `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        time.sleep(0.05)
    return False
