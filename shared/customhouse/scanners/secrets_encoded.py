"""Text that is not there to read: what UTF-16, UTF-32 and base64 say."""

from __future__ import annotations

import base64
import binascii
import functools
import re
import string
from collections.abc import Callable, Iterable, Iterator

import re2

from customhouse.scanners.hyperscan_engine import Engine, compiled

_WIDE = re.compile(
    rb"(?s)\xff\xfe|\xfe\xff|\0\0\xfe\xff|MZ|(?:[^\0]\0){8}|(?:\0[^\0]){8}|(?:[^\0]\0{3}){4}|(?:\0{3}[^\0]){4}"
)
"""How what may hold UTF-16 or UTF-32 begins: with its mark, as a Windows program, or with such text."""
_DIGITS = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_QUARTETS = 6
"""Groups of four digits, three characters of text each, that begin a run: the shortest token (AWS key id) has six."""
_LINE = r"(?:\r?\n[ \t]{0,16}|(?:\\r)?\\n)"
_RUN = re2.compile(rf"(?:[A-Za-z0-9+/_-]{{4}})+(?:{_LINE}(?:[A-Za-z0-9+/_-]{{4}})+)*[A-Za-z0-9+/_-]{{0,3}}".encode())
_BREAK = re2.compile(_LINE.encode())


def _digits(allowed: Callable[[int], bool]) -> str:
    """A character class of the base64 digits whose six bits are allowed."""
    return f"[{''.join(digit for bits, digit in enumerate(_DIGITS) if allowed(bits))}]"


def _text_quartet() -> str:
    """Four digits that are three bytes of ASCII text: top bits are clear, and of control characters few are text."""
    first = _digits(lambda bits: bits in {2, 3} or 8 <= bits < 32)  # noqa: PLR2004 -- tab to return, blank to tilde
    second = _digits(lambda bits: bits & 15 in {0, *range(2, 8)})
    third = _digits(lambda bits: bits & 3 < 2)  # noqa: PLR2004 -- the third byte's top bit
    return f"{first}{second}{third}[A-Za-z0-9+/_-]"


_BEGIN = rf"(?:^|[^A-Za-z0-9+/]|\\[nrt])(?:{_text_quartet()}){{{_QUARTETS}}}".encode()
"""Matches once a run, and by chance in one of a million: base64 of anything but text costs nothing more."""


@functools.cache
def _engine() -> Engine:
    return Engine(compiled([_BEGIN]))


def wide(data: bytes) -> bytes:
    """A window that may hold UTF-16 or UTF-32 text, without its zero bytes; else nothing."""
    return data.translate(None, b"\0") if maybe_wide(data) else b""


def pairs(data: bytes) -> tuple[bytes, bytes]:
    """Every second byte from the first and from the second: UTF-16 text among a program's other bytes is in one."""
    return data[::2], data[1::2]


def begins(data: bytes) -> list[int]:
    """Behind which bytes runs of base64 go on that spell text."""
    return _engine().ends(data, most=len(data) + 1).get(0, [])


def maybe_wide(data: bytes) -> bool:
    """Whether it may hold UTF-16 or UTF-32 text."""
    return _WIDE.match(data) is not None


def decoded(data: bytes) -> bytes:
    """What runs of base64 that spell text say, a line each; wrapped lines are one run."""
    return b"\n".join(_runs(data))


def _runs(data: bytes) -> Iterator[bytes]:
    done = 0
    for end in begins(data):
        if end > done and (run := _RUN.match(data, end - 4 * _QUARTETS)):
            done = run.end()
            yield _decode(run.group())


def spelled(texts: Iterable[str]) -> str:
    """An expression for the base64 of what holds one of these texts, wherever in its group of three bytes it begins.

    It matches from a group of four digits on, up to the last digit that the text alone decides.
    """
    return "|".join(_spelled(text.encode(), lead) for text in texts for lead in range(3))


def _spelled(text: bytes, lead: int) -> str:
    mixed = -(-lead * 8 // 6)  # digits that what stands before the text decides, too
    digits = base64.b64encode(bytes(lead) + text).decode()[mixed : (lead + len(text)) * 8 // 6]
    return "[A-Za-z0-9+/_-]" * mixed + re.escape(digits)


def decoded_from(data: bytes, start: int) -> tuple[bytes, int]:
    """What base64 from here on says, and where it ends."""
    run = _RUN.match(data, start)
    return (_decode(run.group()), run.end()) if run else (b"", start)


def _decode(run: bytes) -> bytes:
    digits = _BREAK.sub(b"", run).translate(_URL_SAFE)
    return binascii.a2b_base64(digits[: len(digits) - (len(digits) % 4 == 1)] + b"==")
