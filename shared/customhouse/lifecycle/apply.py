"""Apply executes a saved plan, and nothing but it: bounded, resumable, at most so many items at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

from customhouse.errors import ConfigError, Transient
from customhouse.lifecycle.execute import FAILED, PROTECTED, Bucket, execute
from customhouse.lifecycle.inventory.version import Identity, identity
from customhouse.lifecycle.journal import Forgetful, Journal
from customhouse.lifecycle.limits import Limits, refuse
from customhouse.lifecycle.parallel import bounded
from customhouse.lifecycle.plan import Item, Plan
from customhouse.model import Outcome

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
    workers: int = 8,
    sleep: Sleep = time.sleep,
) -> Iterator[Outcome]:
    """Do the plan's items that are not the cloud's, yielding outcomes as they come.

    Refuses (RefusedPlan) before the first change: see `limits.refuse`. `buckets` has one entry per root in the plan,
    `dates` are those of single artifacts as they are now; a plan by rules that ask for them is not applied without.
    Ends early where the caller stops iterating: what was begun is finished and journaled, the rest is not started.
    """
    refuse(plan.header, now, limits or Limits(), accept=accept, policy=policy)
    if plan.header.dated and dates is None:
        raise ConfigError(f"rule {plan.header.dated[0]!r} asks for the dates of artifacts: set CUSTOMHOUSE_RECORDS")
    memory = journal or Forgetful()
    waiting = (item for item in plan.items() if not item.cloud and not memory.seen(item))

    def one(item: Item) -> Outcome:
        bucket = buckets.get(item.location.root)
        if bucket is None:
            raise ConfigError(f"{item.location.root}: the plan names this store, but it was not opened")
        if item.rule in plan.header.dated and not (dates or {}).get(identity(item.location), now + 1) <= now:
            outcome = Outcome(item.action.value, PROTECTED, item.location, "its date was put off")
        else:
            protect = plan.header.protect.get(item.rule, {})
            outcome = patiently(lambda: execute(item, bucket, protect, now), item, sleep)
        memory.write(outcome)
        return outcome

    return bounded(one, waiting, workers)


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
