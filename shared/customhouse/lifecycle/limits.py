"""The blast radius: what a plan may do without someone saying yes to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass

from customhouse.errors import Rejected
from customhouse.lifecycle.plan import Header, Item, Plan, Total, counted_as
from customhouse.lifecycle.rules import TRASH
from customhouse.lifecycle.units import show_duration, show_size
from customhouse.lifecycle.words import DAY, Action


class RefusedPlan(Rejected):
    """The plan is too old, or does more than may be done unasked."""


@dataclass(frozen=True, slots=True)
class Limits:
    """At most so many deletes, bytes deleted, and share of the inventory deleted; `max_age` of a plan in seconds.

    Plans with at most `few` deletes are not asked for their share: in a small bucket it is soon the whole.
    """

    max_items: int = 100_000
    max_bytes: int = 10 * 1000**4
    max_share: float = 0.5
    max_age: float = DAY
    few: int = 0


def refuse(header: Header, now: float, limits: Limits, *, accept: bool = False, policy: str = "") -> None:
    """Raise RefusedPlan with all reasons; `accept` waives the blast radius, never a plan's age or policy.

    `policy` is the digest of the rules now in force, where the caller knows it.
    """
    reasons = list(_stale(header, now, limits, policy))
    reasons += [] if accept else list(_too_much(header, limits))
    if reasons:
        raise RefusedPlan("; ".join(reasons))


def refuse_edited(plan: Plan) -> None:
    """Raise RefusedPlan where a plan's file is not, to the byte, what was written."""
    if plan.digest and (not plan.header.seal or plan.digest() != plan.header.seal):
        raise RefusedPlan("the plan is not what was written: it was edited or cut off; plan again")


def _stale(header: Header, now: float, limits: Limits, policy: str) -> list[str]:
    reasons = []
    if now - header.clock > limits.max_age:
        reasons.append(f"the plan is older than {show_duration(limits.max_age)}: plan again")
    if header.clock > now + 300:
        reasons.append("the plan's clock is in the future: its ages are not true yet")
    if policy and policy != header.policy:
        reasons.append("the policy has changed since the plan was made: plan again")
    return reasons


def radius(header: Header) -> tuple[int, int]:
    """How many artifacts, and bytes, the function would delete; emptying the trash is not counted."""
    counted = [total for total in header.totals if _deletes(total)]
    return sum(total.items for total in counted), sum(total.size for total in counted)


def counted(header: Header, items: Iterable[Item]) -> Iterator[Item]:
    """A plan's items; RefusedPlan at the first that its header does not count, and so neither its limits."""
    left = Counter({astuple(total)[:-2]: total.items for total in header.totals})
    for item in items:
        left[counted_as(item)] -= 1
        astray = _empties_trash(item.rule) and not item.location.key.startswith(TRASH)
        if left[counted_as(item)] < 0 or astray:
            raise RefusedPlan("the plan does more than its first line says: it was edited; plan again")
        yield item


def _deletes(total: Total) -> bool:
    return total.action is Action.DELETE and not total.cloud and not _empties_trash(total.rule)


def _empties_trash(rule: str) -> bool:
    return rule.startswith("undo-")


def _too_much(header: Header, limits: Limits) -> list[str]:
    items, size = radius(header)
    share = items / header.scanned if header.scanned else 0.0
    reasons = []
    if items > limits.max_items:
        reasons.append(f"it deletes {items:,} artifacts, more than {limits.max_items:,}")
    if size > limits.max_bytes:
        reasons.append(f"it deletes {show_size(size)}, more than {show_size(limits.max_bytes)}")
    if share > limits.max_share and items > limits.few:
        reasons.append(f"it deletes {share:.0%} of the inventory, more than {limits.max_share:.0%}")
    return [f"{reason}: look at it, then --accept" for reason in reasons]
