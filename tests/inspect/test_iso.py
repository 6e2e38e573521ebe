"""Discs with Rock Ridge names, built record by record."""

from __future__ import annotations

import struct

import pytest

from tests.inspect.support import MARKER, found, look, rules


def field(kind: bytes, body: bytes) -> bytes:
    """One System Use field (SUSP): signature, length, version, body."""
    return kind + bytes([4 + len(body), 1]) + body


def name(*parts: bytes) -> bytes:
    """Rock Ridge's alternate name, in one field or several of which all but the last say that they go on."""
    return b"".join(field(b"NM", bytes([part is not parts[-1]]) + part) for part in parts)


def mode(value: int) -> bytes:
    """Rock Ridge's POSIX attributes."""
    return field(b"PX", b"".join(struct.pack("<L", number) + struct.pack(">L", number) for number in (value, 1, 0, 0)))


def link(*components: tuple[int, bytes]) -> bytes:
    """Rock Ridge's symbolic link: flags and text of each component."""
    return field(b"SL", b"\0" + b"".join(bytes([flags, len(text)]) + text for flags, text in components))


def record(own: bytes, extent: int, size: int, system: bytes = b"", flags: int = 0) -> bytes:
    """A directory record (ECMA-119, 9.1)."""
    both = b"".join(struct.pack("<L", number) + struct.pack(">L", number) for number in (extent, size))
    body = both + bytes(7) + bytes([flags, 0, 0]) + bytes(4) + bytes([len(own)]) + own
    body += bytes((len(own) + 1) % 2) + system
    return (bytes([2 + len(body) + len(body) % 2, 0]) + body).ljust(2 + len(body) + len(body) % 2, b"\0")


def disc(*files: tuple[bytes, bytes, bytes]) -> bytes:
    """A disc with files (own name, System Use fields, content) in its root."""
    extent, records, contents = 20, b"", b""
    for own, system, content in files:
        records += record(own, extent, len(content), system)
        contents += content + bytes(-len(content) % 2048)
        extent += -(-len(content) // 2048)
    root = record(b"\0", 19, 2048, flags=2)
    folder = (root + record(b"\1", 19, 2048, flags=2) + records).ljust(2048, b"\0")
    primary = (b"\1CD001\1" + bytes(149) + root).ljust(2048, b"\0")
    return bytes(16 * 2048) + primary + b"\xffCD001\1".ljust(2048, b"\0") + bytes(2048) + folder + contents


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        (b"", "A"),
        (name(b"long name.txt"), "long name.txt"),
        (name(b"in two ", b"parts"), "in two parts"),
        (mode(0o100644) + name(b"after.mode"), "after.mode"),
        (name("größe".encode()), "größe"),
        (b"XX\0\0" + name(b"behind what is broken"), "A"),
    ],
)
def test_a_file_has_its_rock_ridge_name_where_it_has_one(system: bytes, expected: str) -> None:
    assert found(look(disc((b"A.;1", system, MARKER)), "a.iso")) == [f"a.iso!/{expected}"]


@pytest.mark.parametrize(
    ("system", "rule"),
    [
        (name(b"../evil"), "path-traversal"),
        (name(b"/etc/passwd"), "path-traversal"),
        (name(b"a\0b"), "nul-name"),
        (name(b"\xff"), "bad-utf8"),
        (name(b"su") + mode(0o104755), "setuid"),
        (name(b"null") + mode(0o020666), "device-node"),
        (name(b"l") + link((4, b""), (4, b""), (0, b"etc")), "link-escape"),
        (name(b"l") + link((8, b""), (0, b"etc"), (0, b"passwd")), "link-escape"),
    ],
)
def test_what_rock_ridge_says_of_a_file_is_checked(system: bytes, rule: str) -> None:
    assert rule in rules(look(disc((b"A.;1", system, b"content")), "a.iso"))


def test_a_link_that_stays_on_the_disc_is_ordinary() -> None:
    files = (b"A.;1", name(b"a") + mode(0o100644), b"x"), (b"L.;1", name(b"l") + link((2, b""), (0, b"a")), b"")

    assert not rules(look(disc(*files), "a.iso"))


def test_two_files_of_one_rock_ridge_name_are_a_finding() -> None:
    files = (b"A.;1", name(b"same"), b"x"), (b"B.;1", name(b"same"), MARKER)

    assert rules(look(disc(*files), "a.iso")) == {"duplicate-name", "found"}
