"""What compiling a rule for one cloud comes to."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from customhouse.errors import ConfigError
from customhouse.lifecycle.plan import EXACT

PREFIX = "customhouse-"
"""Begins the id of every native rule of ours; all others are somebody else's."""

Native = Mapping[str, object]


class Mark(enum.StrEnum):
    """How a cloud's own engine carries a rule out."""

    EXACT = "exact"
    ARMED = "armed"
    APPROXIMATED = "approximated"
    RESIDUAL = "residual"


@dataclass(frozen=True, slots=True)
class Target:
    """One bucket to compile for, and what decides which rules its engine can carry out.

    `soft_delete` is how long the cloud itself can bring back a deleted object (seconds), `locks` whether holds or
    retention can be set on its objects, `index_tags` whether Azure's account has them (hierarchical ones do not),
    `last_access` whether Azure tracks it.
    """

    root: str
    versioned: bool = False
    soft_delete: int = 0
    locks: bool = False
    index_tags: bool = True
    last_access: bool = False

    @property
    def scheme(self) -> Literal["s3", "gs", "az"]:
        """Which cloud."""
        for scheme in ("s3", "gs", "az"):
            if self.root.startswith(f"{scheme}://"):
                return scheme
        raise ConfigError(f"{self.root}: only s3://, gs:// and az:// have lifecycle rules of their own")

    @property
    def prefix(self) -> str:
        """Begins the ids of our native rules; an account's policy serves many containers, so Azure's names its own."""
        return f"{PREFIX}{self.root.rpartition('/')[2]}--" if self.scheme == "az" else PREFIX


@dataclass(frozen=True, slots=True)
class Part:
    """What became of one rule: its mark, why in words, and the native rules it compiled to.

    An approximated rule has native rules, but they are only used where that was allowed.
    """

    rule: str
    mark: Mark
    reason: str = ""
    native: tuple[Native, ...] = ()


@dataclass(frozen=True, slots=True)
class Compiled:
    """A policy compiled for one bucket: the parts in the policy's order, and our native rules in force."""

    target: Target
    parts: tuple[Part, ...]
    native: tuple[Native, ...] = ()
    used: Mapping[str, str] = field(default_factory=dict)
    """The rules whose native rules are used, each `exact` or with the label of what it is about: `plan.Marks`."""

    @property
    def labels(self) -> dict[str, str]:
        """The labels of the armed rules."""
        return {rule: mark for rule, mark in self.used.items() if mark != EXACT}
