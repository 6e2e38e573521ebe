"""Apply executes a saved plan, and nothing but it: bounded, resumable, at most so many items at once."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from customhouse.errors import ConfigError, Transient
from customhouse.lifecycle.batch import delete_together, together
from customhouse.lifecycle.execute import FAILED, PROTECTED, Bucket, Guard, execute, is_exact
from customhouse.lifecycle.inventory.version import Identity, identity
from customhouse.lifecycle.journal import Forgetful, Journal
from customhouse.lifecycle.limits import Limits, counted, refuse, refuse_edited
from customhouse.lifecycle.parallel import bounded
from customhouse.lifecycle.plan import Header, Item, Plan
from customhouse.lifecycle.using import Using, digest
from customhouse.model import Outcome
from customhouse.ports import Batches

ATTEMPTS = 5
"""How often an item is tried before its Transient error becomes its outcome."""

Sleep = Callable[[float], None]


def apply(
    plan: Plan,
    buckets: Mapping[str, Bucket],
    now: float,
    *,
    journal: Journal | None = None,
    limits: Limits | None = None,
    accept: bool = False,
    policy: str = "",
    dates: Mapping[Identity, float] | None = None,
    using: Using | None = None,
    workers: int = 8,
    sleep: Sleep = time.sleep,
) -> Iterator[Outcome]:
    """Do the plan's items that are not the cloud's, yielding outcomes as they come.

    Refuses (RefusedPlan) before the first change: see `limits`. `buckets` has one entry per root in the plan,
    `dates` are those of single artifacts and `using` what is in use as they are now; a plan by rules that ask for them
    is not applied without.
    Ends early where the caller stops iterating: what was begun is finished and journaled, the rest is not started.
    """
    refuse(plan.header, now, limits or Limits(), accept=accept, policy=policy)
    refuse_edited(plan)
    if plan.header.dated and dates is None:
        raise ConfigError(f"rule {plan.header.dated[0]!r} asks for the dates of artifacts: set CUSTOMHOUSE_RECORDS")
    asking = plan.header.in_use.rules
    if asking and using is None:
        raise ConfigError(
            f"rule {asking[0]!r} protects what is in use: give an in-use list (`# nothing` where nothing is)"
        )
    same = using is None or digest(using.names) == plan.header.in_use.digest
    memory = journal or Forgetful()
    waiting = (item for item in counted(plan.header, plan.items()) if not item.cloud and not memory.seen(item))
    doing = _Doing(plan.header, buckets, now, dates or {}, None if same else using, memory, sleep)
    return itertools.chain.from_iterable(bounded(doing.all, together(waiting, doing.batch), workers))


@dataclass(frozen=True, slots=True)
class _Doing:
    """One run of apply."""

    header: Header
    buckets: Mapping[str, Bucket]
    now: float
    dates: Mapping[Identity, float]
    using: Using | None
    journal: Journal
    sleep: Sleep

    def all(self, items: Sequence[Item]) -> list[Outcome]:
        """Do items that belong together, remembering each before it is told."""
        batch = self.batch(items[0]) if len(items) > 1 else None
        outcomes = delete_together(items, batch, self.one) if batch else list(map(self.one, items))
        for outcome in outcomes:
            self.journal.write(outcome)
        return outcomes

    def one(self, item: Item) -> Outcome:
        """Do one item, with patience."""
        if self._put_off(item):
            return Outcome(item.action.value, PROTECTED, item.location, "its date was put off")
        if self.using and item.rule in self.header.in_use.rules and self.using(item.location):
            return Outcome(item.action.value, PROTECTED, item.location, "it came into use")
        bucket = self._bucket(item)
        guard = Guard(self.header.protect.get(item.rule, {}), self.now, self.header.clock)
        return patiently(lambda: execute(item, bucket, guard), item, self.sleep)

    def batch(self, item: Item) -> Batches | None:
        """What deletes the item together with others; None where it must be looked at on its own."""
        header, used = self.header, self.header.in_use.rules if self.using else ()
        looked_at = item.rule in header.protect or item.rule in header.dated or item.rule in used
        return self._bucket(item).batches if is_exact(item) and not looked_at else None

    def _bucket(self, item: Item) -> Bucket:
        bucket = self.buckets.get(item.location.root)
        if bucket is None:
            raise ConfigError(f"{item.location.root}: the plan names this store, but it was not opened")
        return bucket

    def _put_off(self, item: Item) -> bool:
        return item.rule in self.header.dated and self.dates.get(identity(item.location), math.inf) > self.now


def patiently(work: Callable[[], Outcome], item: Item, sleep: Sleep) -> Outcome:
    """Try again on Transient, waiting 1, 2, 4, … seconds; then the error is the outcome, and a later run retries."""
    for attempt in range(ATTEMPTS):
        try:
            return work()
        except Transient as error:
            if attempt == ATTEMPTS - 1:
                return Outcome(item.action.value, FAILED, item.location, str(error))
            sleep(2.0**attempt)
    raise AssertionError(item)
