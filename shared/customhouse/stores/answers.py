"""What an HTTP status of an object store means to us; every adapter translates once, with these."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus

from customhouse.errors import Conflict, CustomhouseError, Denied, Gone, Rejected, Transient
from customhouse.model import Location

_TRANSIENT = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
_MEANINGS: dict[int, type[CustomhouseError]] = {
    HTTPStatus.UNAUTHORIZED: Denied,
    HTTPStatus.FORBIDDEN: Denied,
    HTTPStatus.NOT_FOUND: Gone,
    HTTPStatus.METHOD_NOT_ALLOWED: Gone,  # S3: the version is a delete marker
    HTTPStatus.CONFLICT: Conflict,
    HTTPStatus.PRECONDITION_FAILED: Conflict,
    HTTPStatus.NOT_IMPLEMENTED: Rejected,
}


def meaning(status: int, text: str) -> CustomhouseError:
    """The error for a refused request: Transient for throttling and 5xx, else what retrying cannot help."""
    if status in _MEANINGS:
        return _MEANINGS[status](text)
    if status in _TRANSIENT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Transient(text)
    return Rejected(text)


@contextmanager
def pinned(location: Location, live: Callable[[], object]) -> Iterator[None]:
    """Tell a version that is gone (Conflict) from an object that is (Gone), by one more look, at `live`.

    Services that name a version by id say 404 for both, and some that compare etags say 412 for both.
    """
    try:
        yield
    except Gone as gone:
        if not location.version:
            raise
        live()
        raise Conflict(f"{location} is no longer that version") from gone
    except Conflict:
        if location.etag:
            live()
        raise
