"""One JSON request to something on loopback."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

SECONDS = 120.0


@dataclass(frozen=True)
class Reply:
    """An HTTP answer."""

    status: int
    body: str


def get(port: int, path: str) -> Reply:
    """GET on a connection of its own."""
    return _request(port, "GET", path, None, {})


def post(port: int, path: str, document: object, headers: Mapping[str, str]) -> Reply:
    """POST a JSON document on a connection of its own."""
    return _request(port, "POST", path, json.dumps(document), {"Content-Type": "application/json", **headers})


def _request(port: int, method: str, path: str, body: str | None, headers: Mapping[str, str]) -> Reply:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)) as connection:
        connection.request(method, path, body, dict(headers))
        response = connection.getresponse()
        return Reply(response.status, response.read().decode(errors="replace"))
