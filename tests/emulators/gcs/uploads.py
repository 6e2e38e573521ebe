"""Simple, multipart and resumable uploads (cloud.google.com/storage/docs/uploads-downloads)."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.emulators.gcs.conditions import RefusedError, Resource, check
from tests.emulators.gcs.state import Bucket, Query

_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")
_NUMBERS = itertools.count(1)


@dataclass
class Session:
    """A resumable upload under way."""

    bucket: Bucket
    name: str
    resource: Resource
    query: Query
    data: bytearray = field(default_factory=bytearray)


class Uploads:
    """All resumable sessions of one emulator."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}

    def begin(self, bucket: Bucket, query: Query, headers: Mapping[str, str], body: bytes) -> str:
        """Check the conditions, as the service does at the start already, and give the session's id."""
        resource: Resource = json.loads(body or b"{}")
        name = resource.get("name") or query["name"]
        live = bucket.live(name)
        check(query, live.resource if live else None)
        if kind := headers.get("X-Upload-Content-Type"):
            resource.setdefault("contentType", kind)
        number = f"upload-{next(_NUMBERS)}"
        conditions = {key: value for key, value in query.items() if key.startswith("if")}
        self._sessions[number] = Session(bucket, name, resource, conditions)
        return number

    def append(self, number: str, content_range: str, body: bytes) -> tuple[Resource | None, int]:
        """Add a chunk; the finished object's resource, or None and how many bytes are there."""
        session = self._sessions.get(number)
        if session is None:
            raise RefusedError(404, "notFound", "no such upload")
        match = _RANGE.fullmatch(content_range or f"bytes 0-{len(body) - 1}/{len(body)}")
        if match is None:
            raise RefusedError(400, "invalid", "bad Content-Range")
        if match[1] is not None:
            if int(match[1]) != len(session.data):
                raise RefusedError(400, "invalid", "the chunk does not follow what is there")
            session.data += body
        if match[3] == "*" or len(session.data) != int(match[3]):
            return None, len(session.data)
        del self._sessions[number]
        return session.bucket.put(session.name, bytes(session.data), session.resource, session.query), len(session.data)


def multipart(bucket: Bucket, query: Query, content_type: str, body: bytes) -> Resource:
    """Metadata and content in one multipart/related body (RFC 2387)."""
    match = re.search(r"boundary=[\"']?([^\"';]+)", content_type)
    if match is None:
        raise RefusedError(400, "invalid", "no boundary")
    boundary = b"--" + match[1].encode()
    _, described, content, *_ = body.split(boundary)
    resource: Resource = json.loads(described.partition(b"\r\n\r\n")[2])
    headers, _, data = content.partition(b"\r\n\r\n")
    if kind := re.search(rb"content-type: *([^\r\n]+)", headers, re.IGNORECASE):
        resource.setdefault("contentType", kind[1].decode())
    return bucket.put(resource.get("name") or query["name"], data.removesuffix(b"\r\n"), resource, query)
