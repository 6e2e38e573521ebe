from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.signatures.names import BUNDLES, CHECKSUMS, Names, listed

NAMES = Names()


@pytest.mark.parametrize("suffix", [*BUNDLES, *CHECKSUMS])
def test_every_name_beside_an_artifact_leads_back_to_it(suffix: str) -> None:
    assert NAMES.subject(f"in/a-1.0.whl{suffix}") == "in/a-1.0.whl"
    assert f"in/a-1.0.whl{suffix}" in NAMES.beside("in/a-1.0.whl")


def test_longest_ending_counts() -> None:
    assert NAMES.subject("a.whl.publish.attestation") == "a.whl"


@pytest.mark.parametrize("key", ["a.whl", "in/.sha256", ".sigstore", "sha256", "a.sha256/b", ""])
def test_other_names_are_about_nothing(key: str) -> None:
    assert not NAMES.about(key)


def test_checksums_and_lists_are_told_from_bundles() -> None:
    assert NAMES.is_checksum("a.sha512sum")
    assert NAMES.is_checksum("in/SHA256SUMS")
    assert not NAMES.is_checksum("a.sigstore.json")
    assert NAMES.lists("in/a") == ("in/SHA256SUMS",)
    assert NAMES.lists("a") == ("SHA256SUMS",)


def test_policy_may_name_more() -> None:
    names = Names((".bundle",), ("checksums.txt",))
    assert names.subject("a.bundle") == "a"
    assert names.is_manifest("in/checksums.txt")
    assert not names.is_manifest("SHA256SUMS")


def test_a_list_speaks_of_its_own_folder_alone() -> None:
    names = ["./a", "a", "sub/b", "../c", "/d", "", "e"]
    assert list(listed("in/SHA256SUMS", iter(names))) == ["in/a", "in/e"]


@given(st.text(max_size=40))
def test_any_name_is_taken(key: str) -> None:
    subject = NAMES.subject(key)
    assert not subject or (key.startswith(subject) and key in NAMES.beside(subject))
