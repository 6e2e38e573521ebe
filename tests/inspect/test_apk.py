"""Alpine packages whose data is not what their control part says."""

from __future__ import annotations

import gzip
import hashlib

import pytest

from customhouse.inspect import Limits
from customhouse.model import Inspection, Severity
from tests.inspect.support import END, clean, entry, look, rules

DATA = gzip.compress(entry(b"usr/bin/p", b"#!/bin/sh\n") + END, mtime=0)
OTHER = gzip.compress(entry(b"usr/bin/p", b"#!/bin/ash") + END, mtime=0)
SIGNATURE = gzip.compress(entry(b".SIGN.RSA.who.rsa.pub", b"signed"), mtime=0)


def control(data: bytes, line: str = "datahash = {}\n") -> bytes:
    info = "pkgname = p\npkgver = 1.0-r0\n" + line.format(hashlib.sha256(data).hexdigest())
    return gzip.compress(entry(b".PKGINFO", info.encode()), mtime=0)


def package(*parts: bytes, name: str = "p-1.0-r0.apk") -> Inspection:
    return look(b"".join(parts), name)


@pytest.mark.parametrize("signature", [b"", SIGNATURE])
def test_data_that_was_changed_after_the_control_part_was_written_is_a_finding(signature: bytes) -> None:
    changed = package(signature, control(DATA), OTHER)

    assert clean(package(signature, control(DATA), DATA))
    assert [(one.rule, one.severity, one.member) for one in changed.findings] == [
        ("digest-mismatch", Severity.HIGH, "p-1.0-r0.apk")
    ]


def test_data_of_many_blocks_is_compared_as_a_whole() -> None:
    noise = b"".join(hashlib.sha512(bytes([at & 255, at >> 8])).digest() for at in range(20_000))
    large = gzip.compress(entry(b"usr/share/p", noise) + END, mtime=0)

    assert clean(package(SIGNATURE, control(large), large))
    assert rules(package(SIGNATURE, control(DATA), large)) == {"digest-mismatch"}


@pytest.mark.parametrize("line", ["", "datahash = \n", "datahash = none\n", "# datahash = {}0\n"])
def test_a_package_that_states_no_digest_is_compared_with_nothing(line: str) -> None:
    assert clean(package(control(OTHER, line), DATA))


@pytest.mark.parametrize(
    "parts", [(control(OTHER),), (DATA, control(OTHER)), (SIGNATURE, control(OTHER), gzip.compress(b""), DATA)]
)
def test_parts_in_another_order_are_compared_with_nothing(parts: tuple[bytes, ...]) -> None:
    assert "digest-mismatch" not in rules(package(*parts))


def test_only_packages_by_their_name_are_compared() -> None:
    assert "digest-mismatch" not in rules(package(control(DATA), OTHER, name="p.tar.gz"))


def test_data_that_is_not_read_to_its_end_is_not_compared() -> None:
    inspection = look(control(DATA) + OTHER, "p-1.0-r0.apk", limits=Limits(member=600))

    assert "digest-mismatch" not in rules(inspection)
    assert not inspection.coverage.complete
