"""Wheels that are not what their RECORD says."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.inspect import Limits
from customhouse.model import Finding, Inspection, Severity, SkipReason
from tests.inspect.support import clean, look, reasons, rules, zipped

LIST = "p-1.0.dist-info/RECORD"
WHEEL = {"p/__init__.py": b"x = 1\n", "p-1.0.dist-info/WHEEL": b"x"}
RECORD = b'"p/__init__.py",,6\np-1.0.dist-info/WHEEL,,1\np-1.0.dist-info/RECORD,,\n'


def told(data: bytes, algorithm: str = "sha256", *, padded: bool = False) -> str:
    """A digest as RECORD states it."""
    text = base64.urlsafe_b64encode(hashlib.new(algorithm, data).digest()).decode()
    return f"{algorithm}={text if padded else text.rstrip('=')}"


def record(*rows: tuple[str, str, object]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows([*rows, (LIST, "", "")])
    return out.getvalue().encode()


def wheel(record: bytes, limits: Limits | None = None, **more: bytes) -> Inspection:
    """A wheel with this RECORD and more members."""
    members = WHEEL | {LIST: record} | more
    return look(zipped(*members.items()), "p-1.0-py3-none-any.whl", limits=limits)


def module(digest: str, data: bytes = b"x = 1\n", name: str = "p/__init__.py") -> Inspection:
    """A wheel whose one module has this digest in its RECORD."""
    rows = ((name, digest, len(data)), ("p-1.0.dist-info/WHEEL", "", 1))
    return wheel(record(*rows), **{"p/__init__.py": data})


def of(inspection: Inspection, rule: str) -> list[Finding]:
    return [finding for finding in inspection.findings if finding.rule == rule]


@pytest.mark.parametrize("more", [{}, {"p-1.0.dist-info/RECORD.jws": b"x"}, {"p/empty/": b""}])
def test_a_wheel_that_holds_what_its_record_lists_is_clean(more: dict[str, bytes]) -> None:
    assert clean(wheel(RECORD, **more))


@pytest.mark.parametrize(
    ("record", "more", "said"),
    [
        (RECORD, {"evil.py": b"x"}, "members that it does not list: evil.py"),
        (RECORD, dict.fromkeys("abcde", b""), "members that it does not list: a, b, c and 2 more"),
        (RECORD + b"gone.py,,\n", {}, "files that are not there: gone.py"),
        (RECORD.replace(b",6", b",7"), {}, "files of another size: p/__init__.py"),
        (RECORD + b"p/__init__.py,,7\n", {}, "files of another size: p/__init__.py"),
        (b"\xff", {}, "no list that can be read"),
        (b" " * (16 << 20) + RECORD, {}, "no list that can be read"),
    ],
)
def test_a_wheel_whose_record_lies_is_a_finding(record: bytes, more: dict[str, bytes], said: str) -> None:
    findings = of(wheel(record, Limits(ratio=1 << 20), **more), "record-mismatch")

    assert findings[0].member == "p-1.0-py3-none-any.whl!/p-1.0.dist-info/RECORD"
    assert said in findings[0].message


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_a_module_that_was_changed_after_the_record_was_written_is_a_finding(algorithm: str) -> None:
    changed = module(told(b"x = 1\n", algorithm), b"x = 2\n")

    assert [(one.severity, one.member) for one in of(changed, "digest-mismatch")] == [
        (Severity.HIGH, "p-1.0-py3-none-any.whl!/p/__init__.py")
    ]
    assert clean(module(told(b"x = 1\n", algorithm)))


@pytest.mark.parametrize(
    "digest",
    [
        told(b"x = 1\n", padded=True),
        told(b"x = 1\n").replace("sha256", "SHA256"),
        "sha256=" + hashlib.sha256(b"x = 1\n").hexdigest(),
        "",
        "md5=whatever",
    ],
)
def test_what_readers_take_for_the_right_digest_or_for_none_is_clean(digest: str) -> None:
    assert clean(module(digest))


@pytest.mark.parametrize(
    "digest", ["sha256", "sha256=", "sha256=x", "sha256=é", "sha256=" + "A" * 43, "sha256=" + "a" * 64]
)
def test_a_digest_that_no_bytes_have_is_a_finding(digest: str) -> None:
    assert "digest-mismatch" in rules(module(digest))


def test_paths_that_were_written_on_windows_are_the_same_paths() -> None:
    assert clean(module(told(b"x = 1\n"), name="p\\__init__.py"))
    assert "digest-mismatch" in rules(module(told(b"x = 1\n"), b"x = 2\n", name="p\\__init__.py"))


@pytest.mark.parametrize("first", [True, False])
def test_of_two_digests_of_one_member_each_counts(first: bool) -> None:  # noqa: FBT001 -- a parameter of the table
    rows = [("p/__init__.py", told(b"x = 1\n"), 6), ("p/__init__.py", told(b"other"), 6)]
    two = wheel(record(*(rows if first else rows[::-1]), ("p-1.0.dist-info/WHEEL", "", 1)))

    assert "digest-mismatch" in rules(two)


def test_a_member_that_is_not_read_to_its_end_has_no_digest_to_compare() -> None:
    seen = wheel(record(("p/__init__.py", told(b"y"), 6), ("p-1.0.dist-info/WHEEL", "", 1)), Limits(member=5))

    assert SkipReason.LIMIT in reasons(seen)
    assert "digest-mismatch" not in rules(seen)


def test_an_archive_without_one_record_is_compared_with_none() -> None:
    two = {LIST: RECORD, "q-1.0.dist-info/RECORD": b""}

    assert clean(look(zipped(*(WHEEL | two).items()), "a.zip"))


@given(
    st.dictionaries(st.text(string.ascii_letters + ', "é', min_size=1), st.binary(max_size=200), max_size=5), st.data()
)
def test_one_changed_byte_of_any_member_is_told_and_only_that(files: dict[str, bytes], data: st.DataObject) -> None:
    members = {f"p/{place}{name}": content for place, (name, content) in enumerate(files.items())}
    text = record(*((name, told(content), len(content)) for name, content in members.items()))
    changed = data.draw(st.sampled_from(["", *(name for name, content in members.items() if content)]))
    if changed:
        members[changed] = bytes([members[changed][0] ^ 1]) + members[changed][1:]

    inspection = look(zipped(*members.items(), (LIST, text)), "p.zip", scanners=[])

    found = [finding.member for finding in inspection.findings if finding.rule == "digest-mismatch"]
    assert found == ([f"p.zip!/{changed}"] if changed else [])
