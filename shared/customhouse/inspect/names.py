"""Member names: printable paths for people, and what is wrong with a name for those who will unpack it."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections.abc import Iterator, Sequence

from customhouse.model import Severity

_DRIVE = re.compile(r"^[A-Za-z]:")
_SAFE = re.compile(r"^[ -~]*$")
_ORDINARY = re.compile(r"(?!/|.:|.*\.\.)[ -\[\]-~]{1,4096}\Z")
"""Most names there are: nothing is wrong with them anywhere, and one look tells."""
_DECEPTIVE = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")
_LONG = 4096

Problem = tuple[str, Severity, str]


def printable(name: str) -> str:
    """`name` with everything that could fool a terminal, a log or the `!/` separator written as an escape."""
    if _SAFE.match(name) and "!/" not in name:
        return name
    return "".join(_escape(char) for char in name).replace("!/", "\\x21/")


def _escape(char: str) -> str:
    if char == " " or (char.isprintable() and char not in _DECEPTIVE):
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004 -- widths of the escapes


def decode(raw: bytes) -> tuple[str, bool]:
    """A name's text, and whether it was UTF-8; other bytes become lone surrogates, as os.fsdecode has it."""
    try:
        return raw.decode(), True
    except UnicodeDecodeError:
        return raw.decode("utf-8", "surrogateescape"), False


def problems(name: str) -> Sequence[Problem]:
    """What is wrong with a name as such, on any system it may be unpacked on."""
    return () if _ORDINARY.match(name) else tuple(_problems(name))


def _problems(name: str) -> Iterator[Problem]:
    if "\0" in name:
        yield "nul-name", Severity.HIGH, "the name holds a NUL, where some readers end it"
    windows = name.replace("\\", "/")
    if windows.startswith("/") or _DRIVE.match(windows):
        yield "path-traversal", Severity.HIGH, "the name is an absolute path"
    elif ".." in windows.split("/"):
        yield "path-traversal", Severity.HIGH, "the name leads out of the folder it is unpacked to"
    if any(char in _DECEPTIVE for char in name):
        yield "deceptive-name", Severity.HIGH, "the name holds characters that change the order of its letters"
    if any(unicodedata.category(char) == "Cc" and char != "\0" for char in name):
        yield "control-characters", Severity.MEDIUM, "the name holds control characters"
    if any("\ud800" <= char <= "\udfff" for char in name):
        yield "bad-utf8", Severity.HIGH, "the name is no valid UTF-8, so readers disagree about it"
    if len(name) > _LONG:
        yield "long-name", Severity.MEDIUM, f"the name has {len(name):,} characters"


def canonical(name: str) -> str:
    """The name under which a member is unpacked: without `./`, doubled or trailing slashes."""
    plain = posixpath.normpath(name) if name else ""
    return plain.lstrip("/") if plain != "." else ""


def absolute(target: str) -> bool:
    """Whether a path begins at a root or a drive."""
    return target.startswith(("/", "\\")) or _DRIVE.match(target) is not None
