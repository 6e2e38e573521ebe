"""Where archives of OSV records come from: OSV itself, a mirror of it, or a bucket or folder laid out alike.

https://google.github.io/osv.dev/data/#data-dumps: `<ecosystem>/all.zip`.
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from email.message import Message
from functools import partial
from http import HTTPStatus
from typing import BinaryIO, Protocol
from urllib.parse import quote

from customhouse.errors import Conflict, CustomhouseError, Denied, Gone, Malformed, Rejected, Transient
from customhouse.model import Location
from customhouse.ports import Store

TIMEOUT = 30.0
"""Seconds for the connection and for each wait."""
_CHUNK = 1 << 20
_LARGEST = 2 << 30
"""Bytes of one archive; the largest published has about 210 MB."""

Expired = Callable[[], bool]


class Source(Protocol):
    """Gives the archive of one ecosystem."""

    def fetch(self, name: str, tag: str, into: BinaryIO, expired: Expired) -> str | None:
        """Write the archive into a file and return its tag; None where it is still the one that `tag` names.

        Rejected where it is refused or absent, Transient where it did not come whole or `expired` before its end.
        """
        ...


@dataclass(frozen=True, slots=True)
class StoreSource:
    """Archives in a store, under `prefix` (empty, or ending with `/`)."""

    store: Store
    prefix: str = ""

    def fetch(self, name: str, tag: str, into: BinaryIO, expired: Expired) -> str | None:
        """See `Source.fetch`; a tag is the version and the etag."""
        try:
            with self.store.read(Location(self.store.root, f"{self.prefix}{name}/all.zip")) as body:
                there = body.stat.location
                fresh = f"{there.version}/{there.etag}"
                if fresh == tag:
                    return None
                _write(body, into, expired)
        except Conflict as error:
            raise Transient(f"{name}: overwritten while it was read") from error
        return fresh


class HttpSource:
    """Archives below an http or https URL; certificates are verified, and nothing is taken that left https behind."""

    def __init__(self, base: str, timeout: float = TIMEOUT) -> None:
        self._base = base.rstrip("/")
        self._timeout = timeout
        self._opener = urllib.request.OpenerDirector()
        for handler in (  # what build_opener adds besides would also read files and talk FTP
            urllib.request.ProxyHandler(),
            urllib.request.HTTPHandler(),
            urllib.request.HTTPSHandler(),
            urllib.request.HTTPDefaultErrorHandler(),
            urllib.request.HTTPErrorProcessor(),
            urllib.request.HTTPRedirectHandler(),
            urllib.request.UnknownHandler(),
        ):
            self._opener.add_handler(handler)

    def fetch(self, name: str, tag: str, into: BinaryIO, expired: Expired) -> str | None:
        """See `Source.fetch`; a tag is the ETag, or else the time of the last change."""
        url = f"{self._base}/{quote(name)}/all.zip"
        request = urllib.request.Request(url, headers=_conditions(tag))  # noqa: S310 -- the opener knows http(s) only
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                if url.startswith("https:") and not answer.url.startswith("https:"):
                    raise Rejected(f"{url} leads to {answer.url}, which is not https")
                _write(iter(partial(answer.read, _CHUNK), b""), into, expired)
                if answer.length:
                    raise Transient(f"{url}: broke off {answer.length:,} bytes before its end")
                return _tag(answer.headers)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == HTTPStatus.NOT_MODIFIED:
                return None
            raise _refusal(error.code, f"{url} answered {error.code}") from error
        except (OSError, http.client.HTTPException) as error:
            raise Transient(f"{url}: {error or type(error).__name__}") from error


def _write(chunks: Iterable[bytes], into: BinaryIO, expired: Expired) -> None:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > _LARGEST:
            raise Malformed(f"an archive of more than {_LARGEST >> 30} GiB")
        if expired():
            raise Transient("time was up before the archive had come")
        into.write(chunk)


def _conditions(tag: str) -> dict[str, str]:
    kind, _, value = tag.partition(" ")
    return {kind: value} if value else {}


def _tag(headers: Message) -> str:
    """The condition of the next request, as one line."""
    if etag := headers.get("ETag"):
        return f"If-None-Match {etag}"
    modified = headers.get("Last-Modified")
    return f"If-Modified-Since {modified}" if modified else ""


def _refusal(status: int, text: str) -> CustomhouseError:
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return Denied(text)
    if status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        return Gone(text)
    if (
        status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
        or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    ):
        return Transient(text)
    return Rejected(text)
