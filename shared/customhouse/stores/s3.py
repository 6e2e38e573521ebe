"""Amazon S3 and what speaks its API, through botocore."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, BinaryIO
from urllib.parse import quote, urlencode

import botocore.config
import botocore.session
from botocore.client import BaseClient

from customhouse.errors import Conflict, Gone, Transient
from customhouse.model import Location, Stat
from customhouse.ports import Body
from customhouse.stores.answers import pinned
from customhouse.stores.options import Options
from customhouse.stores.s3_answers import InvalidRange, from_answer, translated
from customhouse.stores.s3_parts import Multipart, copied, uploaded
from customhouse.stores.streams import CHUNK, StreamBody, blocks, byte_range, span
from customhouse.stores.tagging import TAGS, carried, merged

_session = functools.cache(botocore.session.get_session)


def connect(root: str, options: Options) -> S3Store:
    """The bucket with the credentials, region and endpoint that the AWS SDK finds in its environment."""
    config = botocore.config.Config(
        connect_timeout=min(options.timeout, 10),
        read_timeout=options.timeout,
        retries={"mode": "standard", "total_max_attempts": options.attempts},
    )
    with translated(root):
        client = _session().create_client("s3", config=config, endpoint_url=options.endpoint or None)
    return S3Store(root, client, options)


class S3Store:
    """A `ports.Store`: version is the VersionId where the bucket is versioned, etag always there."""

    def __init__(self, root: str, client: BaseClient, options: Options) -> None:
        self.root = root
        self._client = client
        self._options = options
        self._bucket = root.removeprefix("s3://")

    def stat(self, location: Location) -> Stat:
        """See `ports.Store.stat`; one call, `tags` known where it has none."""
        with pinned(location, lambda: self._head(_now(location))):
            return self._head(location)

    def read(self, location: Location, start: int = 0, length: int | None = None) -> Body:
        """See `ports.Store.read`; one GetObject, `tags` known where the object has none."""
        if length == 0:
            return StreamBody(self.stat(location), [], 0)
        wanted = byte_range(start, length)
        try:
            with pinned(location, lambda: self._head(_now(location))), translated(location):
                answer = self._client.get_object(**self._exact(location), **({"Range": wanted} if wanted else {}))
        except InvalidRange:
            return StreamBody(self.stat(location), [], 0)
        stat, stream = from_answer(location, answer), answer["Body"]
        expected = span(stat.size, start, length)
        return StreamBody(
            stat,
            stream.iter_chunks(CHUNK),
            expected,
            translated=functools.partial(translated, location),
            close=stream.close,
        )

    def put(
        self,
        key: str,
        data: bytes | BinaryIO,
        *,
        tags: Mapping[str, str] | None = None,
        content_type: str = "application/octet-stream",
        if_absent: bool = False,
        if_match: Location | None = None,
    ) -> Location:
        """See `ports.Store.put`; one PutObject, or a multipart upload of what is longer than `part_size`."""
        target = self._target(key, tags or {}) | {"ContentType": content_type}
        conditions = self._conditions(if_absent=if_absent, if_match=if_match)
        with self._conditional(key, if_match):
            if isinstance(data, bytes):
                return self._located(key, self._client.put_object(**target, **conditions, Body=data))
            return self._put_stream(key, data, target, conditions)

    def copy(
        self,
        source: Stat,
        key: str,
        *,
        tags: Mapping[str, str],
        if_absent: bool = False,
        if_match: Location | None = None,
    ) -> Location:
        """See `ports.Store.copy`; one CopyObject up to `single_size`, beyond it UploadPartCopy; then verified."""
        foreign = self._tag_set(source.location) if source.tags is None else source.tags
        target = self._target(key, carried(foreign, tags, most=TAGS))
        conditions = self._conditions(if_absent=if_absent, if_match=if_match)
        exact = self._exact(source.location)
        origin: dict[str, Any] = {"CopySource": {name: value for name, value in exact.items() if name != "IfMatch"}}
        if "IfMatch" in exact:
            origin["CopySourceIfMatch"] = exact["IfMatch"]
        with self._conditional(key, if_match):
            if source.size > self._options.single_size:
                head = self._client.head_object(**exact, ChecksumMode="ENABLED")
                upload = Multipart(self._client, target, conditions)
                answer = copied(upload, head, origin, source.size, self._options.single_size)
                return self._verified(source, self._located(key, answer))
            answer = self._client.copy_object(**target, **conditions, **origin, TaggingDirective="REPLACE")
        location = self._located(key, answer | answer["CopyObjectResult"])
        same = "-" not in location.etag and location.etag == source.location.etag
        return location if same else self._verified(source, location)

    def tags(self, location: Location) -> dict[str, str]:
        """See `ports.Store.tags`; one call, and one look at the etag where there is no version to name."""
        if location.etag and not location.version:
            location = self.stat(location).location
        return self._tag_set(location)

    def tag(self, location: Location, changes: Mapping[str, str | None]) -> Location:
        """See `ports.Store.tag`.

        S3 replaces the whole set without a precondition, so it is read, merged and written. On a version that is
        exact; without versions the etag is compared before and after, and our tags are taken off a newer object.
        """
        stat = None if location.version else self.stat(location)
        target = stat.location if stat else location
        current = self._tag_set(target) if stat is None or stat.tags is None else dict(stat.tags)
        wanted = merged(current, changes)
        if wanted != current:
            self._write_tags(target, wanted)
            if not target.version:
                self._recheck(target, wanted, changes)
        return target

    def delete(self, location: Location) -> None:
        """See `ports.Store.delete`; a version by its id, else conditional on the etag."""
        exact = self._exact(location)
        if location.version:
            exact.pop("IfMatch", None)
        try:
            with translated(location):
                self._client.delete_object(**exact)
        except Gone:
            return

    def list(self, prefix: str = "", *, after: str = "", versions: bool = False) -> Iterator[Stat]:
        """See `ports.Store.list`; tags are never known, versions only with `versions`."""
        operation, start, field = (
            ("list_object_versions", "KeyMarker", "Versions")
            if versions
            else ("list_objects_v2", "StartAfter", "Contents")
        )
        pages = self._client.get_paginator(operation).paginate(
            Bucket=self._bucket,
            Prefix=prefix,
            PaginationConfig={"PageSize": self._options.page_size},
            **({start: after} if after else {}),
        )
        with translated(self.root):
            for page in pages:
                for entry in page.get(field, []):
                    yield self._listed(entry)

    def _head(self, location: Location) -> Stat:
        with translated(location):
            return from_answer(location, self._client.head_object(**self._exact(location), ChecksumMode="ENABLED"))

    def _exact(self, location: Location) -> dict[str, str]:
        exact = {"Bucket": location.root.removeprefix("s3://"), "Key": location.key}
        if location.version:
            exact["VersionId"] = location.version
        if location.etag:
            exact["IfMatch"] = f'"{location.etag}"'
        return exact

    def _target(self, key: str, tags: Mapping[str, str]) -> dict[str, str]:
        target = {"Bucket": self._bucket, "Key": key}
        return target | {"Tagging": urlencode(tags, quote_via=quote)} if tags else target

    def _conditions(self, *, if_absent: bool, if_match: Location | None) -> dict[str, str]:
        if if_absent:
            return {"IfNoneMatch": "*"}
        if if_match is None:
            return {}
        return {"IfMatch": f'"{if_match.etag or self.stat(if_match).location.etag}"'}

    def _conditional(self, key: str, if_match: Location | None) -> AbstractContextManager[None]:
        return translated(f"{self.root}/{key}", gone=Conflict if if_match else Gone)

    def _put_stream(self, key: str, data: BinaryIO, target: dict[str, str], conditions: dict[str, str]) -> Location:
        parts = blocks(data, self._options.part_size)
        first = next(parts, b"")
        if len(first) < self._options.part_size:
            return self._located(key, self._client.put_object(**target, **conditions, Body=first))
        return self._located(key, uploaded(Multipart(self._client, target, conditions), first, parts))

    def _located(self, key: str, answer: Mapping[str, Any]) -> Location:
        version = answer.get("VersionId", "")
        return Location(self.root, key, "" if version == "null" else version, answer["ETag"].strip('"'))

    def _verified(self, source: Stat, location: Location) -> Location:
        found = self.stat(location)
        common = source.digests.keys() & found.digests.keys()
        if found.size == source.size and all(source.digests[name] == found.digests[name] for name in common):
            return found.location
        self.delete(location)
        raise Transient(f"the copy {location} is not what {source.location} was; it was removed")

    def _tag_set(self, location: Location) -> dict[str, str]:
        exact = {name: value for name, value in self._exact(location).items() if name != "IfMatch"}
        with pinned(location, lambda: self._head(_now(location))), translated(location):
            return {tag["Key"]: tag["Value"] for tag in self._client.get_object_tagging(**exact)["TagSet"]}

    def _write_tags(self, location: Location, tags: Mapping[str, str]) -> None:
        exact = {name: value for name, value in self._exact(location).items() if name != "IfMatch"}
        with translated(location):
            if tags:
                entries = [{"Key": name, "Value": value} for name, value in tags.items()]
                self._client.put_object_tagging(**exact, Tagging={"TagSet": entries})
            else:
                self._client.delete_object_tagging(**exact)

    def _recheck(self, target: Location, written: Mapping[str, str], changes: Mapping[str, str | None]) -> None:
        """Take our tags off an object that replaced `target` while they were written, and raise Conflict."""
        try:
            self._head(target)
        except Conflict:
            newer = Location(self.root, target.key)
            if self.tags(newer) == written:
                self._write_tags(newer, merged(written, dict.fromkeys(changes)))
            raise

    def _listed(self, entry: Mapping[str, Any]) -> Stat:
        modified: datetime = entry["LastModified"]
        location = self._located(entry["Key"], entry)
        return Stat(location, entry["Size"], modified.timestamp(), storage_class=entry.get("StorageClass", ""))


def _now(location: Location) -> Location:
    return Location(location.root, location.key)
