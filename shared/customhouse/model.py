"""The words of customhouse as frozen values; everything learned is a fact, everything done is a step."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

VERDICT_TAG = "customhouse-verdict"
LIFECYCLE_TAG = "customhouse-lifecycle"


class Severity(enum.StrEnum):
    """How bad a finding is; compare with `rank`."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for low up to 3 for critical."""
        return list(Severity).index(self)


class Verdict(enum.StrEnum):
    """What was decided about one artifact version."""

    CLEAN = "clean"
    FLAGGED = "flagged"
    QUARANTINED = "quarantined"
    REJECTED = "rejected"
    HELD = "held"

    @property
    def passes(self) -> bool:
        """Whether the artifact may be used: clean, or flagged (let through with findings)."""
        return self in {Verdict.CLEAN, Verdict.FLAGGED}


class SkipReason(enum.StrEnum):
    """Why something was not looked at."""

    LIMIT = "limit"
    ENCRYPTED = "encrypted"
    UNSUPPORTED = "unsupported"
    CORRUPT = "corrupt"
    ENGINE = "engine"
    TIMEOUT = "timeout"
    UNSIGNED = "unsigned"


@dataclass(frozen=True, slots=True)
class Location:
    """Where bytes are, pinned to a version where one is known.

    `root` is a store's URL without a trailing slash: `s3://bucket`, `gs://bucket`, `az://account/container`,
    `file:///folder`, `memory://name`, `oci://host/repository`. `key` is the object's name exactly as the cloud
    holds it, never a file path. `version` is what addresses one version for ever (S3 versionId, GCS generation,
    Blob versionId, OCI digest) and `etag` what conditions compare (S3 and Blob ETag without quotes); either may
    be empty where the store has none, both where an event named none.
    """

    root: str
    key: str
    version: str = ""
    etag: str = ""

    @property
    def scheme(self) -> str:
        """`s3`, `gs`, `az`, `file`, `memory` or `oci`."""
        return self.root.partition(":")[0]

    @property
    def pinned(self) -> bool:
        """Whether this names one version rather than whatever is there now."""
        return bool(self.version or self.etag)

    def __str__(self) -> str:
        """The URL form, percent-encoded: `s3://bucket/key?versionId=…`, `gs://bucket/name#generation`, …."""
        if self.scheme == "oci":
            return f"{self.root}@{self.version}" if self.version else f"{self.root}:{self.key}"
        url = f"{self.root}/{quote(self.key, safe='/')}"
        if self.scheme == "gs":
            return f"{url}#{self.version}" if self.version else url
        if self.version:
            return f"{url}?versionId={quote(self.version, safe='')}"
        return f"{url}?etag={quote(self.etag, safe='')}" if self.etag else url


@dataclass(frozen=True, slots=True)
class Event:
    """Something was uploaded: one artifact that one record of a cloud's message named.

    `id` is the sender's message id, `time` its ISO 8601 text, `size` bytes where told, `sequencer` the sender's
    order token (comparable only for the same key). `source` names the wire format, for logs.
    """

    location: Location
    source: str
    id: str = ""
    time: str = ""
    size: int | None = None
    sequencer: str = ""


@dataclass(frozen=True, slots=True)
class Stat:
    """What a store says of one object version; `location` is pinned, `modified` is UTC epoch seconds.

    `tags` is None where the answer did not carry them. `digests` holds what the store itself computed, lower-case
    hex by algorithm (`md5`, `crc32c`, `sha256`). `held` is a legal, temporary or event hold (None where the answer
    did not tell), `locked_until` the end of its retention, `used` the last read where the store keeps track of it.
    """

    location: Location
    size: int
    modified: float
    content_type: str = ""
    storage_class: str = ""
    tags: Mapping[str, str] | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    held: bool | None = None
    locked_until: float | None = None
    used: float | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a scanner saw; `evidence` is redacted before it gets here."""

    scanner: str
    rule: str
    severity: Severity
    member: str
    message: str
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Package:
    """A package found at a member, as a purl; `license` is an SPDX expression where declared."""

    purl: str
    member: str
    license: str = ""


@dataclass(frozen=True, slots=True)
class Skip:
    """A member, or a part of one, that was not looked at, and why."""

    member: str
    reason: SkipReason
    detail: str = ""


Fact = Finding | Package | Skip


@dataclass(frozen=True, slots=True)
class Coverage:
    """The ledger: what was there, what was opened, what was skipped.

    `members` counts the artifact itself and everything listed inside it, `opened` those whose bytes every wanted
    scanner saw, `bytes` inflated bytes seen.
    """

    members: int
    opened: int
    bytes: int
    skipped: tuple[Skip, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether everything was looked at; only then may a verdict be clean."""
        return not self.skipped and self.opened == self.members


@dataclass(frozen=True, slots=True)
class Signature:
    """A file that stood beside an artifact and what it proves about it.

    `kind` is `signature`, `provenance`, `attestation` or `checksum`; `status` is `verified` (signed by `subject`, whom
    the policy names), `matches` (a checksum: nobody vouches for it), `invalid`, `unrelated` or `unread`.
    """

    location: Location
    kind: str
    status: str
    issuer: str = ""
    subject: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Inspection:
    """Everything learned about one artifact: `engines` maps a scanner to its engine and rules version."""

    name: str
    kind: str
    size: int
    digests: Mapping[str, str]
    findings: tuple[Finding, ...]
    packages: tuple[Package, ...]
    coverage: Coverage
    engines: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    signatures: tuple[Signature, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict, the rule that decided and why; `waived` are findings that a live waiver accepted."""

    verdict: Verdict
    rule: str
    reasons: tuple[str, ...] = ()
    waived: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Tag:
    """Set tags on one object version; None removes one; other people's tags stay."""

    location: Location
    changes: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Copy:
    """Copy one version to `root`/`key` and verify it; `tags` replace the copy's tags of ours."""

    location: Location
    root: str
    key: str
    tags: Mapping[str, str]
    size: int
    digests: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete exactly this version; always after what preserves it was verified."""

    location: Location


@dataclass(frozen=True, slots=True)
class Notify:
    """Tell people or systems; `message` is JSON-ready and holds no secret."""

    location: Location
    target: str
    message: Mapping[str, object]


Step = Tag | Copy | Delete | Notify


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one step: `done`, `superseded` (someone changed the object) or `failed`."""

    step: str
    status: str
    location: Location
    detail: str = ""
