"""A verdict that changed becomes steps wherever the artifact stands by now. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from customhouse.model import Decision, Inspection, Notify, Stat, Step
from customhouse.steps.plan import Target, message, plan

_REMOVING = {"quarantine", "delete"}


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an artifact stands: itself, the copies that were released, and those in quarantine."""

    original: Stat | None
    released: tuple[Stat, ...] = ()
    quarantined: tuple[Stat, ...] = ()

    @property
    def copies(self) -> tuple[Stat, ...]:
        """Every copy."""
        return (*self.released, *self.quarantined)


def follow(
    decision: Decision, inspection: Inspection, copy: Stat, actions: Sequence[str], targets: Mapping[str, Target]
) -> tuple[Step, ...]:
    """The steps for a released copy: it leaves where the policy wants such artifacts out of the way, else it is tagged.

    A copy in quarantine has no action that removes it: what people set aside, people take out.
    """
    chosen = [action for action in actions if action in _REMOVING] or ["tag"]
    return plan(decision, inspection, copy, chosen, targets=targets)


def replan(
    decision: Decision,
    inspection: Inspection,
    where: Standing,
    actions: Sequence[str],
    *,
    targets: Mapping[str, Target],
    notify: str,
) -> tuple[Step, ...]:
    """The steps for the original, and one message: what was released already is not released again."""
    if where.original is None:
        told = "notify" in actions and notify and where.copies
        first = where.copies[0] if told else None
        return (Notify(first.location, notify, message(decision, inspection, first)),) if first else ()
    chosen = [action for action in actions if action != "promote" or not where.released]
    return plan(decision, inspection, where.original, chosen, targets=targets, notify=notify)
