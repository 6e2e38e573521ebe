"""What stands beside an artifact becomes facts about it. Pure: bytes and digests in, findings and skips out."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from customhouse.errors import Malformed
from customhouse.model import Finding, Inspection, Severity, Signature, Skip, SkipReason
from customhouse.signatures import checksums, documents
from customhouse.signatures.beside import Beside, Surroundings
from customhouse.signatures.checksums import Entry
from customhouse.signatures.names import Names, base
from customhouse.signatures.proof import Invalid, Proved, shown
from customhouse.signatures.rules import Rule

SCANNER = "signatures"
_PROVEN = frozenset({"verified", "matches"})
_UNKNOWN = "the artifact was not read whole, so there is no digest to compare"


class Verifier(Protocol):
    """Verifies one sigstore bundle."""

    def verify(self, bundle: bytes, key: str, sha256: str, rule: Rule) -> Proved:
        """What the bundle proves about the artifact at `key`; Invalid or Malformed where it proves nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Told:
    """What one file, or one signature in it, says; `fact` where that is not all well."""

    signature: Signature
    fact: Finding | Skip | None = None


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges what stands beside the artifact `key`, which facts call `member`, by its `digests` (hex by algorithm)."""

    rule: Rule
    names: Names
    verifier: Verifier | None
    key: str
    member: str
    digests: Mapping[str, str]

    def apply(self, inspection: Inspection, around: Surroundings) -> Inspection:
        """The inspection with what its surroundings prove, in place of whatever was said of them before."""
        told = [one for file in around.files for one in self._told(file)]
        signatures = tuple(one.signature for one in told)
        facts = [*(one.fact for one in told if one.fact), *self._weak(signatures), *self._missing(signatures)]
        if around.crowded:
            facts.append(self._skip("too many names begin with this one to see its signatures"))
        coverage, kept = inspection.coverage, [one for one in inspection.findings if one.scanner != SCANNER]
        seen = [skip for skip in coverage.skipped if skip.reason is not SkipReason.UNSIGNED]
        skipped = (*seen, *(fact for fact in facts if isinstance(fact, Skip)))
        return dataclasses.replace(
            inspection,
            findings=(*kept, *(fact for fact in facts if isinstance(fact, Finding))),
            coverage=dataclasses.replace(coverage, skipped=skipped),
            digests=dict(self.digests),
            signatures=signatures,
        )

    def _told(self, file: Beside) -> Iterator[Told]:
        checksum = self.names.is_checksum(file.location.key)
        if file.data is None:
            yield self._unread(file, "checksum" if checksum else "signature", file.why)
        elif checksum:
            yield from self._checksums(file, file.data)
        elif "sha256" not in self.digests:
            yield self._unread(file, "signature", _UNKNOWN)
        elif self.verifier is None or not self.rule.identities:
            yield Told(Signature(file.location, "signature", "unread", detail="the policy names nobody who may sign"))
        else:
            yield from self._bundles(file, file.data, self.verifier, self.key, self.digests["sha256"])

    def _bundles(self, file: Beside, data: bytes, verifier: Verifier, key: str, sha256: str) -> Iterator[Told]:
        try:
            bundles = documents.bundles(data)
        except documents.Unsupported as error:
            yield self._unread(file, "signature", str(error))
            return
        except Malformed as error:
            yield self._invalid(file, "signature", "malformed-signature", str(error))
            return
        for bundle in bundles:
            try:
                proved = verifier.verify(bundle, key, sha256, self.rule)
            except (Invalid, Malformed) as error:
                rule = error.rule if isinstance(error, Invalid) else "malformed-signature"
                yield self._invalid(file, "signature", rule, str(error))
            else:
                yield Told(Signature(file.location, proved.kind, "verified", proved.issuer, proved.subject))

    def _checksums(self, file: Beside, data: bytes) -> Iterator[Told]:
        manifest = self.names.is_manifest(file.location.key)
        try:
            entries = checksums.about(checksums.parse(data), base(self.key), manifest=manifest)
        except Malformed as error:
            broken = self._unread if manifest else self._malformed  # a folder's list condemns no single file
            yield broken(file, "checksum", str(error))
            return
        if entries:
            yield (compared := self._compared(file, entries))
            if compared.signature.status == "matches" and compared.signature.detail not in checksums.WEAK:
                yield from self._of_list(file, data)
        elif not manifest:
            signature = Signature(file.location, "checksum", "unrelated", detail="names another file")
            yield Told(signature, self._finding("names-another-file", Severity.LOW, file, "names another file"))

    def _of_list(self, file: Beside, data: bytes) -> Iterator[Told]:
        """Who signed the list that this artifact is in; where that does not hold, the list proves nothing."""
        for signature in file.signatures:
            if signature.data is None:
                yield self._unread(signature, "signature", signature.why)
            elif self.verifier is not None and self.rule.identities:
                digest = hashlib.sha256(data).hexdigest()
                for told in self._bundles(signature, signature.data, self.verifier, file.location.key, digest):
                    yield self._through_list(told, signature)

    def _through_list(self, told: Told, file: Beside) -> Told:
        if told.signature.status != "verified":
            return self._unread(file, "signature", told.signature.detail)
        kind = told.signature.kind if told.signature.kind == "signature" else "attestation"  # it is about the list
        return Told(dataclasses.replace(told.signature, kind=kind, detail="of the list that names this file"))

    def _compared(self, file: Beside, entries: Sequence[Entry]) -> Told:
        if not all(entry.algorithm in self.digests for entry in entries):
            return self._unread(file, "checksum", _UNKNOWN)
        wrong = [entry.algorithm for entry in entries if self.digests[entry.algorithm] != entry.digest]
        if wrong:
            return self._invalid(file, "checksum", "checksum-mismatch", f"is not the {wrong[0]} of these bytes")
        strongest = min((entry.algorithm for entry in entries), key=lambda name: (name in checksums.WEAK, name))
        return Told(Signature(file.location, "checksum", "matches", detail=strongest))

    def _weak(self, signatures: Sequence[Signature]) -> Iterator[Finding]:
        """Nothing but digests that an attacker can meet is worth a word."""
        matching = [one for one in signatures if one.status == "matches"]
        if matching and all(one.detail in checksums.WEAK for one in matching):
            text = f"the only checksum is {matching[0].detail}, for which other bytes can be made"
            yield Finding(SCANNER, "weak-checksum", Severity.LOW, self.member, text)

    def _missing(self, signatures: Sequence[Signature]) -> Iterator[Skip]:
        proven = {one.kind for one in signatures if one.status in _PROVEN}
        return (self._skip(f"no {kind} that holds is there yet") for kind in self.rule.require if kind not in proven)

    def _unread(self, file: Beside, kind: str, why: str) -> Told:
        name = shown(base(file.location.key))
        return Told(Signature(file.location, kind, "unread", detail=why), self._skip(f"{name}: {why}"))

    def _malformed(self, file: Beside, kind: str, why: str) -> Told:
        return self._invalid(file, kind, "malformed-signature", why)

    def _invalid(self, file: Beside, kind: str, rule: str, why: str) -> Told:
        return Told(
            Signature(file.location, kind, "invalid", detail=why), self._finding(rule, Severity.HIGH, file, why)
        )

    def _finding(self, rule: str, severity: Severity, file: Beside, why: str) -> Finding:
        return Finding(SCANNER, rule, severity, self.member, f"{shown(base(file.location.key))}: {why}")

    def _skip(self, detail: str) -> Skip:
        return Skip(self.member, SkipReason.UNSIGNED, detail)


def itself(inspection: Inspection, file: Beside, member: str, names: Names) -> Inspection:
    """The inspection of a file that is called a signature or checksum: held where it is none.

    No rule asks such a file for a signature of its own, so nothing else may go by such a name.
    """
    why = file.why if file.data is None else _unlike(file.data, checksum=names.is_checksum(file.location.key))
    if not why:
        return inspection
    skip = Skip(member, SkipReason.UNSIGNED, f"called a signature or checksum, and is none: {why}")
    coverage = dataclasses.replace(inspection.coverage, skipped=(*inspection.coverage.skipped, skip))
    return dataclasses.replace(inspection, coverage=coverage)


def _unlike(data: bytes, *, checksum: bool) -> str:
    """Why these bytes are no signature; empty where they are one, also one that cannot be verified."""
    try:
        _ = checksums.parse(data) if checksum else documents.bundles(data)
    except documents.Unsupported:
        return ""
    except Malformed as error:
        return str(error)
    return ""
