"""Buckets, objects and their generations."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import google_crc32c

from tests.emulators.gcs.conditions import RefusedError, Resource, check, guard
from tests.emulators.gcs.notify import message

_WRITABLE = (
    "cacheControl", "contentDisposition", "contentEncoding", "contentLanguage", "contentType", "customTime",
    "eventBasedHold", "metadata", "retention", "storageClass", "temporaryHold",
)  # fmt: skip
_FIXED = ("bucket", "crc32c", "etag", "generation", "id", "md5Hash", "metageneration", "name", "size")
_GENERATIONS = itertools.count(int(time.time() * 1e6))
Query = Mapping[str, str]


def now() -> str:
    """RFC 3339 with microseconds, as the service writes it."""
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def merge(document: Resource, patch: Mapping[str, Any]) -> Resource:
    """Apply a JSON merge patch in place (RFC 7386)."""
    for name, value in patch.items():
        if value is None:
            document.pop(name, None)
        elif isinstance(value, dict):
            before = document.get(name)
            document[name] = merge(before if isinstance(before, dict) else {}, value)
        else:
            document[name] = value
    return document


@dataclass
class Stored:
    """One generation of one object."""

    resource: Resource
    data: bytes

    @property
    def live(self) -> bool:
        return "timeDeleted" not in self.resource


@dataclass
class Bucket:
    """One bucket; `publish` receives a notification message."""

    resource: Resource
    publish: Callable[[Resource], None]
    objects: dict[str, list[Stored]] = field(default_factory=dict)
    notifications: dict[str, Resource] = field(default_factory=dict)

    def live(self, name: str) -> Stored | None:
        return next((stored for stored in self.objects.get(name, []) if stored.live), None)

    def find(self, name: str, generation: str | None) -> Stored:
        """A generation, or what is live."""
        kept = self.objects.get(name, [])
        found = (
            next((s for s in kept if s.resource["generation"] == generation), None) if generation else self.live(name)
        )
        if found is None:
            raise RefusedError(404, "notFound", f"No such object: {self.resource['name']}/{name}")
        return found

    def put(self, name: str, data: bytes, wanted: Mapping[str, Any], query: Query) -> Resource:
        """Write a new generation; what was live is archived, or forgotten without versioning."""
        before = self.live(name)
        check(query, before.resource if before else None)
        if before:
            guard(before.resource, now())
        resource = self._resource(name, data, wanted)
        if before:
            self._retire(before, {"overwrittenByGeneration": resource["generation"]})
        self.objects.setdefault(name, []).append(Stored(resource, data))
        self._emit(
            "OBJECT_FINALIZE", resource, {"overwroteGeneration": before.resource["generation"]} if before else {}
        )
        return resource

    def patch(self, name: str, patch: Mapping[str, Any], query: Query) -> Resource:
        """Change metadata; the metageneration counts up."""
        resource = self.find(name, query.get("generation")).resource
        check(query, resource)
        earlier = resource.get("customTime")
        if earlier and "customTime" in patch and (patch["customTime"] is None or patch["customTime"] < earlier):
            raise RefusedError(400, "invalid", "Custom time cannot be removed or set to an earlier time")
        merge(resource, {name: value for name, value in patch.items() if name not in _FIXED})
        resource["metageneration"] = str(int(resource["metageneration"]) + 1)
        resource["etag"] = _etag(resource)
        resource["updated"] = now()
        self._emit("OBJECT_METADATA_UPDATE", resource)
        return resource

    def delete(self, name: str, query: Query) -> None:
        """Delete a generation for ever, or retire what is live."""
        stored = self.find(name, query.get("generation"))
        check(query, stored.resource)
        guard(stored.resource, now())
        if query.get("generation"):
            self.objects[name].remove(stored)
            self._emit("OBJECT_DELETE", stored.resource)
        else:
            self._retire(stored, {})

    def listing(self, query: Query) -> Resource:
        """One page of objects in order of name and generation."""
        prefix, start, end = query.get("prefix", ""), query.get("startOffset", ""), query.get("endOffset")
        entries = [
            stored.resource
            for name, kept in sorted(self.objects.items())
            if name.startswith(prefix) and name >= start and (end is None or name < end)
            for stored in kept
            if stored.live or query.get("versions", "").lower() == "true"
        ]
        first, count = int(query.get("pageToken") or 0), int(query.get("maxResults") or 1000)
        page: Resource = {"kind": "storage#objects", "items": entries[first : first + count]}
        if first + count < len(entries):
            page["nextPageToken"] = str(first + count)
        return page

    def _resource(self, name: str, data: bytes, wanted: Mapping[str, Any]) -> Resource:
        generation, time_created, bucket = str(next(_GENERATIONS)), now(), self.resource["name"]
        resource: Resource = {
            "kind": "storage#object",
            "id": f"{bucket}/{name}/{generation}",
            "name": name,
            "bucket": bucket,
            "generation": generation,
            "metageneration": "1",
            "contentType": "application/octet-stream",
            "storageClass": self.resource["storageClass"],
            "size": str(len(data)),
            "md5Hash": base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode(),
            "crc32c": base64.b64encode(google_crc32c.Checksum(data).digest()).decode(),
            "timeCreated": time_created,
            "updated": time_created,
            "timeStorageClassUpdated": time_created,
        }
        for digest in ("md5Hash", "crc32c"):
            if wanted.get(digest, resource[digest]) != resource[digest]:
                raise RefusedError(400, "invalid", f"Provided {digest} does not match the content")
        resource |= {key: value for key, value in wanted.items() if key in _WRITABLE and value is not None}
        if self.resource.get("defaultEventBasedHold"):
            resource.setdefault("eventBasedHold", True)
        return resource | {"etag": _etag(resource)}

    def _retire(self, stored: Stored, extra: Mapping[str, str]) -> None:
        if self.resource.get("versioning", {}).get("enabled"):
            stored.resource["timeDeleted"] = now()
            self._emit("OBJECT_ARCHIVE", stored.resource, extra)
        else:
            self.objects[stored.resource["name"]].remove(stored)
            self._emit("OBJECT_DELETE", stored.resource, extra)

    def _emit(self, kind: str, resource: Resource, extra: Mapping[str, str] | None = None) -> None:
        for configuration in self.notifications.values():
            if kind not in configuration.get("event_types", [kind]):
                continue
            if resource["name"].startswith(configuration.get("object_name_prefix", "")):
                self.publish(message(kind, resource, configuration, now(), extra or {}))


def new_bucket(wanted: Mapping[str, Any], publish: Callable[[Resource], None]) -> Bucket:
    """A bucket as `buckets.insert` makes it."""
    created = now()
    resource: Resource = {
        "kind": "storage#bucket",
        "id": wanted["name"],
        "location": "US",
        "storageClass": "STANDARD",
        "metageneration": "1",
        "timeCreated": created,
        "updated": created,
        "etag": "CAE=",
    }
    return Bucket(resource | {key: value for key, value in wanted.items() if value is not None}, publish)


def _etag(resource: Resource) -> str:
    return base64.b64encode(f"{resource['generation']}/{resource['metageneration']}".encode()).decode()
