"""Labels that tell a cloud's own rule what to delete: put on, put right when the policy has changed, taken off."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from customhouse.errors import Conflict, CustomhouseError, Gone
from customhouse.lifecycle.execute import DONE, FAILED, SUPERSEDED
from customhouse.lifecycle.native.compile import armed, due_at
from customhouse.lifecycle.native.gcs import ARMED, NEVER, custom_time
from customhouse.lifecycle.native.words import Compiled
from customhouse.lifecycle.parallel import bounded
from customhouse.lifecycle.rules import TRASH, Rule
from customhouse.lifecycle.words import Artifact
from customhouse.model import LIFECYCLE_TAG, Outcome
from customhouse.ports import LifecycleTarget, Store

OFF = "off"
"""The label while it is being taken off: no rule's."""


@dataclass(frozen=True, slots=True)
class Arming:
    """The label that one version gets, and the Custom-Time where its cloud has one (UTC epoch seconds)."""

    label: str
    custom_time: float


def arm(rules: Sequence[Rule], compiled: Compiled, artifact: Artifact) -> Arming | None:
    """What to stamp on an artifact so that the cloud deletes it by itself; None where no armed rule selects it."""
    rule = armed(rules, compiled, artifact)
    return Arming(compiled.labels[rule.id], custom_time(due_at(rule, artifact))) if rule else None


@dataclass(frozen=True, slots=True)
class Arms:
    """The labels in one bucket, by the rules that were installed there."""

    rules: Sequence[Rule]
    compiled: Compiled
    store: Store
    target: LifecycleTarget

    def astray(self, artifact: Artifact) -> bool:
        """Whether the cloud would delete it for what an earlier policy said, which its label tells.

        On Cloud Storage the one native rule looks at the Custom-Time alone. Elsewhere a label that is no rule's any
        more means nothing.
        """
        label = artifact.tags.get(LIFECYCLE_TAG)
        known = not label or label in self.compiled.labels.values() or artifact.location.key.startswith(TRASH)
        return self.by_time and artifact.live and not known

    @property
    def by_time(self) -> bool:
        """Whether the cloud deletes by the Custom-Time alone."""
        return ARMED in self.compiled.native

    def set(self, artifact: Artifact) -> list[Outcome]:
        """Label an artifact, or take off a label that no rule puts on it: an earlier one's, or forged.

        What the cloud would delete too late, since a Custom-Time only grows, is left to the function.
        """
        stamp = arm(self.rules, self.compiled, artifact)
        if stamp is None:
            return [self._disarmed(artifact)] if LIFECYCLE_TAG in artifact.tags else []
        try:
            self.target.arm(artifact.location, stamp.label, stamp.custom_time)
        except Conflict as error:
            if LIFECYCLE_TAG not in artifact.tags:
                raise
            return [self._disarmed(artifact, str(error))]
        return [Outcome("arm", DONE, artifact.location, stamp.label)]

    def _disarmed(self, artifact: Artifact, why: str = "") -> Outcome:
        """Take the label off; the Custom-Time, which cannot be, is put off for good."""
        if self.by_time:
            with suppress(Conflict):  # it is later still, or the object was overwritten: the next call tells
                self.target.arm(artifact.location, OFF, NEVER)
        self.store.tag(artifact.location, {LIFECYCLE_TAG: None})
        return Outcome("disarm", DONE, artifact.location, why)


def put_right(arms: Arms, found: Iterable[Artifact], workers: int = 8) -> Iterator[Outcome]:
    """Label anew what is armed by an earlier policy; `found` are told as much as the rules ask for."""

    def one(artifact: Artifact) -> list[Outcome]:
        try:
            return arms.set(artifact)
        except (Conflict, Gone) as error:
            return [Outcome("arm", SUPERSEDED, artifact.location, str(error))]
        except CustomhouseError as error:
            return [Outcome("arm", FAILED, artifact.location, str(error))]

    for outcomes in bounded(one, filter(arms.astray, found), workers):
        yield from outcomes
