"""Keys as file names and back: ordinary relative paths stay as they are, everything else is percent-encoded.

A segment that a folder cannot hold (empty, `.`, `..`, NUL, over 255 bytes, our own `.customhouse`) is stored as `%`
and its percent-encoding; a longer one goes on in folders that start with `%+`. A file name that is no UTF-8 gets a
key of the same shape. The mapping is one to one, so that every file in a folder has a key and every key a file.
"""

from __future__ import annotations

import os
from urllib.parse import quote, quote_from_bytes, unquote, unquote_to_bytes

from customhouse.errors import Rejected

HIDDEN = ".customhouse"
_LONGEST = 255
_PIECE = 200
_MORE = "%+"


def to_path(key: str) -> list[str]:
    """The file names from the root down to the object; Rejected for a key that is no Unicode text."""
    try:
        return [name for depth, segment in enumerate(key.split("/")) for name in _names(segment, first=depth == 0)]
    except UnicodeEncodeError as error:
        raise Rejected(f"{key!r} is no Unicode text") from error


def to_segment(name: str, *, first: bool, before: str = "") -> str:
    """The part of a key that a file name stands for; `before` is what its `%+` folders hold."""
    if before:
        return unquote(before + name[1:])
    try:
        name.encode()
    except UnicodeEncodeError:
        return _encoded(name)
    if _leads_to_bytes(name):
        return _encoded(name)
    meant = _meant(name)
    return name if not isinstance(meant, str) or _plain(meant, first=first) else meant


def continued(name: str) -> str:
    """The text that a `%+` folder adds to the names in it, empty for every other folder."""
    return name[2:] if name.startswith(_MORE) and len(name) == len(_MORE) + _PIECE else ""


def _names(segment: str, *, first: bool) -> list[str]:
    if _leads_to_bytes(segment) and len(meant := _decoded(segment)) <= _LONGEST:
        return [os.fsdecode(meant)]
    if _plain(segment, first=first):
        return [segment]
    text = quote(segment, safe="")
    if len(text) < _LONGEST:
        return [f"%{text}"]
    cut = range(0, len(text), _PIECE)
    return [f"{_MORE}{text[i : i + _PIECE]}" for i in cut[:-1]] + [f"%{text[cut[-1] :]}"]


def _plain(segment: str, *, first: bool) -> bool:
    """Whether a file of this very name can hold the segment, and could be taken for nothing else."""
    if segment in {"", ".", ".."} or "\0" in segment or len(segment.encode()) > _LONGEST:
        return False
    if first and segment.casefold() == HIDDEN:
        return False
    meant = _meant(segment)
    return meant is None or (isinstance(meant, str) and _plain(meant, first=first))


def _leads_to_bytes(name: str) -> bool:
    """Whether decoding again and again ends at bytes that are no UTF-8: every such name means one level less.

    The file of the bytes has the key `%..`, so that the file named `%..` needs the key `%%25..`, and so on.
    """
    meant = _meant(name)
    return isinstance(meant, bytes) or (meant is not None and _leads_to_bytes(meant))


def _meant(name: str) -> str | bytes | None:
    """What a percent-encoded name encodes: text, a file name that is no UTF-8, or None where it encodes nothing."""
    if not name.startswith("%"):
        return None
    raw = _decoded(name)
    if b"/" in raw or quote_from_bytes(raw, safe="") != name[1:]:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw if len(raw) <= _LONGEST and b"\0" not in raw else None


def _encoded(name: str) -> str:
    return "%" + quote_from_bytes(os.fsencode(name), safe="")


def _decoded(name: str) -> bytes:
    return unquote_to_bytes(name[1:])
