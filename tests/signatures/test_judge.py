from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping

import pytest

from customhouse.errors import Malformed
from customhouse.model import Coverage, Finding, Inspection, Location, Severity, Skip, SkipReason
from customhouse.signatures.beside import Beside, Surroundings
from customhouse.signatures.judge import Judge
from customhouse.signatures.names import Names
from customhouse.signatures.proof import Invalid, Proved, shown
from customhouse.signatures.rules import Identity, Rule

DATA = b"hello"
DIGESTS = {name: hashlib.new(name, DATA).hexdigest() for name in ("sha256", "sha512", "md5")}
BUNDLE = b'{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json"}'
OTHER = Finding("secrets", "key", Severity.LOW, "in/a", "a key")
LIMIT = Skip("in/a", SkipReason.LIMIT, "too deep")
INSPECTION = Inspection("in/a", "data", 5, {"sha256": DIGESTS["sha256"]}, (OTHER,), (), Coverage(1, 1, 5, (LIMIT,)))
RULE = Rule(name="*", require=("signature",), identities=(Identity(issuer="i", subject="s"),))


class Fixed:
    """A verifier with one answer for every bundle."""

    def __init__(self, answer: Proved | Exception) -> None:
        self.answer = answer

    def verify(self, bundle: bytes, key: str, sha256: str, rule: Rule) -> Proved:
        assert (json.loads(bundle), key, sha256, rule) == (json.loads(BUNDLE), "in/a", DIGESTS["sha256"], RULE)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def file(name: str, data: bytes | None, why: str = "") -> Beside:
    return Beside(Location("memory://x", name), data, why)


def judged(
    *files: Beside,
    rule: Rule = RULE,
    answer: Proved | Exception | None = None,
    digests: Mapping[str, str] = DIGESTS,
    crowded: bool = False,
    inspection: Inspection = INSPECTION,
) -> Inspection:
    verifier = Fixed(answer) if answer else None
    judge = Judge(rule, Names(), verifier, "in/a", "in/a", digests)
    return judge.apply(inspection, Surroundings(files, crowded=crowded))


def new(inspection: Inspection) -> list[str]:
    """What was added: rules of findings, and skips' reasons."""
    found = [one.rule for one in inspection.findings if one != OTHER]
    return found + [one.reason.value for one in inspection.coverage.skipped if one != LIMIT]


def test_proof_satisfies_the_rule_and_nothing_else_changes() -> None:
    after = judged(file("in/a.sigstore", BUNDLE), answer=Proved("signature", "i", "s"))
    assert new(after) == []
    assert (after.findings, after.coverage) == (INSPECTION.findings, INSPECTION.coverage)
    (signature,) = after.signatures
    assert (signature.status, signature.issuer, signature.subject) == ("verified", "i", "s")


@pytest.mark.parametrize("kind", ["provenance", "attestation"])
def test_proof_of_another_kind_does_not(kind: str) -> None:
    assert new(judged(file("in/a.sigstore", BUNDLE), answer=Proved(kind, "i", "s"))) == ["unsigned"]


@pytest.mark.parametrize(
    ("error", "rule"),
    [(Invalid("wrong-identity", "is of x"), "wrong-identity"), (Malformed("no statement"), "malformed-signature")],
)
def test_failure_is_a_serious_finding_with_its_own_words(error: Exception, rule: str) -> None:
    after = judged(file("in/a.sigstore", BUNDLE), answer=error)
    assert new(after) == [rule, "unsigned"]
    assert after.findings[-1].severity is Severity.HIGH
    assert after.findings[-1].message == f"a.sigstore: {error}"
    assert after.signatures[0].status == "invalid"


def test_bundle_where_nobody_may_sign_is_unread_and_proves_nothing() -> None:
    rule = Rule(name="*", require=("checksum",))
    after = judged(file("in/a.sigstore", BUNDLE), rule=rule)
    assert new(after) == ["unsigned"]
    assert after.signatures[0].status == "unread"


def test_judging_again_replaces_what_was_said_before() -> None:
    first = judged(file("in/a.sigstore", BUNDLE), answer=Invalid("wrong-identity", "is of x"))
    again = judged(file("in/a.sigstore", BUNDLE), answer=Proved("signature", "i", "s"), inspection=first)
    assert dataclasses.replace(again, signatures=(), digests={}) == dataclasses.replace(INSPECTION, digests={})


def test_file_that_was_not_read_is_a_skip() -> None:
    assert new(judged(file("in/a.sigstore", None, "larger than 9 bytes"))) == ["unsigned", "unsigned"]


def test_crowd_is_a_skip() -> None:
    assert new(judged(crowded=True, rule=Rule(name="*"))) == ["unsigned"]


def sums(*algorithms: str, data: bytes = DATA) -> bytes:
    return "".join(f"{hashlib.new(one, data).hexdigest()}  a\n" for one in algorithms).encode()


CHECKSUM = Rule(name="*", require=("checksum",))


def test_every_line_about_a_file_must_agree() -> None:
    after = judged(file("in/a.sha256", sums("sha256") + sums("sha256", data=b"other")), rule=CHECKSUM)
    assert new(after) == ["checksum-mismatch", "unsigned"]


def test_weak_line_beside_a_strong_one_is_no_matter() -> None:
    assert new(judged(file("in/a.sha256", sums("md5", "sha256")), rule=CHECKSUM)) == []
    assert new(judged(file("in/a.md5", sums("md5")), rule=CHECKSUM)) == ["weak-checksum"]
    assert new(judged(file("in/a.md5", sums("md5")), file("in/a.sha512", sums("sha512")), rule=CHECKSUM)) == []


def test_artifact_that_was_not_read_whole_has_nothing_to_compare() -> None:
    files = file("in/a.sha256", sums("sha256")), file("in/a.sigstore", BUNDLE)
    after = judged(*files, rule=RULE, answer=Proved("signature", "i", "s"), digests={"md5": DIGESTS["md5"]})
    assert new(after) == ["unsigned"] * 3
    assert {one.status for one in after.signatures} == {"unread"}


def test_list_of_other_files_says_nothing() -> None:
    after = judged(file("in/SHA256SUMS", sums("sha256").replace(b"  a", b"  b")), rule=Rule(name="*"))
    assert (after.signatures, new(after)) == ((), [])


def test_text_from_certificates_is_bounded_and_harmless() -> None:
    assert shown("a\x1b[31m\u202eb\n") == "a?[31m?b?"
    assert len(shown("x" * 1000)) == 201
