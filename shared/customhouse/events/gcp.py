"""What Google Cloud sends: object changes, Pub/Sub messages about them or about pushes, audit logs of uploads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from customhouse.errors import Malformed
from customhouse.events.fields import (
    Document,
    Format,
    bucket,
    count,
    field,
    from_base64,
    from_json,
    mapping,
    needed,
    text,
)
from customhouse.events.images import image
from customhouse.events.notices import Notice
from customhouse.model import Event, Location


def finalized(notice: Notice) -> Iterable[Event]:
    """An upload, through Eventarc or to a background function; `data` is the object's resource.

    https://github.com/googleapis/google-cloudevents/blob/main/proto/google/events/cloud/storage/v1/data.proto
    """
    return [_uploaded("gcs", notice.data, message=notice.id, time=notice.time)]


def changed(notice: Notice) -> Iterable[Event]:
    """The oldest background event tells uploads, metadata changes and deletions apart only by the resource."""
    gone = text(notice.data, "resourceState") == "not_exists"
    return [] if gone or count(notice.data, "metageneration") not in {None, 1} else finalized(notice)


def resource(document: Document) -> Iterable[Event]:
    """A bare object resource: the body of a binary-mode event whose headers are lost.

    What happened is lost with them; one inspection too many is harmless, a missed upload is not.
    """
    return [] if field(document, "timeDeleted") else [_uploaded("gcs", document)]


def published(notice: Notice) -> Iterable[Event]:
    """A Pub/Sub message through Eventarc (wrapped), or as a background event (bare)."""
    return pubsub(notice.data if "message" in notice.data else {"message": notice.data})


def pubsub(document: Document) -> Iterable[Event]:
    """A Pub/Sub push: a Cloud Storage notification, an Artifact Registry change, or somebody else's message.

    https://cloud.google.com/storage/docs/pubsub-notifications, https://cloud.google.com/pubsub/docs/push
    """
    message = mapping(document, "message")
    attributes = field(message, "attributes")
    data = from_base64(text(message, "data"))
    if not attributes and not data:
        raise Malformed("the Pub/Sub message has neither data nor attributes")
    if isinstance(attributes, Mapping) and text(attributes, "eventType").startswith("OBJECT_"):
        return _notified(attributes, text(message, "messageId"))
    content = from_json(data) if data.lstrip().startswith(b"{") else None
    if isinstance(content, Mapping) and is_registry_change(content):
        return registry_change(content, text(message, "messageId"), text(message, "publishTime"))
    return []


def is_registry_change(document: Document) -> bool:
    """Whether this is what Artifact Registry publishes to the topic `gcr`."""
    return text(document, "action") in {"INSERT", "DELETE"} and not {"digest", "tag"}.isdisjoint(document)


def registry_change(document: Document, message: str = "", time: str = "") -> Iterable[Event]:
    """A push to Artifact Registry; `tag` is a full reference (documented) or bare (seen).

    https://cloud.google.com/artifact-registry/docs/configure-notifications. Only Google's hosts are believed:
    whoever may publish to the topic must not choose where we send a token.
    """
    if text(document, "action") != "INSERT":
        return []
    name, _, digest = text(document, "digest").partition("@")
    prefix, colon, tag = text(document, "tag").rpartition(":")
    host, _, repository = (name or prefix).partition("/")
    if colon and name and prefix != name:
        raise Malformed(f"digest and tag name different images: {name!r:.200}, {prefix!r:.200}")
    if not host.endswith((".pkg.dev", ".gcr.io")) and host != "gcr.io":
        raise Malformed(f"not a registry of Google's: {host!r:.200}")
    return [Event(image(host, repository, digest=digest, tag=tag), "artifact-registry", id=message, time=time)]


def audit_log(document: Document) -> Iterable[Event]:
    """A Cloud Audit Logs entry: an upload where it is one of Cloud Storage's, which tells no generation.

    https://cloud.google.com/storage/docs/audit-logging
    """
    entry = mapping(document, "protoPayload")
    if (text(entry, "serviceName"), text(entry, "methodName")) != ("storage.googleapis.com", "storage.objects.create"):
        return []
    path = needed(entry, "resourceName").removeprefix("projects/_/buckets/")
    named = dict(zip(("bucket", "name"), path.split("/objects/", 1), strict=False))
    return [_uploaded("audit-log", named, message=text(document, "insertId"), time=text(document, "timestamp"))]


def audited(notice: Notice) -> Iterable[Event]:
    """The same through Eventarc."""
    return audit_log(notice.data)


def _notified(attributes: Document, message: str) -> Iterable[Event]:
    if text(attributes, "eventType") != "OBJECT_FINALIZE":
        return []
    named = {
        "bucket": text(attributes, "bucketId"),
        "name": text(attributes, "objectId"),
        "generation": text(attributes, "objectGeneration"),
    }
    return [_uploaded("pubsub", named, message=message, time=text(attributes, "eventTime"))]


def _uploaded(source: str, stored: Document, *, message: str = "", time: str = "") -> Event:
    """Names are not encoded; the generation is a number, sent as text or not."""
    root, generation = f"gs://{bucket(needed(stored, 'bucket'))}", count(stored, "generation")
    location = Location(root, needed(stored, "name"), version=str(generation or ""))
    return Event(location, source, id=message, time=time or text(stored, "updated"), size=count(stored, "size"))


KINDS: dict[str, Callable[[Notice], Iterable[Event]]] = {
    "google.cloud.storage.object.v1.finalized": finalized,
    "google.storage.object.finalize": finalized,
    "providers/cloud.storage/eventTypes/object.change": changed,
    "google.cloud.pubsub.topic.v1.messagePublished": published,
    "google.pubsub.topic.publish": published,
    "providers/cloud.pubsub/eventTypes/topic.publish": published,
    "google.cloud.audit.log.v1.written": audited,
}
"""The types of notice that may name an upload; every other type names none."""

FORMATS: tuple[Format, ...] = (
    (lambda document: isinstance(document.get("message"), Mapping), pubsub),
    (is_registry_change, registry_change),
    (lambda document: text(document, "kind") == "storage#object", resource),
    (lambda document: "protoPayload" in document, audit_log),
)
