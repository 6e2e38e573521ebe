"""Messages kept in this process: for tests, and to try a policy out."""

from __future__ import annotations

from collections.abc import Mapping


class Memory:
    """A `ports.Notifier`; `messages` are what was sent, oldest first."""

    def __init__(self) -> None:
        self.messages: list[dict[str, object]] = []

    def notify(self, message: Mapping[str, object]) -> None:
        """See `ports.Notifier.notify`."""
        self.messages.append(dict(message))


def connect(_url: str, _secret: str) -> Memory:
    """An empty box."""
    return Memory()
