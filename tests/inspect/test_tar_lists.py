"""Gems and conda packages that are not what their own lists say."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import json

import pytest

from customhouse.inspect import Limits
from customhouse.model import Inspection, Severity
from tests.inspect import packages
from tests.inspect.support import clean, look, rules, tarred

PARTS = {"metadata.gz": gzip.compress(packages.GEM, mtime=0), "data.tar.gz": packages.tgz({"lib/p.rb": b"puts 1\n"})}
FILES = {"lib/a.py": b"x = 1\n", "bin/ü": b"#!/bin/sh\n"}


def sums(parts: dict[str, bytes], *algorithms: str, quote: str = "") -> bytes:
    """checksums.yaml.gz as RubyGems writes it."""
    text = "---\n"
    for algorithm in algorithms:
        text += f"{algorithm}:\n"
        for name, data in parts.items():
            text += f"  {name}: {quote}{hashlib.new(algorithm.lower(), data).hexdigest()}{quote}\n"
    return gzip.compress(text.encode(), mtime=0)


def gem(parts: dict[str, bytes], checksums: bytes, *, first: bool = False) -> Inspection:
    told = [("checksums.yaml.gz", checksums)]
    members = [*told, *parts.items()] if first else [*parts.items(), *told]
    return look(tarred(*members), "p-1.0.gem")


def conda(paths: bytes, files: dict[str, bytes], limits: Limits | None = None) -> Inspection:
    members = (("info/index.json", packages.INDEX), ("info/paths.json", paths), *files.items())
    return look(bz2.compress(tarred(*members)), "p-1.0-0.tar.bz2", limits=limits)


def paths(files: dict[str, bytes], **more: object) -> bytes:
    listed = [{"_path": name, "sha256": hashlib.sha256(data).hexdigest()} | more for name, data in files.items()]
    return json.dumps({"paths": [*listed, {"_path": "link", "path_type": "softlink"}], "paths_version": 1}).encode()


@pytest.mark.parametrize("algorithms", [("SHA256", "SHA512"), ("SHA1", "SHA512"), ("SHA256",), ("SHA1",)])
@pytest.mark.parametrize("quote", ["", "'", '"'])
@pytest.mark.parametrize("first", [True, False])
def test_a_gem_that_was_changed_after_its_checksums_were_written_is_a_finding(
    algorithms: tuple[str, ...],
    quote: str,
    first: bool,  # noqa: FBT001 -- a parameter of the table
) -> None:
    told = sums(PARTS, *algorithms, quote=quote)
    changed = gem(PARTS | {"data.tar.gz": packages.tgz({"lib/p.rb": b"system 'x'\n"})}, told, first=first)

    assert clean(gem(PARTS, told, first=first))
    assert {(one.rule, one.severity, one.member) for one in changed.findings} == {
        ("digest-mismatch", Severity.HIGH, "p-1.0.gem!/data.tar.gz")
    }


@pytest.mark.parametrize("which", ["SHA256", "SHA512"])
def test_one_of_several_digests_that_is_another_is_a_finding(which: str) -> None:
    lie = PARTS | {"metadata.gz": b"other"}
    text = gzip.decompress(sums(PARTS, "SHA256", "SHA512"))
    section = gzip.decompress(sums(PARTS, which)).removeprefix(b"---\n")
    told = gzip.compress(text.replace(section, gzip.decompress(sums(lie, which)).removeprefix(b"---\n")))

    assert rules(gem(PARTS, told)) == {"digest-mismatch"}


@pytest.mark.parametrize(
    "told",
    [b"--- {}\n", b"SHA999:\n  data.tar.gz: 00\n", b"SHA256:\n  other.gz: 00\n", b"SHA256:\n", b"\xff\0SHA256", b""],
)
def test_checksums_that_state_nothing_of_a_part_are_no_finding(told: bytes) -> None:
    assert clean(gem(PARTS, gzip.compress(told)))


def test_parts_of_a_gem_without_checksums_are_compared_with_nothing() -> None:
    assert clean(look(tarred(*PARTS.items()), "p-1.0.gem"))


def test_a_file_of_a_conda_package_that_was_changed_after_the_list_was_written_is_a_finding() -> None:
    changed = conda(paths(FILES), FILES | {"bin/ü": b"#!/bin/bash\n"})

    assert clean(conda(paths(FILES), FILES))
    assert [(one.rule, one.severity, one.member) for one in changed.findings] == [
        ("digest-mismatch", Severity.HIGH, "p-1.0-0.tar.bz2!/bin/ü")
    ]


@pytest.mark.parametrize(
    "text", [b"{}", b"[]", b"\xff", b"[" * 5000, b'{"paths": [{"_path": 1}]}', paths(FILES, sha256="")]
)
def test_a_list_that_states_no_digest_is_no_finding(text: bytes) -> None:
    assert clean(conda(text, FILES))


@pytest.mark.parametrize("digest", ["x", "00", "é", "0" * 63])
def test_a_digest_that_no_file_has_is_a_finding(digest: str) -> None:
    assert rules(conda(paths(FILES, sha256=digest), FILES)) == {"digest-mismatch"}


def test_a_file_that_is_not_read_to_its_end_has_no_digest_to_compare() -> None:
    changed = conda(paths(FILES), FILES | {"lib/a.py": b"x" * 2000}, Limits(member=1000))

    assert rules(changed) == {"size-limit"}
