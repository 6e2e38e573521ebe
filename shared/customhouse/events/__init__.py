"""Wire formats: what each cloud sends becomes a list of events.

Everything here is pure: no clock, environment, network or SDK. A shape is read by one small function of `aws`,
`gcp` or `azure`; their `FORMATS` and `KINDS` say which. Envelopes (SQS, SNS, lists, …) are opened at any nesting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from customhouse.errors import CustomhouseError, Malformed, Transient
from customhouse.events import aws, azure, gcp, notices
from customhouse.events.fields import Document, Nested, from_base64, from_json
from customhouse.events.handshakes import Reply, handshake
from customhouse.model import Event

__all__ = ["Part", "Reply", "as_json", "each", "handshake", "parse", "records"]

_T = TypeVar("_T")
_DEPTH = 8
"""Envelopes inside envelopes; EventBridge in SNS in SQS needs four, and a hostile payload gets no further."""

_FORMATS = (*aws.FORMATS, *gcp.FORMATS, *azure.FORMATS)
_KINDS = {**gcp.KINDS, **azure.KINDS}


@dataclass(frozen=True, slots=True)
class Part:
    """One independent part of a payload: what it names, and the first thing wrong with it.

    `id` is what the platform takes back to deliver this part alone again (SQS messageId, S3 Batch taskId), else
    "". A part may hold both events and an error, as an SQS message with a good and a bad record does.
    """

    id: str = ""
    events: tuple[Event, ...] = ()
    error: Malformed | None = None


def parse(payload: object, headers: Mapping[str, str] | None = None) -> list[Event]:
    """The uploads that a payload names; [] for an event about anything else.

    `payload` is JSON as text, bytes or already decoded; `headers` are those of the request it came with, needed for
    CloudEvents in binary mode. Raises Malformed for what is no event, and for a payload of which nothing but an
    error came; a bad record beside good ones is dropped here: who must not lose it calls `records`.
    """
    parts = records(payload, headers)
    events = [event for part in parts for event in part.events]
    error = next((part.error for part in parts if part.error), None)
    if error and not events:
        raise error
    return events


def records(payload: object, headers: Mapping[str, str] | None = None) -> list[Part]:
    """A payload split into its independent parts, so that a bad one fails alone.

    Raises Malformed where the payload as a whole is no event.
    """
    folded = {name.lower(): value for name, value in (headers or {}).items()}
    if "ce-specversion" in folded:
        return _parts(notices.binary(folded, payload), _DEPTH)
    return _parts(_document(payload), _DEPTH)


def each(parts: Iterable[Part], process: Callable[[Event], _T]) -> Iterator[tuple[Event, _T]]:
    """Every event with what `process` makes of it; then what failed is raised, what must come again before the rest.

    So a bad record, or one whose store does not answer, costs none of the others that came with it.
    """
    failed: list[CustomhouseError] = []
    for part in parts:
        for event in part.events:
            try:
                done = process(event)
            except CustomhouseError as error:
                failed.append(error)
            else:
                yield event, done
        failed += [part.error] if part.error else []
    for worst in sorted(failed, key=lambda one: not isinstance(one, Transient)):
        raise worst


def as_json(event: Event) -> dict[str, object]:
    """One event as `customhouse events` prints it: JSON-ready, `location` the URL form, `size` bytes or null."""
    location = event.location
    return {
        "location": str(location),
        "root": location.root,
        "key": location.key,
        "version": location.version,
        "etag": location.etag,
        "size": event.size,
        "time": event.time,
        "source": event.source,
    }


def _document(payload: object) -> object:
    """JSON as text or, as Storage Queues hold it, as base64 of that text; anything decoded is left as it is."""
    if not isinstance(payload, str | bytes):
        return payload
    try:
        return from_json(payload)
    except Malformed as error:
        with suppress(Malformed):
            return from_json(from_base64(payload))
        raise error from None


def _parts(document: object, depth: int) -> list[Part]:
    if depth == 0:
        raise Malformed("the event is wrapped too deeply")
    if isinstance(document, list):
        return [part for item in document for part in _opened(Nested(item), depth)]
    if not isinstance(document, Mapping):
        raise Malformed(f"no event is a {type(document).__name__}")
    parts: list[Part] = []
    for item in _read(document):
        parts += _opened(item, depth) if isinstance(item, Nested) else [Part(events=(item,))]
    return parts


def _opened(nested: Nested, depth: int) -> Iterator[Part]:
    """The parts of what an envelope carries; one part where the envelope is what is delivered again."""
    try:
        parts = _parts(_document(nested.value), depth - 1)
    except Malformed as error:
        parts = [Part(error=error)]
    if not nested.id:
        yield from parts
        return
    events = tuple(event for part in parts for event in part.events)
    yield Part(nested.id, events, next((part.error for part in parts if part.error), None))


def _read(document: Document) -> Iterable[Event | Nested]:
    for told, read in _FORMATS:
        if told(document):
            return read(document)
    for told, open_envelope in notices.ENVELOPES:
        if told(document):
            notice = open_envelope(document)
            return _KINDS[notice.kind](notice) if notice.kind in _KINDS else []
    fields = ", ".join(sorted(map(repr, document))[:5])
    raise Malformed(f"no event known here is an object with the fields [{fields:.200}]")
