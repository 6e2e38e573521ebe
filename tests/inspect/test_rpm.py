"""RPM packages whose headers and payload are not those of their digests."""

from __future__ import annotations

import gzip
import hashlib
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.inspect import Limits
from customhouse.model import Inspection, Severity
from tests.inspect.support import MARKER, clean, cpio, found, look, rules

MAGIC = b"\x8e\xad\xe8\x01\0\0\0\0"
TEXT, NUMBER, BYTES = 6, 4, 7
PAYLOAD = gzip.compress(cpio((b"./usr/a", b"hello", 0o100644)), mtime=0)
OTHER = gzip.compress(cpio((b"./usr/a", b"jello", 0o100644)), mtime=0)

Tags = list[tuple[int, int, bytes]]


def header(*tags: tuple[int, int, bytes]) -> bytes:
    index, data = b"", b""
    for tag, kind, value in tags:
        index += struct.pack(">IIII", tag, kind, len(data), len(value) if kind == BYTES else 1)
        data += value
    return MAGIC + struct.pack(">II", len(tags), len(data)) + index + data


def rpm(signature: Tags, head: bytes, payload: bytes, filled: bytes = b"\0" * 8) -> Inspection:
    signed = header(*signature)
    data = b"\xed\xab\xee\xdb" + bytes(92) + signed + filled[: -len(signed) % 8] + head + payload
    return look(data, "p-1.0-1.noarch.rpm", limits=Limits(ratio=1 << 20))


def text(digest: str) -> bytes:
    return digest.encode() + b"\0"


def of_payload(number: int = 8, name: str = "sha256") -> bytes:
    digest = hashlib.new(name, PAYLOAD).hexdigest()
    return header((1000, TEXT, b"p\0"), (5092, TEXT, text(digest)), (5093, NUMBER, struct.pack(">I", number)))


PLAIN = header((1000, TEXT, b"p\0"))
HEADERS: list[tuple[int, int, Callable[[bytes], bytes]]] = [
    (269, TEXT, lambda head: text(hashlib.sha1(head, usedforsecurity=False).hexdigest())),
    (273, TEXT, lambda head: text(hashlib.sha256(head).hexdigest())),
]


@pytest.mark.parametrize(("tag", "kind", "digest"), HEADERS)
def test_a_header_that_was_changed_after_its_digest_was_stated_is_a_finding(
    tag: int, kind: int, digest: Callable[[bytes], bytes]
) -> None:
    told = [(1007, NUMBER, bytes(4)), (tag, kind, digest(PLAIN))]
    changed = rpm(told, header((1000, TEXT, b"q\0")), PAYLOAD)

    assert clean(rpm(told, PLAIN, PAYLOAD))
    assert [(one.rule, one.severity, one.member) for one in changed.findings] == [
        ("digest-mismatch", Severity.HIGH, "p-1.0-1.noarch.rpm!/header")
    ]


@pytest.mark.parametrize(("number", "name"), [(8, "sha256"), (9, "sha384"), (10, "sha512")])
def test_a_payload_that_was_changed_after_its_digest_was_stated_is_a_finding(number: int, name: str) -> None:
    head = of_payload(number, name)
    changed = rpm([], head, OTHER)

    assert clean(rpm([], head, PAYLOAD))
    assert [(one.rule, one.member) for one in changed.findings] == [("digest-mismatch", "p-1.0-1.noarch.rpm!/payload")]


def test_a_payload_whose_digest_is_of_an_unknown_kind_is_not_compared() -> None:
    assert clean(rpm([], of_payload(99), OTHER))


@pytest.mark.parametrize(("head", "payload"), [(PLAIN, OTHER), (header((1000, TEXT, b"q\0")), PAYLOAD)])
def test_an_older_package_has_one_digest_of_header_and_payload(head: bytes, payload: bytes) -> None:
    told = [(1004, BYTES, hashlib.md5(PLAIN + PAYLOAD, usedforsecurity=False).digest())]

    assert clean(rpm(told, PLAIN, PAYLOAD))
    assert rules(rpm(told, head, payload)) == {"digest-mismatch"}


@pytest.mark.parametrize("digest", [b"", b"no hex\0", b"\xff\0"])
def test_only_a_digest_that_is_stated_is_compared(digest: bytes) -> None:
    assert clean(rpm([(273, TEXT, digest)], PLAIN, PAYLOAD)) == (not digest)


def test_what_the_signature_header_holds_is_looked_at() -> None:
    assert found(rpm([(1008, BYTES, MARKER)], PLAIN, PAYLOAD)) == ["p-1.0-1.noarch.rpm!/signature"]


def test_bytes_between_the_headers_are_hidden_data() -> None:
    assert rules(rpm([(1007, BYTES, b"x")], PLAIN, PAYLOAD, b"evil!!!!")) == {"hidden-data"}


@given(st.binary(max_size=64), st.integers(0, 5), st.integers(0, 200))
def test_tags_that_lie_about_where_they_are_stop_nothing(data: bytes, count: int, offset: int) -> None:
    index = b"".join(struct.pack(">IIII", tag, TEXT, offset, 1) for tag in (5092, 5093, 269, 273, 1004)[:count])
    head = MAGIC + struct.pack(">II", count, len(data)) + index + data

    assert rpm([], head, PAYLOAD).coverage.complete
