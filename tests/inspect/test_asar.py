from __future__ import annotations

import gzip
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.inspect import Limits
from customhouse.model import SkipReason
from tests.inspect.support import MARKER, clean, found, look, reasons, rules

HIDDEN = gzip.compress(MARKER)


def asar(files: dict[str, Any], data: bytes = b"") -> bytes:
    text = json.dumps({"files": files}, separators=(",", ":")).encode()
    padded = text.ljust(-(-len(text) // 4) * 4, b"\0")
    numbers = (4, len(padded) + 8, len(padded) + 4, len(text))
    return b"".join(number.to_bytes(4, "little") for number in numbers) + padded + data


def test_members_of_an_application_are_opened_under_their_own_names() -> None:
    files = {"main.js": {"size": 2, "offset": "0"}, "lib": {"files": {"x.gz": {"size": len(HIDDEN), "offset": "2"}}}}
    inspection = look(asar(files, b"hi" + HIDDEN), "app.asar")
    assert inspection.kind == "asar"
    assert found(inspection) == ["app.asar!/lib/x.gz!/x"]
    assert inspection.coverage.complete
    assert rules(inspection) == {"found"}


def test_member_that_lies_beside_the_archive_is_none_of_it() -> None:
    files = {"native.node": {"size": 9, "unpacked": True}, "a": {"size": 2, "offset": "0"}}
    inspection = look(asar(files, b"hi"), "app.asar")
    assert clean(inspection)
    assert inspection.coverage.members == 3


def test_empty_files_may_lie_anywhere() -> None:
    files = {"a": {"size": 2, "offset": "0"}, "e": {"size": 0, "offset": "0"}, "f": {"size": 0, "offset": "2"}}
    assert clean(look(asar(files, b"hi"), "app.asar"))


@pytest.mark.parametrize(
    ("files", "rule"),
    [
        ({"../x": {"size": 2, "offset": "0"}}, "path-traversal"),
        ({"..": {"files": {"x": {"size": 2, "offset": "0"}}}}, "path-traversal"),
        ({"a": {"size": 2, "offset": "0"}, "b": {"size": 1, "offset": "1"}}, "overlap"),
        ({"a": {"size": 9, "offset": "0"}}, "lying-size"),
        ({"a": {"size": 1, "offset": "0"}}, "hidden-data"),
        ({"a": {"size": 2, "offset": "0"}, "l": {"link": "../../etc/passwd"}}, "link-escape"),
        ({"a": {"size": 2, "offset": "0"}, "A": {"size": 0, "offset": "0"}}, "case-collision"),
    ],
)
def test_what_readers_could_disagree_about_or_be_harmed_by_is_a_finding(files: dict[str, Any], rule: str) -> None:
    assert rule in rules(look(asar(files, b"hi"), "app.asar"))


@pytest.mark.parametrize("node", [{"size": -1, "offset": "0"}, {"size": 1, "offset": "-1"}, {"size": 1}, {"size": "1"}])
def test_member_that_is_nowhere_makes_the_archive_corrupt(node: dict[str, Any]) -> None:
    assert reasons(look(asar({"a": node}, b"hi"), "app.asar")) == {SkipReason.CORRUPT}


@pytest.mark.parametrize(("digest", "right"), [(hashlib.sha256(b"hi").hexdigest(), True), ("0" * 64, False)])
def test_bytes_that_are_not_those_of_their_digest_are_a_finding(digest: str, *, right: bool) -> None:
    integrity = {"algorithm": "SHA256", "hash": digest, "blockSize": 4194304, "blocks": [digest]}
    inspection = look(asar({"a": {"size": 2, "offset": "0", "integrity": integrity}}, b"hi"), "app.asar")
    assert clean(inspection) == right
    assert right or rules(inspection) == {"bad-checksum"}


def test_bytes_behind_the_list_are_seen() -> None:
    text = b'{"files":{}}'
    room = len(text) + 400
    head = b"".join(number.to_bytes(4, "little") for number in (4, room + 8, room + 4, len(text)))
    inspection = look(head + text + b"\1" + MARKER.ljust(399, b"\1"), "app.asar")
    assert found(inspection) == ["app.asar!/header"]


def test_list_of_more_members_than_are_looked_at_is_not_built() -> None:
    files = {str(at): {"size": 0, "offset": "0"} for at in range(400)}
    assert reasons(look(asar(files), "app.asar", limits=Limits(members=100))) == {SkipReason.LIMIT}


def test_folders_without_end_are_a_skip() -> None:
    files: dict[str, Any] = {"x": {"size": 2, "offset": "0"}}
    for _ in range(300):
        files = {"d": {"files": files}}
    assert reasons(look(asar(files, b"hi"), "app.asar")) == {SkipReason.CORRUPT}


@given(st.binary(max_size=200))
def test_any_list_of_members_is_opened_or_a_skip(noise: bytes) -> None:
    data = asar({"a": {"size": 2, "offset": "0"}}, b"hi")
    inspection = look(data[:24] + noise + data[24:], "app.asar")
    assert inspection.coverage.skipped or rules(inspection) or not noise
