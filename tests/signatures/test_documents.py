from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.errors import Malformed
from customhouse.signatures.documents import MOST, Unsupported, bundles

BUNDLE = {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "verificationMaterial": {}}
ATTESTATION = {
    "version": 1,
    "verification_material": {"certificate": "Y2VydA==", "transparency_entries": [{"logIndex": "1"}]},
    "envelope": {"statement": "e30=", "signature": "c2ln"},
}


def read(document: object) -> list[object]:
    return [json.loads(bundle) for bundle in bundles(json.dumps(document).encode())]


def test_bundle_is_itself() -> None:
    assert read(BUNDLE) == [BUNDLE]


def test_lines_are_a_bundle_each() -> None:
    text = "\n".join([json.dumps(BUNDLE), "", json.dumps(BUNDLE)])
    assert len(bundles(text.encode())) == 2


def test_attestation_of_an_index_becomes_a_bundle() -> None:
    assert read(ATTESTATION) == [
        {
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {"certificate": {"rawBytes": "Y2VydA=="}, "tlogEntries": [{"logIndex": "1"}]},
            "dsseEnvelope": {
                "payload": "e30=",
                "payloadType": "application/vnd.in-toto+json",
                "signatures": [{"sig": "c2ln"}],
            },
        }
    ]


def test_provenance_of_an_index_holds_attestations_of_publishers() -> None:
    document = {"version": 1, "attestation_bundles": [{"publisher": {}, "attestations": [ATTESTATION] * 2}] * 2}
    assert len(read(document)) == 4


@pytest.mark.parametrize(
    "document",
    [
        {"base64Signature": "c2ln", "cert": "", "rekorBundle": {}},
        {"payloadType": "application/vnd.in-toto+json", "payload": "", "signatures": []},
    ],
)
def test_signatures_without_a_proof_of_the_log_are_unsupported(document: object) -> None:
    with pytest.raises(Unsupported):
        read(document)


@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        "text",
        {"attestation_bundles": []},
        {"attestation_bundles": {}},
        {"attestation_bundles": [{"attestations": [1]}]},
        {**ATTESTATION, "version": 2},
        {**ATTESTATION, "envelope": "x"},
        {"version": 1, "attestation_bundles": [{"attestations": [ATTESTATION] * (MOST + 1)}]},
    ],
)
def test_what_holds_no_signature_is_malformed(document: object) -> None:
    with pytest.raises(Malformed):
        read(document)


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"{" * 100_000, b"[" * 100_000, b"\n".join([b"{}"] * 1000)])
def test_junk_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        bundles(data)


def test_messages_quote_nothing() -> None:
    with pytest.raises(Malformed) as caught:
        bundles(b'{"mediaType": "AKIA-planted"} AKIA-planted')
    assert "AKIA" not in str(caught.value)


KEYS = st.sampled_from(["version", "envelope", "attestations", "attestation_bundles", "mediaType", "payloadType"])
LEAVES = st.none() | st.text(max_size=4) | st.integers()
ANY = st.recursive(LEAVES, lambda x: st.lists(x, max_size=3) | st.dictionaries(KEYS, x, max_size=3), max_leaves=6)


@given(ANY)
def test_any_json_is_bundles_or_malformed(value: object) -> None:
    for document in (value, {**ATTESTATION, "envelope": value}, {"attestation_bundles": value}):
        try:
            assert read(document)
        except Malformed:
            continue
