"""Messages as one line of JSON each in the log, at level INFO of the logger `customhouse.notifications`."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from customhouse.notifiers.post import encoded

_LOGGER = logging.getLogger("customhouse.notifications")


class Log:
    """A `ports.Notifier`."""

    def notify(self, message: Mapping[str, object]) -> None:
        """See `ports.Notifier.notify`."""
        _LOGGER.info("%s", encoded(message).decode())


def connect(_url: str, _secret: str) -> Log:
    """The process's own log."""
    return Log()
