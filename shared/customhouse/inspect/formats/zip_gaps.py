"""Bytes of a zip that belong to none of its members."""

from __future__ import annotations

from collections.abc import Iterator

from customhouse.inspect.formats.entry import Entry, Source
from customhouse.inspect.formats.zip_records import LOCAL

_SIGNING = b"APK Sig Block 42"


def gap(source: Source, start: int, stop: int) -> Iterator[Entry]:
    """Bytes that belong to no member: a program in front is ordinary, anything else is hidden."""
    if stop <= start:
        return
    head = source.at(start, min(stop - start, 1 << 16))
    if stop - start <= len(head) and not head.strip(b"\0"):
        return
    if source.at(stop - 16, 16) == _SIGNING:
        yield Entry("apk-signing-block", source.blocks(start, stop - start), stop - start)
        return
    name = f"hidden-data-{start}" if start else "prepended-data"
    if start or not head.startswith((b"#!", b"MZ", b"\x7fELF", b"\xcf\xfa\xed\xfe", b"Cr24", b"JM\1\0")):
        rule, message = ("hidden-member", "a member that is not in the central directory")
        if not head.startswith(LOCAL):
            rule, message = ("hidden-data" if start else "prepended-data"), f"{stop - start:,} bytes of no member"
        source.high(rule, message)
    yield Entry(name, source.blocks(start, stop - start), stop - start, leading=not start)
