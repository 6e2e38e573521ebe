"""Which request does what (cloud.google.com/storage/docs/json_api/v1)."""

from __future__ import annotations

import datetime as dt
import gzip
import itertools
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.emulators.gcs.conditions import RefusedError, Resource, check
from tests.emulators.gcs.notify import Dispatcher
from tests.emulators.gcs.state import Bucket, Stored, merge, new_bucket
from tests.emulators.gcs.uploads import Uploads, multipart

_NOT_COPIED = ("retention", "temporaryHold", "eventBasedHold", "md5Hash", "crc32c")


@dataclass(frozen=True)
class Request:
    """One HTTP request, its path taken apart."""

    method: str
    names: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def document(self) -> Resource:
        document: Resource = json.loads(self.body or b"{}")
        return document


@dataclass(frozen=True)
class Answer:
    """One HTTP answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def document(resource: Mapping[str, Any]) -> Answer:
    return Answer(200, json.dumps(resource).encode(), {"Content-Type": "application/json; charset=UTF-8"})


class Api:
    """The service's state and its routes; one request at a time."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self.rewrite_step: int | None = None  # bytes one rewrite call moves; None: all
        self._dispatcher = dispatcher
        self._buckets: dict[str, Bucket] = {}
        self._uploads = Uploads()
        self._rewritten: dict[str, int] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()
        bucket, entry = r"/storage/v1/b/([^/]+)", r"/storage/v1/b/([^/]+)/o/([^/]+)"
        routes: dict[str, Callable[[Request], Answer]] = {
            r"/storage/v1/b": self._all_buckets,
            bucket: self._bucket,
            rf"{bucket}/notificationConfigs(?:/(\d+))?": self._notifications,
            rf"{bucket}/o": self._list,
            rf"(?:/download)?{entry}": self._object,
            rf"{entry}/rewriteTo/b/([^/]+)/o/([^/]+)": self._rewrite,
            rf"/upload{bucket}/o": self._upload,
        }
        self._routes = [(re.compile(pattern), handler) for pattern, handler in routes.items()]

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """What the service says to one request."""
        url = urlsplit(target)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        try:
            handler, names = self._routed(url.path)
            with self._lock:
                return handler(Request(method, names, query, headers, body))
        except RefusedError as error:
            return Answer(error.status, json.dumps(error.body()).encode(), {"Content-Type": "application/json"})

    def _routed(self, path: str) -> tuple[Callable[[Request], Answer], tuple[str, ...]]:
        for pattern, handler in self._routes:
            if match := pattern.fullmatch(path):
                return handler, tuple(unquote(name or "") for name in match.groups())
        raise RefusedError(404, "notFound", f"the emulator does not serve {path}")

    def _named(self, name: str) -> Bucket:
        if name not in self._buckets:
            raise RefusedError(404, "notFound", "The specified bucket does not exist.")
        return self._buckets[name]

    def _all_buckets(self, request: Request) -> Answer:
        if request.method == "GET":
            return document({"kind": "storage#buckets", "items": [b.resource for b in self._buckets.values()]})
        wanted = request.document()
        if wanted["name"] in self._buckets:
            raise RefusedError(409, "conflict", "You already own this bucket.")
        bucket = self._buckets[wanted["name"]] = new_bucket(wanted, self._dispatcher.publish)
        return document(bucket.resource)

    def _bucket(self, request: Request) -> Answer:
        bucket = self._named(request.names[0])
        check(request.query, bucket.resource | {"generation": "1"}, reading=request.method == "GET")
        if request.method == "PATCH":
            merge(bucket.resource, request.document())
            bucket.resource["metageneration"] = str(int(bucket.resource["metageneration"]) + 1)
        if request.method == "DELETE":
            if any(bucket.live(name) for name in bucket.objects):
                raise RefusedError(409, "conflict", "The bucket you tried to delete is not empty.")
            del self._buckets[request.names[0]]
            return Answer(204)
        return document(bucket.resource)

    def _notifications(self, request: Request) -> Answer:
        bucket, number = self._named(request.names[0]), request.names[1]
        if request.method == "POST":
            number = str(next(self._numbers))
            bucket.notifications[number] = {"kind": "storage#notification", "id": number, **request.document()}
        if not number:
            return document({"items": list(bucket.notifications.values())})
        if number not in bucket.notifications:
            raise RefusedError(404, "notFound")
        if request.method == "DELETE":
            del bucket.notifications[number]
            return Answer(204)
        return document(bucket.notifications[number])

    def _list(self, request: Request) -> Answer:
        return document(self._named(request.names[0]).listing(request.query))

    def _object(self, request: Request) -> Answer:
        bucket, name = self._named(request.names[0]), request.names[1]
        if request.method == "DELETE":
            bucket.delete(name, request.query)
            return Answer(204)
        if request.method == "PATCH":
            return document(bucket.patch(name, request.document(), request.query))
        stored = bucket.find(name, request.query.get("generation"))
        check(request.query, stored.resource, reading=True)
        if request.query.get("alt") == "media":
            return _media(stored, request.headers)
        return document(stored.resource)

    def _rewrite(self, request: Request) -> Answer:
        origin, name, target, new_name = request.names
        source = self._named(origin).find(name, request.query.get("sourceGeneration"))
        check(request.query, source.resource, "ifSource")
        size = len(source.data)
        token = request.query.get("rewriteToken") or f"token-{next(self._numbers)}"
        done = min(size, self._rewritten.get(token, 0) + (self.rewrite_step or size))
        progress = {"kind": "storage#rewriteResponse", "objectSize": str(size), "totalBytesRewritten": str(done)}
        if done < size:
            self._rewritten[token] = done
            return document(progress | {"done": False, "rewriteToken": token})
        given = {key: value for key, value in request.document().items() if value is not None}
        described = given if set(given) - {"storageClass"} else source.resource | given
        wanted = {key: value for key, value in described.items() if key not in _NOT_COPIED}
        resource = self._named(target).put(new_name, source.data, wanted, request.query)
        return document(progress | {"done": True, "resource": resource})

    def _upload(self, request: Request) -> Answer:
        bucket, query, headers = self._named(request.names[0]), request.query, request.headers
        kind = headers.get("Content-Type") or "application/octet-stream"
        if request.method == "PUT":
            finished, have = self._uploads.append(query["upload_id"], headers.get("Content-Range") or "", request.body)
            if finished is None:
                return Answer(308, headers={"Range": f"bytes=0-{have - 1}"} if have else {})
            return document(finished)
        if query.get("uploadType") == "multipart":
            return document(multipart(bucket, query, kind, request.body))
        if query.get("uploadType") == "media":
            return document(bucket.put(query["name"], request.body, {"contentType": kind}, query))
        number = self._uploads.begin(bucket, query, headers, request.body)
        where = (
            f"http://{headers['Host']}/upload/storage/v1/b/{request.names[0]}/o?uploadType=resumable&upload_id={number}"
        )
        return Answer(200, headers={"Location": where, "X-GUploader-UploadID": number})


def _media(stored: Stored, wanted: Mapping[str, str]) -> Answer:
    """The content, or a range of it; gzip-encoded content is inflated for who does not accept gzip."""
    resource, data = stored.resource, stored.data
    headers = {
        "Content-Type": resource["contentType"],
        "ETag": resource["etag"],
        "Last-Modified": format_datetime(dt.datetime.fromisoformat(resource["timeCreated"]), usegmt=True),
        "X-Goog-Generation": resource["generation"],
        "X-Goog-Metageneration": resource["metageneration"],
        "X-Goog-Storage-Class": resource["storageClass"],
        "X-Goog-Hash": f"crc32c={resource['crc32c']},md5={resource['md5Hash']}",
        "X-Goog-Stored-Content-Length": resource["size"],
        "X-Goog-Stored-Content-Encoding": resource.get("contentEncoding", "identity"),
    }
    if resource.get("contentEncoding") == "gzip":
        if "gzip" not in (wanted.get("Accept-Encoding") or ""):
            return Answer(200, gzip.decompress(data), headers)
        headers["Content-Encoding"] = "gzip"
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted.get("Range") or "")
    if match is None:
        return Answer(200, data, headers)
    start, end = int(match[1]), min(int(match[2] or len(data)), len(data) - 1)
    if start >= len(data):
        raise RefusedError(416, "requestedRangeNotSatisfiable")
    return Answer(206, data[start : end + 1], headers | {"Content-Range": f"bytes {start}-{end}/{len(data)}"})
