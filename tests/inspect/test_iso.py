"""Discs with Rock Ridge names, built record by record."""

from __future__ import annotations

import struct

import pytest

from customhouse.model import SkipReason
from tests.inspect.support import MARKER, found, look, reasons, rules


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


def continued(data: bytes, *areas: bytes) -> bytes:
    """The disc with areas of more fields at its end; `pointer` names the first of them."""
    return data + b"".join(area.ljust(2048, b"\0") for area in areas)


def pointer(block: int, length: int, offset: int = 0) -> bytes:
    """Where a record's fields continue (SUSP 5.1)."""
    numbers = (struct.pack("<L", number) + struct.pack(">L", number) for number in (block, offset, length))
    return field(b"CE", b"".join(numbers))


ESCAPE = name(b"l") + link((4, b""), (4, b""), (0, b"etc"))


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_a_link_that_continues_elsewhere_is_seen(steps: int) -> None:
    """System Use fields that do not fit into a record go on in areas of their own, and those in others."""
    plain = disc((b"A.;1", pointer(21, 28), b"x"))
    areas = [pointer(22 + at, 2048) for at in range(steps - 1)]

    inspection = look(continued(plain, *areas, ESCAPE), "a.iso")

    assert "link-escape" in rules(inspection)


def test_a_name_that_continues_elsewhere_is_one_name() -> None:
    begun = field(b"NM", b"\1" + b"a" * 100)
    data = disc((b"A.;1", begun + pointer(21, 200, 7), MARKER))

    inspection = look(continued(data, b"garbage" + name(b"b" * 150)), "a.iso")

    assert found(inspection) == ["a.iso!/" + "a" * 100 + "b" * 150]


@pytest.mark.parametrize("target", [21, 20, 5000])
def test_fields_that_continue_in_themselves_come_to_an_end(target: int) -> None:
    data = disc((b"A.;1", pointer(21, 2048), b"x"))

    inspection = look(continued(data, pointer(target, 2048)), "a.iso")

    assert ("lying-size" in rules(inspection)) == (target == 21)
    assert inspection.coverage.complete


def test_what_follows_the_end_of_the_fields_is_none() -> None:
    assert "link-escape" not in rules(look(disc((b"A.;1", name(b"a") + field(b"ST", b"") + ESCAPE, b"x")), "a.iso"))


def test_fields_begin_where_the_root_says() -> None:
    data = bytearray(disc((b"A.;1", b"skip" + ESCAPE, b"x")))
    own = record(b"\0", 19, 2048, field(b"SP", b"\xbe\xef\4"), flags=2)
    folder = own + bytes(data[19 * 2048 + 34 : 20 * 2048])
    data[19 * 2048 : 20 * 2048] = folder[:2048]

    assert "link-escape" in rules(look(bytes(data), "a.iso"))


@pytest.mark.parametrize(("flags", "target"), [(0, "ab/cd"), (1, "abcd")])
def test_a_component_of_a_link_may_go_on_in_the_next(flags: int, target: str) -> None:
    system = name(b"l") + link((8, b""), (flags, b"ab"), (0, b"cd"))

    inspection = look(disc((b"A.;1", system, b"x")), "a.iso")

    assert f"/{target}" in next(one.message for one in inspection.findings if one.rule == "link-escape")


def test_a_file_that_systems_unpack_by_themselves_is_a_skip() -> None:
    packed = field(b"ZF", b"pz\4\17" + bytes(8))

    assert reasons(look(disc((b"A.;1", packed, b"packed")), "a.iso")) == {SkipReason.UNSUPPORTED}


@pytest.mark.parametrize("magic", [b"\x37\xe4\x53\x96\xc9\xdb\xd6\x07", b"\xef\x22\x55\xa1\xbc\x1b\x95\xa0"])
def test_a_packed_file_outside_of_its_disc_is_a_skip(magic: bytes) -> None:
    assert reasons(look(magic + bytes(100), "a.bin")) == {SkipReason.UNSUPPORTED}


def test_an_empty_file_in_the_place_of_a_link_of_another_view_is_ordinary() -> None:
    """Joliet knows no links; what has bytes there is another file."""
    kept = (b"A.;1", name(b"a"), b"x"), (b"L.;1", name(b"l") + link((0, b"a")), b"")
    plain = disc(*kept)
    for size, expected in ((0, set()), (6, {"duplicate-name", "link-trampoline"})):
        root = record(b"\0", 22, 2048, flags=2)
        second = (b"\2CD001\1" + bytes(81) + b"%/E" + bytes(65) + root).ljust(2048, b"\0")
        folder = root + record(b"\1", 22, 2048, flags=2) + record("l".encode("utf-16-be"), 23, size)
        data = plain[: 17 * 2048] + second + b"\xffCD001\1".ljust(2048, b"\0") + plain[19 * 2048 :]
        data = data.ljust(22 * 2048, b"\0") + folder.ljust(2048, b"\0") + b"secret".ljust(2048, b"\0")

        assert rules(look(data, "a.iso")) <= expected
        assert bool(rules(look(data, "a.iso"))) == bool(size)
