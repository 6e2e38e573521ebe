"""The words of lifecycle: one artifact version in an inventory, and what was decided about it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from customhouse.model import Location

DAY = 86_400.0
"""Seconds in a day, the grain of every native engine."""


class Action(enum.StrEnum):
    """What is done to one artifact version; only one action is chosen per artifact."""

    NONE = "none"
    KEEP = "keep"
    TAG = "tag"
    CLASS = "class"
    DELETE = "delete"
    HOLD = "hold"

    @property
    def changes(self) -> bool:
        """Whether carrying it out touches the world."""
        return self not in {Action.NONE, Action.KEEP}


@dataclass(frozen=True, slots=True)
class Artifact:
    """One artifact version as an inventory knows it; an object, or an image manifest.

    Times are UTC epoch seconds, `size` bytes. `used` is the last read (None where the cloud does not say),
    `noncurrent_since` when a newer version replaced it (None for the live one), `held` a legal or event hold,
    `locked_until` the end of its retention. `verdict`, `kind`, `ecosystem`, `package` and `package_version` come from
    the record and `expires_at` from what stands beside it (`dates`), never from a tag. `digest`, `image_tags`,
    `children` (an index's manifests) and `subject` (what a signature or SBOM is about) describe images; digests read
    `sha256:<hex>`.
    """

    location: Location
    size: int
    created: float
    used: float | None = None
    noncurrent_since: float | None = None
    storage_class: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    held: bool = False
    locked_until: float | None = None
    verdict: str = ""
    kind: str = ""
    ecosystem: str = ""
    package: str = ""
    package_version: str = ""
    expires_at: float | None = None
    digest: str = ""
    image_tags: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    subject: str = ""

    @property
    def live(self) -> bool:
        """Whether this is the current version of its key."""
        return self.noncurrent_since is None

    def locked(self, now: float) -> bool:
        """Whether its retention has not ended."""
        return self.locked_until is not None and self.locked_until > now

    @property
    def address(self) -> str:
        """Root and key without a version, as an in-use list may name it."""
        return f"{self.location.root}/{self.location.key}"


@dataclass(frozen=True, slots=True)
class Disposition:
    """What becomes of one artifact version: the action, the rule that decided and the clause of it that did.

    `detail` says more where the action needs it: the storage class to move to, or the tags as `k=v,…`.
    """

    action: Action
    rule: str = ""
    clause: str = ""
    detail: str = ""


NOTHING = Disposition(Action.NONE)
"""No rule has anything to say about the artifact now."""
