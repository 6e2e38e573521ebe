"""One POST of JSON; what the answer means to us. The standard library is enough: no redirects, no sessions."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

from customhouse.errors import CustomhouseError, Denied, Rejected, Transient

TIMEOUT_SECONDS = 10.0


def encoded(message: Mapping[str, object]) -> bytes:
    """A message as compact JSON in UTF-8, always the same bytes for the same message."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def post(url: str, body: bytes, headers: Mapping[str, str], *, timeout: float = TIMEOUT_SECONDS) -> None:
    """Deliver, or raise Transient (throttled, 5xx, no answer), Denied or Rejected; errors name the host alone.

    `timeout` is in seconds, for the connection and for each wait. Nothing but 2xx is a delivery: a redirected POST
    would arrive without its body.
    """
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=timeout)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", path, body, dict(headers))
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise Transient(f"{parts.netloc}: {error or type(error).__name__}") from error
    finally:
        connection.close()
    if status not in range(200, 300):
        raise _refusal(status, f"{parts.netloc} answered {status}")


def _refusal(status: int, text: str) -> CustomhouseError:
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return Denied(text)
    if (
        status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
        or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    ):
        return Transient(text)
    return Rejected(text)
