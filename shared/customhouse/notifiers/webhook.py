"""A webhook: the message is the body, signed where a secret is shared."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from customhouse.notifiers.post import TIMEOUT_SECONDS, encoded, post

SIGNATURE = "X-Customhouse-Signature-256"


class Webhook:
    """A `ports.Notifier`.

    With a secret, the header `X-Customhouse-Signature-256` holds `sha256=` and the HMAC-SHA256 of the body in hex,
    as GitHub signs its webhooks: https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries.
    """

    def __init__(self, url: str, secret: str = "", *, timeout: float = TIMEOUT_SECONDS) -> None:
        self._url = url
        self._secret = secret.encode()
        self._timeout = timeout

    def notify(self, message: Mapping[str, object]) -> None:
        """See `ports.Notifier.notify`."""
        body = encoded(message)
        headers = {"Content-Type": "application/json", "User-Agent": "customhouse"}
        if self._secret:
            headers[SIGNATURE] = "sha256=" + hmac.new(self._secret, body, hashlib.sha256).hexdigest()
        post(self._url, body, headers, timeout=self._timeout)


def connect(url: str, secret: str) -> Webhook:
    """The webhook at a URL."""
    return Webhook(url, secret)
