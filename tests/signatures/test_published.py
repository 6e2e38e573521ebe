"""Attestations that a project published on PyPI, against the packaged trust root: what works in a box works outside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from customhouse.scanners.signatures import Signatures, build
from customhouse.signatures.documents import bundles
from customhouse.signatures.proof import Invalid
from tests.signatures.authority import Authority

DATA = Path(__file__).parent / "data"
NAME = "pypi_attestations-0.0.19.tar.gz"
SHA256 = "9bb1add04b1b4e182be6b0b80931593f7a291eb49d69b4fd728a5d4cbcdc4bd3"
ISSUER = "https://token.actions.githubusercontent.com"
SUBJECT = "https://github.com/trailofbits/pypi-attestations/.github/workflows/release.yml@refs/tags/*"


def scanner(subject: str = SUBJECT, **options: object) -> Signatures:
    rule = {
        "name": "*",
        "identities": [{"issuer": ISSUER, "subject": subject}],
        "builders": ["https://github.com/trailofbits/*"],
        "sources": ["https://github.com/trailofbits/pypi-attestations"],
    }
    return build({"rules": [rule], **options})


def published(kind: str) -> bytes:
    (bundle,) = bundles((DATA / f"{NAME}.{kind}.attestation").read_bytes())
    return bundle


@pytest.mark.parametrize(("kind", "proves"), [("publish", "signature"), ("slsa", "provenance")])
def test_published_attestation_holds(kind: str, proves: str) -> None:
    ours = scanner()
    rule = ours.rule(NAME)
    assert rule is not None
    proved = ours.verify(published(kind), NAME, SHA256, rule)
    assert (proved.kind, proved.issuer) == (proves, ISSUER)
    assert proved.subject.endswith("@refs/tags/v0.0.19")


@pytest.mark.parametrize(
    ("subject", "sha256", "why"),
    [(SUBJECT, "0" * 64, "wrong-artifact"), (SUBJECT.replace("trailofbits", "evil"), SHA256, "wrong-identity")],
)
def test_published_attestation_of_other_bytes_or_by_others_is_refused(subject: str, sha256: str, why: str) -> None:
    ours = scanner(subject)
    rule = ours.rule(NAME)
    assert rule is not None
    with pytest.raises(Invalid) as caught:
        ours.verify(published("publish"), NAME, sha256, rule)
    assert caught.value.rule == why


def test_published_attestation_under_another_trust_root_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "trusted_root.json"
    path.write_text(json.dumps(Authority().trust_root()))
    ours = scanner(trust_root=str(path))
    rule = ours.rule(NAME)
    assert rule is not None
    with pytest.raises(Invalid):
        ours.verify(published("publish"), NAME, SHA256, rule)
