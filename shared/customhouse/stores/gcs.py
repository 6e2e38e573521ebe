"""Google Cloud Storage, through google-cloud-storage; content is read by its JSON API in one streamed request."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import google.auth
from google.api_core.exceptions import from_http_response
from google.auth.credentials import AnonymousCredentials
from google.auth.transport.requests import AuthorizedSession
from google.cloud.storage import Blob, Client
from google.cloud.storage.retry import DEFAULT_RETRY
from requests import Response

from customhouse.errors import Conflict, Gone, Rejected, Transient
from customhouse.model import Location, Stat
from customhouse.ports import Body
from customhouse.stores.answers import pinned
from customhouse.stores.gcs_answers import InvalidRange, from_blob, from_media, translated
from customhouse.stores.options import Options
from customhouse.stores.streams import CHUNK, StreamBody, byte_range, span
from customhouse.stores.tagging import METADATA, carried

_SCOPES = ["https://www.googleapis.com/auth/devstorage.read_write"]
_QUANTUM = 256 << 10  # resumable uploads go in multiples of it
_COPIED = ("content_type", "cache_control", "content_disposition", "content_encoding", "content_language")


def connect(root: str, options: Options) -> GcsStore:
    """The bucket with application default credentials; none for an `endpoint` or STORAGE_EMULATOR_HOST."""
    emulated = bool(options.endpoint or os.environ.get("STORAGE_EMULATOR_HOST"))
    with translated(root):
        credentials = (
            AnonymousCredentials()  # type: ignore[no-untyped-call] # google-auth types some of its constructors only
            if emulated
            else google.auth.default(scopes=_SCOPES)[0]
        )
        session = AuthorizedSession(credentials)  # type: ignore[no-untyped-call] # as above
        client = Client(
            project="unused",  # objects are addressed by their bucket alone
            credentials=credentials,
            client_options={"api_endpoint": options.endpoint} if options.endpoint else None,
            _http=session,  # one connection for metadata and content
        )
    return GcsStore(root, client, session, options)


class GcsStore:
    """A `ports.Store`: version is the generation, the etag stays empty, tags are custom metadata."""

    def __init__(self, root: str, client: Client, session: AuthorizedSession, options: Options) -> None:
        self.root = root
        self._client = client
        self._session = session
        self._options = options
        self._retry = DEFAULT_RETRY.with_timeout(options.timeout)
        self._calls = {"timeout": options.timeout, "retry": self._retry if options.attempts > 1 else None}

    def stat(self, location: Location) -> Stat:
        """See `ports.Store.stat`; one call, tags always known."""
        return from_blob(location.root, self._loaded(location))

    def read(self, location: Location, start: int = 0, length: int | None = None) -> Body:
        """See `ports.Store.read`; one request for the bytes as stored, never inflated on the way."""
        if length == 0:
            return StreamBody(self.stat(location), [], 0)
        try:
            with pinned(location, lambda: self._loaded(_now(location))), translated(location):
                answer = self._open(location, byte_range(start, length))
        except InvalidRange:
            return StreamBody(self.stat(location), [], 0)
        stat = from_media(location, answer.headers)
        return StreamBody(
            stat,
            answer.raw.stream(CHUNK, decode_content=False),
            span(stat.size, start, length),
            translated=functools.partial(translated, location),
            close=answer.close,
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
        """See `ports.Store.put`; streams go as a resumable upload of `part_size` chunks."""
        step = max(self._options.part_size // _QUANTUM, 1) * _QUANTUM
        blob = self._client.bucket(self.root.removeprefix("gs://")).blob(key, chunk_size=step)
        blob.metadata = dict(tags or {})
        condition = _condition(if_absent=if_absent, if_match=if_match)
        with translated(f"{self.root}/{key}", gone=Conflict if if_match else Gone):
            if isinstance(data, bytes):
                blob.upload_from_string(data, content_type, **condition, **self._calls)
            else:
                blob.upload_from_file(data, content_type=content_type, **condition, **self._calls)
        return from_blob(self.root, blob).location

    def copy(
        self,
        source: Stat,
        key: str,
        *,
        tags: Mapping[str, str],
        if_absent: bool = False,
        if_match: Location | None = None,
    ) -> Location:
        """See `ports.Store.copy`; the source's metadata is read, then rewritten until done, then compared."""
        origin = self._loaded(source.location)
        blob = self._client.bucket(self.root.removeprefix("gs://")).blob(key)
        for name in _COPIED:
            setattr(blob, name, getattr(origin, name))
        blob.metadata = carried(origin.metadata or {}, tags, size=METADATA)
        condition = _condition(if_absent=if_absent, if_match=if_match)
        condition["if_source_generation_match"] = origin.generation
        with translated(f"{self.root}/{key}", gone=Conflict):
            token, _, _ = blob.rewrite(origin, **condition, **self._calls)
            while token is not None:
                token, _, _ = blob.rewrite(origin, token=token, **condition, **self._calls)
        copied = from_blob(self.root, blob)
        if (blob.size, blob.crc32c) != (origin.size, origin.crc32c):
            self.delete(copied.location)
            raise Transient(f"the copy {copied.location} is not what {source.location} was; it was removed")
        return copied.location

    def tags(self, location: Location) -> dict[str, str]:
        """See `ports.Store.tags`."""
        return dict(self.stat(location).tags or {})

    def tag(self, location: Location, changes: Mapping[str, str | None]) -> Location:
        """See `ports.Store.tag`; one call, because the service merges a patch of metadata itself."""
        blob = self._blob(location if location.version else self.stat(location).location)
        blob.metadata = dict(changes)
        with pinned(location, lambda: self._loaded(_now(location))), translated(location):
            blob.patch(if_generation_match=blob.generation, **self._calls)
        return Location(location.root, location.key, str(blob.generation))

    def delete(self, location: Location) -> None:
        """See `ports.Store.delete`; a generation that is named is deleted for ever, also where others are kept."""
        try:
            with translated(location):
                self._blob(location).delete(**self._calls)
        except Gone:
            return

    def list(self, prefix: str = "", *, after: str = "", versions: bool = False) -> Iterator[Stat]:
        """See `ports.Store.list`; versions and tags always come along."""
        with translated(self.root):
            for blob in self._client.list_blobs(
                self.root.removeprefix("gs://"),
                prefix=prefix or None,
                start_offset=after or None,
                versions=versions or None,
                page_size=self._options.page_size,
                **self._calls,
            ):
                if blob.name != after:
                    yield from_blob(self.root, blob)

    def _blob(self, location: Location) -> Blob:
        if location.etag and not location.version:
            raise Rejected(f"{location}: Cloud Storage versions are generations, and it has none")
        if location.version and not location.version.isdecimal():
            raise Rejected(f"{location}: a generation is a number")
        generation = int(location.version) if location.version else None
        return self._client.bucket(location.root.removeprefix("gs://")).blob(location.key, generation=generation)

    def _loaded(self, location: Location) -> Blob:
        blob = self._blob(location)
        with pinned(location, lambda: self._loaded(_now(location))), translated(location):
            blob.reload(**self._calls)
        return blob

    def _open(self, location: Location, wanted: str | None) -> Response:
        blob = self._blob(location)
        url = f"{self._client.api_endpoint}/download/storage/v1{blob.path}"
        query = {"alt": "media"} | ({"generation": location.version} if location.version else {})
        headers = {"Accept-Encoding": "gzip"} | ({"Range": wanted} if wanted else {})

        def request() -> Response:
            answer = self._session.get(url, params=query, headers=headers, stream=True, timeout=self._options.timeout)
            if answer.ok:
                return answer
            with answer:
                raise from_http_response(answer)  # type: ignore[no-untyped-call] # google-api-core is untyped here

        retried: Any = self._retry(request) if self._options.attempts > 1 else request
        response: Response = retried()
        return response


def _now(location: Location) -> Location:
    return Location(location.root, location.key)


def _condition(*, if_absent: bool, if_match: Location | None) -> dict[str, int]:
    if if_absent:
        return {"if_generation_match": 0}
    return {"if_generation_match": int(if_match.version)} if if_match else {}
