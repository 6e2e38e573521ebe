"""What Azure sends: Blob Storage and Container Registry, by Event Grid or (registries) by webhook."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from urllib.parse import unquote

from customhouse.errors import Malformed
from customhouse.events.fields import Document, Format, Nested, count, etag, field, mapping, needed, text
from customhouse.events.images import image
from customhouse.events.notices import Notice
from customhouse.model import Event, Location

_OPENED = {"CreateFile", "SftpCreate"}
"""A file was opened for writing; FlushWithClose or SftpCommit tells when its content is there."""

_ENDPOINT = re.compile(r"([a-z0-9-]+?)(?:-secondary)?(?:\.z\d+)?\.(?:blob|dfs)\..+")
_LOOPBACK = re.compile(r"(?:[\d.]+|\[[\da-f:]+\]|[a-z0-9-]+)(?::\d+)?")
_ACCOUNT = re.compile(r"/storageAccounts/([a-z0-9-]+)(?:/|$)")
_NAME = re.compile(r"[a-z0-9$][a-z0-9-]*")


def blob_created(notice: Notice) -> Iterable[Event]:
    """A blob whose content is there. https://learn.microsoft.com/azure/event-grid/event-schema-blob-storage."""
    return [] if text(notice.data, "api") in _OPENED else [_uploaded(notice, needed(notice.data, "url"))]


def blob_renamed(notice: Notice) -> Iterable[Event]:
    """A blob under a new name, which nobody has inspected under that name."""
    url = text(notice.data, "destinationUrl") or needed(notice.data, "destinationBlobUrl")
    return [_uploaded(notice, url)]


def pushed(notice: Notice) -> Iterable[Event]:
    """A push to a registry. https://learn.microsoft.com/azure/event-grid/event-schema-container-registry."""
    return [_push(notice.data, message=notice.id, time=notice.time)]


def webhook(document: Document) -> Iterable[Event]:
    """What Container Registry's own webhook posts: the shape that its Event Grid events carry as data.

    https://learn.microsoft.com/azure/container-registry/container-registry-webhook-reference
    """
    if text(document, "action") not in {"push", "chart_push"}:
        return []
    return [_push(document, message=text(document, "id"), time=text(document, "timestamp"))]


def distribution(document: Document) -> Iterator[Nested]:
    """The batch that a registry of the distribution project posts; layers are pushed by events of their own.

    https://distribution.github.io/distribution/about/notifications/
    """
    listed = field(document, "events")
    if not isinstance(listed, list):
        raise Malformed("the registry's events are no list")
    return (Nested(event) for event in listed if not _is_layer(event))


def _is_layer(event: object) -> bool:
    target = field(event, "target") if isinstance(event, Mapping) else None
    kind = text(target, "mediaType") if isinstance(target, Mapping) else ""
    return kind == "application/octet-stream" or ".layer." in kind


def _push(data: Document, *, message: str, time: str) -> Event:
    target = mapping(data, "target")
    location = image(
        needed(mapping(data, "request"), "host"),
        needed(target, "repository"),
        digest=text(target, "digest"),
        tag=text(target, "tag"),
    )
    return Event(location, "acr", id=message, time=time)


def _uploaded(notice: Notice, url: str) -> Event:
    account, container, name = _parts(url, notice.origin)
    return Event(
        Location(f"az://{account}/{container}", name, etag=etag(notice.data)),
        "blob",
        id=notice.id,
        time=notice.time,
        size=count(notice.data, "contentLength"),
        sequencer=text(notice.data, "sequencer"),
    )


def _parts(url: str, origin: str) -> tuple[str, str, str]:
    """Account, container and name of a blob's URL, which holds no query and encodes the name, but no `+`.

    The account is the host's first label at an Azure endpoint, the path's first part at an emulator (`127.0.0.1`,
    `azurite:10000`), and at a custom domain only the event's topic tells it. A blob right under the host is in
    the container `$root`.
    """
    host, _, path = url.partition("://")[2].partition("/")
    if endpoint := _ENDPOINT.fullmatch(host.lower()):
        account = endpoint[1]
    elif _LOOPBACK.fullmatch(host.lower()):
        account, _, path = path.partition("/")
    else:
        topic = _ACCOUNT.search(origin)
        account = topic[1] if topic else ""
    container, _, name = path.partition("/") if "/" in path else ("$root", "/", path)
    if not _NAME.fullmatch(account) or not _NAME.fullmatch(container) or not name:
        raise Malformed(f"the URL names no blob: {url!r:.200}")
    return account, container, _decoded(name)


def _decoded(name: str) -> str:
    try:
        return unquote(name, errors="strict")
    except UnicodeDecodeError:
        raise Malformed(f"the blob's name is not UTF-8: {name!r:.200}") from None


KINDS: dict[str, Callable[[Notice], Iterable[Event]]] = {
    "Microsoft.Storage.BlobCreated": blob_created,
    "Microsoft.Storage.BlobRenamed": blob_renamed,
    "Microsoft.ContainerRegistry.ImagePushed": pushed,
    "Microsoft.ContainerRegistry.ChartPushed": pushed,
}
"""The types of notice that name an upload; every other type names none."""

FORMATS: tuple[Format, ...] = (
    (lambda document: "events" in document, distribution),
    (lambda document: "action" in document and "target" in document, webhook),
)
