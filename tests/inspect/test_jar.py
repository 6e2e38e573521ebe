"""Signed jars that are not what their manifest says."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.inspect import Limits
from customhouse.model import Inspection, Severity
from tests.inspect.support import clean, look, rules, zipped

ALGORITHMS = {
    "SHA1": "sha1",
    "SHA-1": "sha1",
    "SHA": "sha1",
    "SHA-256": "sha256",
    "sha-384": "sha384",
    "SHA-512": "sha512",
}
SIGNED = (("META-INF/WHO.SF", b"Signature-Version: 1.0\r\n"), ("META-INF/WHO.RSA", b"0\x82"))
FILES = {"org/example/A.class": b"\xca\xfe\xba\xbe\0\0\0\x34A", "data/ü.txt": b"text"}


def folded(line: str, end: str = "\r\n") -> bytes:
    """A line as jars have it: at most 72 bytes, the rest on lines that begin with a blank."""
    raw, pieces = line.encode(), list[bytes]()
    while raw:
        width = 70 if not pieces else 69
        pieces, raw = [*pieces, raw[:width]], raw[width:]
    return (end.encode() + b" ").join(pieces) + end.encode()


def section(name: str, data: bytes, algorithm: str = "SHA-256", end: str = "\r\n") -> bytes:
    digest = base64.b64encode(hashlib.new(ALGORITHMS[algorithm], data).digest()).decode()
    return folded(f"Name: {name}", end) + folded(f"{algorithm}-Digest: {digest}", end) + end.encode()


def manifest(files: dict[str, bytes], algorithm: str = "SHA-256", end: str = "\r\n") -> bytes:
    head = folded("Manifest-Version: 1.0", end) + end.encode()
    return head + b"".join(section(name, data, algorithm, end) for name, data in files.items())


def jar(
    text: bytes, files: dict[str, bytes], *signed: tuple[str, bytes], name: str = "META-INF/MANIFEST.MF"
) -> Inspection:
    return look(zipped(*files.items(), (name, text), *(signed or SIGNED)), "a.jar", limits=Limits(ratio=1 << 20))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_a_class_that_was_changed_after_the_jar_was_signed_is_a_finding(algorithm: str, end: str) -> None:
    text = manifest(FILES, algorithm, end)
    changed = jar(text, FILES | {"org/example/A.class": b"\xca\xfe\xba\xbe\0\0\0\x34B"})

    assert clean(jar(text, FILES))
    assert [(one.rule, one.severity, one.member) for one in changed.findings] == [
        ("digest-mismatch", Severity.HIGH, "a.jar!/org/example/A.class")
    ]


def test_a_member_that_was_added_to_a_signed_jar_is_a_finding() -> None:
    added = jar(manifest(FILES), FILES | {"org/example/B.class": b"\xca\xfe\xba\xbe\0\0\0\x34"})

    assert [(one.rule, one.severity, one.member) for one in added.findings] == [
        ("record-mismatch", Severity.MEDIUM, "a.jar!/META-INF/MANIFEST.MF")
    ]
    assert "org/example/B.class" in added.findings[0].message


def test_of_many_added_members_some_are_named() -> None:
    added = jar(manifest({}), dict.fromkeys("abcde", b"x"))

    assert added.findings[0].message.endswith("a, b, c and 2 more")


@pytest.mark.parametrize("name", ["META-INF/INDEX.LIST", "META-INF/services/x.Y", "org/", "org/empty"])
def test_what_signers_leave_out_is_ordinary(name: str) -> None:
    data = b"x" if name.startswith("META-INF") else b""

    assert clean(jar(manifest(FILES), FILES | {name: data}))


@pytest.mark.parametrize(
    "signed",
    [
        (("META-INF/x", b""),),
        (("META-INF/WHO.SF", b""),),
        (("META-INF/WHO.RSA", b""),),
        (("META-INF/A.SF", b""), ("META-INF/B.DSA", b"")),
        (("META-INF/deep/A.SF", b""), ("META-INF/deep/A.DSA", b"")),
    ],
)
def test_digests_that_nobody_signed_are_left_alone(signed: tuple[tuple[str, bytes], ...]) -> None:
    assert clean(jar(manifest(FILES), FILES | {"data/ü.txt": b"other", "new": b"x"}, *signed))


def test_names_of_the_manifest_and_the_signature_may_be_written_in_any_case() -> None:
    signed = (("meta-inf/who.sf", b""), ("META-INF/Who.ec", b""))
    changed = jar(manifest(FILES), FILES | {"data/ü.txt": b"other"}, *signed, name="meta-inf/manifest.mf")

    assert "digest-mismatch" in rules(changed)


def test_every_digest_of_a_member_counts() -> None:
    text = manifest(FILES) + section("data/ü.txt", b"other", "SHA1")

    assert rules(jar(text, FILES)) == {"digest-mismatch"}


def test_digests_of_unknown_algorithms_are_not_compared() -> None:
    text = manifest(FILES).replace(b"SHA-256-Digest", b"SHA-999-Digest")

    assert rules(jar(text, FILES)) == {"record-mismatch"}  # a member without a digest that counts is not signed


def test_a_manifest_too_long_to_be_compared_is_a_finding() -> None:
    text = manifest(FILES) + b"Padding: x\r\n" * (3 << 19)

    assert "too long" in jar(text, FILES).findings[0].message


@given(st.binary(max_size=300))
def test_no_bytes_of_a_manifest_stop_the_walk(text: bytes) -> None:
    assert jar(b"Main: " + text, FILES).coverage.complete


@given(st.text("abcdefghijü/", min_size=60, max_size=200).filter(lambda name: "//" not in name and name[-1] != "/"))
def test_names_of_any_length_are_found_however_their_lines_are_folded(name: str) -> None:
    files = {f"x{name}": b"data"}

    assert "record-mismatch" not in rules(jar(manifest(files), files))
    assert "digest-mismatch" in rules(jar(manifest(files), {f"x{name}": b"Data"}))
