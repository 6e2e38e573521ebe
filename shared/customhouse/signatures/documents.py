"""Files of attestations become sigstore bundles: bundles, PEP 740 objects, one by one or a line each. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import msgspec

from customhouse.errors import Malformed

MOST = 32
"""Bundles in one file; more is no release."""

BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle"
STATEMENT_TYPE = "application/vnd.in-toto+json"
_PEP740_AS = "application/vnd.dev.sigstore.bundle.v0.3+json"

Object = dict[str, object]


class Unsupported(Malformed):
    """A signature of a kind that cannot be verified offline against a trust root."""


def bundles(data: bytes) -> list[bytes]:
    """Every bundle in a file, as JSON; Unsupported or Malformed, in words of ours, where one is none."""
    found = [bundle for document in _documents(data) for bundle in _unpacked(document)]
    if not found:
        raise Malformed("no signature in it")
    if len(found) > MOST:
        raise Malformed(f"more than {MOST} signatures in it")
    return [msgspec.json.encode(bundle) for bundle in found]


def _documents(data: bytes) -> list[Object]:
    """One JSON object, or one on every line."""
    try:
        return [_object(data)]
    except Malformed:
        lines = [line for line in data.splitlines() if line.strip()]
        if not 1 < len(lines) <= MOST:
            raise
        return [_object(line) for line in lines]


def _object(data: bytes) -> Object:
    try:
        return msgspec.json.decode(data, type=dict[str, object])
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise Malformed("no JSON object") from error


def _unpacked(document: Object) -> Iterator[Object]:
    """What a document holds: itself, or the attestations of a PEP 740 provenance object."""
    if str(document.get("mediaType", "")).startswith(BUNDLE_TYPE):
        yield document
    elif "attestation_bundles" in document:
        for publisher in _objects(document["attestation_bundles"]):
            yield from map(_from_pep740, _objects(publisher.get("attestations")))
    elif {"envelope", "verification_material"} <= document.keys():
        yield _from_pep740(document)
    elif {"base64Signature", "payloadType"} & document.keys():
        raise Unsupported("a signature without a certificate or a proof of the log; sign with the bundle format")
    else:
        raise Malformed("no bundle and no attestation")


def _from_pep740(attestation: Object) -> Object:
    """The same as a bundle. Source: PEP 740, attestation objects, version 1."""
    material, envelope = _part(attestation, "verification_material"), _part(attestation, "envelope")
    if attestation.get("version") != 1:
        raise Malformed("an attestation of a version that PEP 740 does not have")
    return {
        "mediaType": _PEP740_AS,
        "verificationMaterial": {
            "certificate": {"rawBytes": material.get("certificate")},
            "tlogEntries": material.get("transparency_entries"),
        },
        "dsseEnvelope": {
            "payload": envelope.get("statement"),
            "payloadType": STATEMENT_TYPE,
            "signatures": [{"sig": envelope.get("signature")}],
        },
    }


def _part(document: Object, name: str) -> Object:
    part = document.get(name)
    if not isinstance(part, dict):
        raise Malformed("an attestation without its parts")
    return cast("Object", part)


def _objects(value: object) -> list[Object]:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise Malformed("no list of attestations")
    return cast("list[Object]", value)
