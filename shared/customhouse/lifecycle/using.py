"""What is in use, when a plan is made and again when it is applied: what came into use since is spared."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from customhouse.lifecycle.inventory.in_use import named_by_digest
from customhouse.lifecycle.inventory.live import Lookup
from customhouse.lifecycle.rules import Rule
from customhouse.model import Location


@dataclass(frozen=True, slots=True)
class InUse:
    """The rules of a plan that protect what is in use, a digest of what that was, and the lists that named it."""

    rules: tuple[str, ...] = ()
    digest: str = ""
    lists: tuple[str, ...] = ()

    @classmethod
    def of(cls, rules: Iterable[Rule], names: AbstractSet[str] | None, lists: Iterable[str]) -> InUse:
        """What a plan says of it; nothing where no rule asks."""
        asking = tuple(rule.id for rule in rules if rule.protect.in_use)
        return cls(asking, digest(names), tuple(lists)) if asking else cls()


def digest(names: AbstractSet[str] | None) -> str:
    """Of a set of names."""
    return hashlib.sha256("\n".join(sorted(names or ())).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Using:
    """Tells what is in use by now: by its address, an image's digest, or the digest in its record."""

    names: AbstractSet[str]
    lookup: Lookup | None = None

    def __call__(self, location: Location) -> bool:
        """Whether a version is in use."""
        if f"{location.root}/{location.key}" in self.names or location.version in self.names:
            return True
        known = self.lookup(location) if self.lookup and named_by_digest(self.names) else None
        return known is not None and known.digest in self.names
