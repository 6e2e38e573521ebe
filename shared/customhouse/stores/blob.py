"""Azure Blob Storage, through azure-storage-blob."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from typing import Any, BinaryIO

from azure.core import MatchConditions
from azure.storage.blob import BlobClient, BlobProperties, BlobServiceClient, ContentSettings

from customhouse.errors import Conflict, Denied, Gone, Rejected, Transient
from customhouse.model import Location, Stat
from customhouse.ports import Body
from customhouse.stores.answers import pinned
from customhouse.stores.blob_answers import (
    FOLDER_MARK,
    InvalidRange,
    from_properties,
    located,
    to_metadata,
    translated,
)
from customhouse.stores.blob_client import service
from customhouse.stores.options import Options
from customhouse.stores.streams import StreamBody, span
from customhouse.stores.tagging import METADATA, TAGS, carried, merged

_POLL = 0.5
_LONGEST_COPY = 600


def connect(root: str, options: Options) -> BlobStore:
    """The container of `az://account/container`."""
    return BlobStore(root, service(root.split("/")[2], options), options)


class BlobStore:
    """A `ports.Store`: etag always there, version where the account keeps versions.

    Tags are index tags; accounts with a hierarchical namespace have none and keep them as metadata.
    """

    def __init__(self, root: str, client: BlobServiceClient, options: Options) -> None:
        self.root = root
        self._service = client
        self._account, _, self._container = root.removeprefix("az://").partition("/")
        self._options = options

    def stat(self, location: Location) -> Stat:
        """See `ports.Store.stat`; one call, `tags` known where there are none."""
        with pinned(location, lambda: self._properties(_now(location))):
            return self._properties(location)

    def read(self, location: Location, start: int = 0, length: int | None = None) -> Body:
        """See `ports.Store.read`; one call for 8 MiB, each on the same etag; as stored, never inflated."""
        if length == 0:
            return StreamBody(self.stat(location), [], 0)
        part: dict[str, Any] = {"offset": start, "length": length} if start or length is not None else {}
        try:
            with pinned(location, lambda: self._properties(_now(location))), translated(location):
                found = self._blob(location).download_blob(
                    **part, **_exact(location), max_concurrency=1, decompress=False
                )
        except InvalidRange:
            return StreamBody(self.stat(location), [], 0)
        stat = from_properties(location.root, location.key, found.properties, hierarchical=self._hierarchical)
        expected = span(stat.size, start, length)
        return StreamBody(stat, found.chunks(), expected, translated=functools.partial(translated, location))

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
        """See `ports.Store.put`; one request up to `part_size`, blocks beyond it."""
        with self._writing(key, if_match):
            answer = self._blob(Location(self.root, key)).upload_blob(
                data,
                overwrite=not if_absent,
                content_settings=ContentSettings(content_type=content_type),
                **self._kept(dict(tags or {})),
                **self._matching(if_match),
            )
        return located(self.root, key, answer)

    def copy(
        self,
        source: Stat,
        key: str,
        *,
        tags: Mapping[str, str],
        if_absent: bool = False,
        if_match: Location | None = None,
    ) -> Location:
        """See `ports.Store.copy`; within one storage account; waited for, then compared."""
        room = {"size": METADATA} if self._hierarchical else {"most": TAGS}
        wanted = carried(self._tags_of(source), tags, **room)
        conditions = self._kept(wanted) | self._matching(if_match) | _source(source.location)
        if if_absent:
            conditions["match_condition"] = MatchConditions.IfMissing
        target = self._blob(Location(self.root, key))
        with self._writing(key, if_match):
            started = target.start_copy_from_url(self._url(source.location), **conditions)
            found = self._waited(target, str(started["copy_id"]))
        return self._verified(source, from_properties(self.root, key, found, hierarchical=self._hierarchical), wanted)

    def tags(self, location: Location) -> dict[str, str]:
        """See `ports.Store.tags`; the properties, and the index tags where there are some."""
        return self._tags_of(self.stat(location))

    def tag(self, location: Location, changes: Mapping[str, str | None]) -> Location:
        """See `ports.Store.tag`; conditional on the etag, and on the tags being what was merged."""
        stat = self.stat(location)
        current = self._tags_of(stat)
        wanted = merged(current, changes)
        if wanted == current:
            return stat.location
        if self._hierarchical:
            return self._set_metadata(stat.location, wanted)
        try:
            with translated(location):
                self._blob(location).set_blob_tags(
                    wanted, if_tags_match_condition=_where(current), **_exact(stat.location)
                )
        except Conflict as error:
            self.stat(stat.location)  # a Conflict of its own, when the blob was overwritten
            raise Transient(f"{location}: its tags changed while they were merged") from error
        return stat.location

    def delete(self, location: Location) -> None:
        """See `ports.Store.delete`; a current version stops being current first, as the service demands."""
        if location.version:
            etag = location.etag or self._properties(location).location.etag
            with suppress(Gone, Conflict):
                self._delete(Location(location.root, location.key, "", etag))
        with suppress(Gone):
            self._delete(location)

    def list(self, prefix: str = "", *, after: str = "", versions: bool = False) -> Iterator[Stat]:
        """See `ports.Store.list`; folder markers of hierarchical accounts are left out."""
        locks = [] if self._hierarchical else ["legalhold", "immutabilitypolicy"]
        include = ["metadata", *locks, *(["versions"] if versions else [])]
        with translated(self.root):
            for found in self._service.get_container_client(self._container).list_blobs(
                name_starts_with=prefix or None, include=include, results_per_page=self._options.page_size
            ):
                if found.name > after and not (found.metadata or {}).get(FOLDER_MARK):
                    yield from_properties(self.root, found.name, found, hierarchical=self._hierarchical)

    @functools.cached_property
    def _hierarchical(self) -> bool:
        """Whether the account keeps folders, and so no index tags; asked once, flat where that may not be asked."""
        if self._options.azure_hierarchical:
            return self._options.azure_hierarchical == "yes"
        try:
            with translated(self.root):
                return bool(self._service.get_account_information()["is_hns_enabled"])
        except Denied:
            return False

    def _blob(self, location: Location) -> BlobClient:
        account, _, container = location.root.removeprefix("az://").partition("/")
        if account != self._account:
            raise Rejected(f"{location} is in another storage account than {self.root}; copies stay within one")
        return self._service.get_blob_client(container, location.key)

    def _url(self, location: Location) -> str:
        url: str = self._blob(location).url
        return f"{url}?versionid={location.version}" if location.version else url

    def _properties(self, location: Location) -> Stat:
        with translated(location):
            found = self._blob(location).get_blob_properties(**_exact(location))
        return from_properties(location.root, location.key, found, hierarchical=self._hierarchical)

    def _tags_of(self, stat: Stat) -> dict[str, str]:
        if stat.tags is not None:
            return dict(stat.tags)
        with translated(stat.location):
            return dict(self._blob(stat.location).get_blob_tags(**_exact(stat.location)))

    def _set_metadata(self, location: Location, tags: Mapping[str, str]) -> Location:
        with translated(location):
            answer = self._blob(location).set_blob_metadata(to_metadata(tags), **_exact(location))
        return located(location.root, location.key, answer)

    def _kept(self, tags: dict[str, str]) -> dict[str, Any]:
        if self._hierarchical:
            return {"metadata": to_metadata(tags)}
        return {"tags": tags} if tags else {}

    def _matching(self, if_match: Location | None) -> dict[str, Any]:
        if if_match is None:
            return {}
        return _etag(if_match if if_match.etag else self.stat(if_match).location)

    def _writing(self, key: str, if_match: Location | None) -> AbstractContextManager[None]:
        return translated(f"{self.root}/{key}", gone=Conflict if if_match else Gone)

    def _waited(self, target: BlobClient, copy: str) -> BlobProperties:
        """The properties of a copy that is done; the service copies large blobs in the background."""
        end = time.monotonic() + _LONGEST_COPY
        while (found := target.get_blob_properties()).copy.status == "pending" and found.copy.id == copy:
            if time.monotonic() > end:
                target.abort_copy(copy)
                raise Transient(f"{target.blob_name}: the copy took longer than {_LONGEST_COPY} s and was stopped")
            time.sleep(_POLL)
        if found.copy.id != copy:
            raise Conflict(f"{target.blob_name} was overwritten while it was copied")
        if found.copy.status != "success":
            raise Transient(f"{target.blob_name}: the copy failed: {found.copy.status_description}")
        return found

    def _verified(self, source: Stat, copied: Stat, wanted: Mapping[str, str]) -> Location:
        digests = source.digests.keys() & copied.digests.keys()
        if copied.size != source.size or any(source.digests[name] != copied.digests[name] for name in digests):
            self.delete(copied.location)
            raise Transient(f"the copy {copied.location} is not what {source.location} was; it was removed")
        if self._hierarchical and copied.tags != wanted:  # without metadata of its own a copy takes the source's
            return self._set_metadata(copied.location, wanted)
        return copied.location

    def _delete(self, location: Location) -> None:
        with pinned(location, lambda: self._properties(_now(location))), translated(location):
            self._blob(location).delete_blob(**_exact(location))


def _now(location: Location) -> Location:
    return Location(location.root, location.key)


def _etag(location: Location) -> dict[str, Any]:
    return {"etag": f'"{location.etag}"', "match_condition": MatchConditions.IfNotModified}


def _exact(location: Location) -> dict[str, Any]:
    """What names the version: its id, else the etag as a condition."""
    if location.version:
        return {"version_id": location.version}
    return _etag(location) if location.etag else {}


def _source(location: Location) -> dict[str, Any]:
    return {f"source_{name}": value for name, value in _exact(location).items() if name != "version_id"}


def _where(tags: Mapping[str, str]) -> str | None:
    """The condition that these tags are still there (learn.microsoft.com, "x-ms-if-tags")."""
    return " AND ".join(f"\"{name}\"='{value}'" for name, value in tags.items()) or None
