"""Envelopes with a type inside (CloudEvents, Event Grid, Google's background events), read as one thing: a notice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from customhouse.errors import Malformed
from customhouse.events.fields import Document, field, from_base64, from_json, mapping, text


@dataclass(frozen=True, slots=True)
class Notice:
    """`kind` is the sender's type, `origin` the resource it is about, `data` its payload."""

    kind: str
    origin: str
    id: str
    time: str
    data: Document


def binary(headers: Mapping[str, str], body: object) -> Document:
    """A CloudEvent in binary mode (attributes in `ce-` headers) in its structured form.

    https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/http-protocol-binding.md
    """
    attributes = {name[3:]: value for name, value in headers.items() if name.startswith("ce-")}
    return {**attributes, "data": body}


def cloudevent(document: Document) -> Notice:
    """A structured CloudEvent. https://github.com/cloudevents/spec/blob/main/cloudevents/formats/json-format.md."""
    coded = text(document, "data_base64")
    data = from_json(from_base64(coded)) if coded else field(document, "data")
    return _notice(document, text(document, "type"), text(document, "source"), text(document, "time"), data)


def event_grid(document: Document) -> Notice:
    """An event in the Event Grid schema. https://learn.microsoft.com/azure/event-grid/event-schema."""
    kind, origin = text(document, "eventType"), text(document, "topic")
    return _notice(document, kind, origin, text(document, "eventTime"), field(document, "data"))


def background(document: Document) -> Notice:
    """An event for a first-generation Cloud Function: context and data, or both in one object.

    https://cloud.google.com/functions/docs/writing/write-event-driven-functions#background-functions
    """
    context = mapping(document, "context") if "context" in document else document
    sent = {"id": text(context, "eventId")}
    return _notice(sent, text(context, "eventType"), "", text(context, "timestamp"), field(document, "data"))


def _notice(sent: Document, kind: str, origin: str, time: str, data: object) -> Notice:
    """`data` may come as JSON text; a payload that is no object is none of ours."""
    if (isinstance(data, str) and data.lstrip().startswith("{")) or (
        isinstance(data, bytes) and data.lstrip().startswith(b"{")
    ):
        data = from_json(data)
    if not kind:
        raise Malformed("the event has no type")
    return Notice(kind, origin, text(sent, "id"), time, data if isinstance(data, Mapping) else {})


ENVELOPES: tuple[tuple[Callable[[Document], bool], Callable[[Document], Notice]], ...] = (
    (lambda document: bool(text(document, "specversion")), cloudevent),
    (lambda document: "eventType" in document and "eventId" not in document, event_grid),
    (lambda document: "eventType" in document or _has_context(document), background),
)
"""How each envelope is told and read."""


def _has_context(document: Document) -> bool:
    context = document.get("context")
    return isinstance(context, Mapping) and "eventType" in context and "data" in document
