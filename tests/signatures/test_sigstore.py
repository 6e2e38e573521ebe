"""Every way in which a signature can be wrong, made in code and refused; the right ones hold."""

from __future__ import annotations

import copy
import datetime as dt
import hashlib
import json
from collections.abc import Callable

import pypi_attestations
import pytest
from sigstore.models import Bundle

from customhouse.errors import ConfigError, Malformed
from customhouse.signatures.documents import bundles
from customhouse.signatures.proof import Invalid, Proved
from customhouse.signatures.rules import Identity, Rule
from customhouse.signatures.sigstore import Sigstore
from tests.signatures.authority import (
    ALWAYS,
    BUILDER,
    ISSUER,
    SIGNED_AT,
    SOURCE,
    SUBJECT,
    Authority,
    Json,
    as_pep740,
    b64,
    provenance,
    publish,
)

DATA = b"what was released"
WHEEL = "in/acme_app-1.0-py3-none-any.whl"
AUTHORITY = Authority()
STRANGER = Authority()
RULE = Rule(name="*", identities=(Identity(issuer=ISSUER, subject="https://github.com/acme/app/*"),))


def verified(
    bundle: Json, rule: Rule = RULE, *, key: str = WHEEL, data: bytes = DATA, root: Json | None = None
) -> Proved:
    (one,) = bundles(json.dumps(bundle).encode())
    pinned = json.dumps(root or AUTHORITY.trust_root()).encode()
    return Sigstore(pinned, "root.json").verify(one, key, hashlib.sha256(data).hexdigest(), rule)


def refused(bundle: Json, rule: Rule = RULE, *, key: str = WHEEL, data: bytes = DATA) -> str:
    with pytest.raises(Invalid) as caught:
        verified(bundle, rule, key=key, data=data)
    return caught.value.rule


def blob(authority: Authority = AUTHORITY, subject: str = SUBJECT, issuer: str = ISSUER) -> Json:
    return authority.sign_bytes(DATA, authority.signer(subject, issuer))


def statement(said: Json, kind: str = "application/vnd.in-toto+json") -> Json:
    return AUTHORITY.sign_statement(said, AUTHORITY.signer(), kind)


def changed(bundle: Json, change: Callable[[Json], object]) -> Json:
    """A copy of a bundle after `change`."""
    other = copy.deepcopy(bundle)
    change(other)
    return other


def test_signed_bytes_hold() -> None:
    assert verified(blob()) == Proved("signature", ISSUER, SUBJECT)


def test_mail_address_may_sign() -> None:
    rule = Rule(name="*", identities=(Identity(issuer=ISSUER, subject="release@acme.test"),))
    assert verified(blob(subject="release@acme.test"), rule).subject == "release@acme.test"


def test_attestation_of_an_index_holds_as_bundle_and_as_pep_740_object() -> None:
    bundle = statement(publish(WHEEL.rpartition("/")[2], DATA))
    assert verified(bundle).kind == "signature"
    assert verified(as_pep740(bundle)).kind == "signature"


def test_pep_740_object_means_what_its_own_library_says() -> None:
    bundle = statement(publish(WHEEL.rpartition("/")[2], DATA))
    theirs = pypi_attestations.Attestation.model_validate(as_pep740(bundle)).to_bundle()
    (ours,) = bundles(json.dumps(as_pep740(bundle)).encode())
    assert Bundle.from_json(ours)._inner.dsse_envelope == theirs._inner.dsse_envelope
    assert Bundle.from_json(ours).signing_certificate == theirs.signing_certificate
    assert Bundle.from_json(ours).log_entry == theirs.log_entry


@pytest.mark.parametrize(
    ("subject", "issuer"),
    [
        ("https://github.com/evil/app/.github/workflows/release.yml@refs/tags/v1", ISSUER),
        ("https://github.com/acme/application/x", ISSUER),
        (SUBJECT, "https://accounts.evil.test"),
        (SUBJECT, ISSUER + ".evil.test"),
    ],
)
def test_another_identity_is_refused(subject: str, issuer: str) -> None:
    assert refused(blob(subject=subject, issuer=issuer)) == "wrong-identity"


def test_issuer_and_subject_must_be_of_one_identity() -> None:
    rule = Rule(
        name="*",
        identities=(Identity(issuer=ISSUER, subject="other@acme.test"), Identity(issuer="https://b", subject=SUBJECT)),
    )
    assert refused(blob(), rule) == "wrong-identity"


def test_other_bytes_are_refused() -> None:
    assert refused(blob(), data=DATA + b"!") == "invalid-signature"
    assert refused(statement(publish("x", DATA)), data=DATA + b"!") == "wrong-artifact"


TIMESTAMP = b64(bytes.fromhex("30053003020100"))
"""A response of a timestamp authority that grants, and holds nothing (RFC 3161, 2.4.2)."""
PARTS = {"authority": "certificate authorities", "ct": "certificate logs", "log": "logs"}
LOGGED = SIGNED_AT + dt.timedelta(minutes=1)


def period(start: dt.datetime, end: dt.datetime | None = None) -> Json:
    return {"start": start.isoformat(), **({"end": end.isoformat()} if end else {})}


@pytest.mark.parametrize("made", [blob, lambda: statement(publish(WHEEL.rpartition("/")[2], DATA))])
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(
    ("valid", "holds"),
    [
        (period(SIGNED_AT - dt.timedelta(days=9), LOGGED + dt.timedelta(days=9)), True),
        (period(SIGNED_AT, LOGGED), True),
        (period(SIGNED_AT - dt.timedelta(days=9)), True),
        (period(SIGNED_AT - dt.timedelta(days=9), SIGNED_AT - dt.timedelta(seconds=1)), False),
        (period(LOGGED + dt.timedelta(seconds=1)), False),
        (period(LOGGED + dt.timedelta(seconds=1), LOGGED + dt.timedelta(days=9)), False),
    ],
)
def test_what_is_signed_outside_the_period_of_any_part_of_the_root_is_refused(
    made: Callable[[], Json], part: str, valid: Json, *, holds: bool
) -> None:
    root = AUTHORITY.trust_root(**{part: valid})
    if holds:
        assert verified(made(), root=root).kind == "signature"
        return
    with pytest.raises(Invalid, match=f"when none of the trust root's {PARTS[part]} was valid") as caught:
        verified(made(), root=root)
    assert caught.value.rule == "invalid-signature"


@pytest.mark.parametrize(("ours", "holds"), [(period(SIGNED_AT), True), (period(SIGNED_AT, SIGNED_AT), False)])
def test_no_key_of_another_log_stands_in_for_the_one_whose_period_is_over(ours: Json, *, holds: bool) -> None:
    logs = [one.trust_root(log=valid)["tlogs"] for one, valid in ((STRANGER, ALWAYS), (AUTHORITY, ours))]
    root = AUTHORITY.trust_root() | {"tlogs": [log for (log,) in logs]}  # type: ignore[misc, has-type]  # JSON
    if holds:
        assert verified(blob(), root=root).subject == SUBJECT
        return
    with pytest.raises(Invalid, match="does not verify"):
        verified(blob(), root=root)


def test_a_log_s_time_that_no_promise_vouches_for_does_not_count() -> None:
    def back(bundle: Json) -> None:
        material: Json = bundle["verificationMaterial"]  # type: ignore[assignment]  # JSON
        entry: Json = material["tlogEntries"][0]  # type: ignore[index]  # JSON
        del entry["inclusionPromise"]
        entry["integratedTime"] = str(int((SIGNED_AT - dt.timedelta(days=1)).timestamp()))
        material["timestampVerificationData"] = {"rfc3161Timestamps": [{"signedTimestamp": TIMESTAMP}]}

    root = AUTHORITY.trust_root(log=period(SIGNED_AT - dt.timedelta(days=9), SIGNED_AT - dt.timedelta(hours=1)))
    with pytest.raises(Invalid, match="when none of the trust root's logs was valid"):
        verified(changed(blob(), back), root=root)


def test_authority_that_is_not_pinned_is_refused() -> None:
    assert refused(blob(STRANGER)) == "invalid-signature"


def test_certificate_log_that_is_not_pinned_is_refused() -> None:
    mixed = Authority(ca=AUTHORITY.ca, ct=STRANGER.ct, log=AUTHORITY.log)
    assert refused(mixed.sign_bytes(DATA, mixed.signer())) == "invalid-signature"


def test_transparency_log_that_is_not_pinned_is_refused() -> None:
    mixed = Authority(ca=AUTHORITY.ca, ct=AUTHORITY.ct, log=STRANGER.log)
    assert refused(mixed.sign_bytes(DATA, mixed.signer())) == "invalid-signature"


@pytest.mark.parametrize("after", [dt.timedelta(minutes=11), dt.timedelta(minutes=-1)])
def test_signature_logged_outside_the_certificates_minutes_is_refused(after: dt.timedelta) -> None:
    signer = AUTHORITY.signer(used_after=after)
    assert refused(AUTHORITY.sign_bytes(DATA, signer)) == "invalid-signature"


def entry(bundle: Json) -> Json:
    return bundle["verificationMaterial"]["tlogEntries"][0]  # type: ignore[index,no-any-return]  # JSON


TAMPERED: dict[str, Callable[[Json], object]] = {
    "signature": lambda b: b["messageSignature"].update(signature=b64(b"x" * 70)),  # type: ignore[attr-defined]
    "digest": lambda b: b["messageSignature"]["messageDigest"].update(digest=b64(b"x" * 32)),  # type: ignore[index]
    "time": lambda b: entry(b).update(integratedTime="1772366461"),
    "promise": lambda b: entry(b)["inclusionPromise"].update(signedEntryTimestamp=b64(b"x")),  # type: ignore[attr-defined]
    "promise gone": lambda b: entry(b).pop("inclusionPromise"),
    "proof": lambda b: entry(b)["inclusionProof"].update(rootHash=b64(b"x" * 32)),  # type: ignore[attr-defined]
    "proof gone": lambda b: entry(b).pop("inclusionProof"),
    "checkpoint": lambda b: entry(b)["inclusionProof"].update(checkpoint={"envelope": "x\n1\nAAAA\n\nx"}),  # type: ignore[attr-defined]
    "body": lambda b: entry(b).update(canonicalizedBody=b64(b"{}")),
    "log": lambda b: entry(b).update(logId={"keyId": b64(b"x" * 32)}),
    "no entry": lambda b: b["verificationMaterial"].update(tlogEntries=[]),  # type: ignore[attr-defined]
    "certificate": lambda b: b["verificationMaterial"].update(certificate={"rawBytes": b64(b"x")}),  # type: ignore[attr-defined]
    "certificate gone": lambda b: b["verificationMaterial"].pop("certificate"),  # type: ignore[attr-defined]
    "unknown field": lambda b: b.update(extra=1),
    "both kinds": lambda b: b.update(dsseEnvelope={"payload": "", "payloadType": "", "signatures": []}),
    "neither kind": lambda b: b.pop("messageSignature"),
    "type": lambda b: b.update(mediaType="application/vnd.dev.sigstore.bundle.v9+json"),
    "wrong types": lambda b: b.update(verificationMaterial=[1, 2]),
}


@pytest.mark.parametrize("where", sorted(TAMPERED))
def test_tampered_bundle_is_refused(where: str) -> None:
    assert refused(changed(blob(), TAMPERED[where])) == "invalid-signature"


def test_entry_of_another_signature_is_refused() -> None:
    signer = AUTHORITY.signer()
    one, other = AUTHORITY.sign_bytes(DATA, signer), AUTHORITY.sign_bytes(b"other", signer)
    assert refused(changed(one, lambda b: entry(b).update(entry(other)))) == "invalid-signature"


SWAPPED: dict[str, Callable[[Json, Json], object]] = {
    "certificate": lambda b, o: b["verificationMaterial"].update(certificate=o["verificationMaterial"]["certificate"]),  # type: ignore[attr-defined,index]  # JSON
    "signature": lambda b, o: b["messageSignature"].update(signature=o["messageSignature"]["signature"]),  # type: ignore[attr-defined,index]  # JSON
    "material": lambda b, o: b.update(verificationMaterial=o["verificationMaterial"]),
    "body": lambda b, o: entry(b).update(canonicalizedBody=entry(o)["canonicalizedBody"]),
    "proof": lambda b, o: entry(b).update(inclusionProof=entry(o)["inclusionProof"]),
    "promise": lambda b, o: entry(b).update(inclusionPromise=entry(o)["inclusionPromise"]),
}


@pytest.mark.parametrize("part", sorted(SWAPPED))
def test_a_part_of_another_valid_bundle_over_the_same_bytes_is_refused(part: str) -> None:
    one, other = blob(), blob()
    assert verified(one) == verified(other)
    assert refused(changed(one, lambda bundle: SWAPPED[part](bundle, other))) == "invalid-signature"


@pytest.mark.parametrize("part", ["payload", "payloadType"])
def test_tampered_envelope_is_refused(part: str) -> None:
    other = {"payload": b64(b"{}"), "payloadType": "text/plain"}
    bundle = changed(
        statement(publish("x", DATA)),
        lambda b: b["dsseEnvelope"].update({part: other[part]}),  # type: ignore[attr-defined]  # JSON
    )
    assert refused(bundle) == "invalid-signature"


def test_envelope_around_something_else_is_refused() -> None:
    assert refused(statement(publish("x", DATA), "text/plain")) == "invalid-signature"


def test_signed_text_that_is_no_statement_is_malformed() -> None:
    with pytest.raises(Malformed):
        verified(statement({"hello": "world"}))


@pytest.mark.parametrize("name", ["acme_app-2.0-py3-none-any.whl", "evil-1.0-py3-none-any.whl", "a.txt"])
def test_distribution_published_under_another_name_is_refused(name: str) -> None:
    assert refused(statement(publish(name, DATA))) == "wrong-artifact"


def test_distributions_name_may_be_spelled_otherwise() -> None:
    assert verified(statement(publish("Acme_App-1.0-py3-none-any.whl", DATA))).kind == "signature"


def test_provenance_of_other_bytes_is_refused() -> None:
    assert refused(statement(provenance("x", b"other"))) == "wrong-artifact"


BUILT = Rule(
    name="*",
    identities=RULE.identities,
    builders=("https://github.com/actions/runner/*",),
    sources=("https://github.com/acme/*",),
)


def test_provenance_by_builder_and_source_holds() -> None:
    assert verified(statement(provenance("x", DATA)), BUILT).kind == "provenance"


@pytest.mark.parametrize(
    ("builder", "source"), [("https://evil.test/runner", SOURCE), (BUILDER, "https://github.com/evil/app"), ("", "")]
)
def test_provenance_by_another_builder_or_source_is_refused(builder: str, source: str) -> None:
    assert refused(statement(provenance("x", DATA, builder=builder, source=source)), BUILT) == "wrong-provenance"


def test_provenance_that_names_no_builder_is_refused_where_one_is_asked_for() -> None:
    said = provenance("x", DATA)
    said["predicate"] = {}
    assert refused(statement(said), BUILT) == "wrong-provenance"


def test_allowed_source_among_the_dependencies_does_not_count() -> None:
    said = provenance("x", DATA, source="https://github.com/evil/app")
    said["predicate"]["buildDefinition"]["resolvedDependencies"] = [{"uri": SOURCE}]  # type: ignore[index]  # JSON
    assert refused(statement(said), BUILT) == "wrong-provenance"


def test_provenance_of_slsa_0_2_is_read() -> None:
    said = provenance("x", DATA)
    said["predicateType"] = "https://slsa.dev/provenance/v0.2"
    said["predicate"] = {"builder": {"id": BUILDER}, "invocation": {"configSource": {"uri": SOURCE}}}
    assert verified(statement(said), BUILT).kind == "provenance"


def test_other_statements_are_attestations_and_no_signature() -> None:
    said = publish("x", DATA) | {"predicateType": "https://in-toto.io/attestation/test-result/v0.1"}
    assert verified(statement(said)).kind == "attestation"


def test_messages_quote_nothing_unverified() -> None:
    planted = "AKIA-planted"
    for where, value in (("mediaType", f"application/vnd.dev.sigstore.bundle{planted}"), (planted, planted)):
        with pytest.raises(Invalid) as caught:
            verified(blob() | {where: value})
        assert planted not in str(caught.value)


@pytest.mark.parametrize("root", [b"", b"{}", b"\xff", json.dumps({"mediaType": "x"}).encode()])
def test_trust_root_that_is_none_stops_with_one_line(root: bytes) -> None:
    with pytest.raises(ConfigError, match=r"root\.json") as caught:
        Sigstore(root, "root.json")
    assert "\n" not in str(caught.value)


def test_trust_root_without_authorities_stops() -> None:
    document = AUTHORITY.trust_root() | {"certificateAuthorities": []}
    with pytest.raises(ConfigError):
        Sigstore(json.dumps(document).encode(), "root.json")
