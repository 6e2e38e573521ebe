"""Reading fields of documents that anyone may have written: absent, misspelt and mistyped values end as Malformed."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from customhouse.errors import Malformed
from customhouse.model import Event

Document = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Nested:
    """What an envelope carries: a document, or its text; `id` is what the sender takes back to retry it alone."""

    value: object
    id: str = ""


Reader = Callable[[Document], Iterable[Event | Nested]]
Format = tuple[Callable[[Document], bool], Reader]
"""How a shape is told from all others, and how it is read."""


def field(document: Document, name: str) -> object:
    """The value of `name` in any spelling (`eTag`, `etag`, `e_tag`, `e-tag`), None where there is none."""
    if name in document:
        return document[name]
    wanted = _folded(name)
    return next((value for key, value in document.items() if _folded(str(key)) == wanted), None)


def text(document: Document, name: str) -> str:
    """A text that may be missing: then, and where it is no text, it is empty; Malformed where it is no Unicode."""
    value = field(document, name)
    if not isinstance(value, str):
        return ""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Malformed(f"the event's {name} is not Unicode text") from None
    return value


def needed(document: Document, name: str) -> str:
    """A text without which there is no artifact; Malformed where it is missing or empty."""
    if value := text(document, name):
        return value
    raise Malformed(f"the event has no {name}")


def bucket(name: str) -> str:
    """A bucket's name, which becomes part of a URL; Malformed where it would say something else there."""
    if any(character in "/?#" or character <= " " for character in name):
        raise Malformed(f"no bucket has the name {name!r:.200}")
    return name


def mapping(document: Document, name: str) -> Document:
    """An object inside a document; Malformed where there is none. One sent as JSON text is read."""
    value = field(document, name)
    if isinstance(value, str):
        value = from_json(value)
    if not isinstance(value, Mapping):
        raise Malformed(f"the event has no {name}")
    return value


def etag(document: Document) -> str:
    """An ETag without its quotes, "" where there is none."""
    return text(document, "eTag").strip('"')


def count(document: Document, name: str) -> int | None:
    """A whole number, sent as one or as decimal digits; None where it is missing or something else."""
    value = field(document, name)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len(str(2**64)):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def from_json(data: str | bytes) -> object:
    """The JSON value of a text in UTF-8; Malformed, in one line, for anything else."""
    try:
        return json.loads(data.decode("utf-8-sig") if isinstance(data, bytes) else data.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise Malformed(f"the event is not JSON: {error or 'nested too deeply'}") from None


def from_base64(data: str | bytes) -> bytes:
    """The bytes of a base64 text; Malformed for anything else."""
    try:
        return base64.b64decode(data, validate=True)
    except (ValueError, binascii.Error):
        raise Malformed("the event's data is not base64") from None


def _folded(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()
