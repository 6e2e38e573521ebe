"""Undo: everything a plan deleted that its window still holds goes back to where it was."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from customhouse.errors import Conflict, Denied, Gone, Rejected
from customhouse.lifecycle.apply import Sleep, patiently
from customhouse.lifecycle.execute import (
    DEFERRED,
    DONE,
    FAILED,
    SUPERSEDED,
    Bucket,
    computed,
    differs,
    trash_key,
    verify,
)
from customhouse.lifecycle.parallel import bounded
from customhouse.lifecycle.plan import Item, Plan
from customhouse.lifecycle.words import Action
from customhouse.model import VERDICT_TAG, Location, Outcome
from customhouse.ports import Store

EXPIRED = "expired"
"""The status of what the window no longer holds, or what apply never deleted."""


def undo(
    plan: Plan, buckets: Mapping[str, Bucket], *, workers: int = 8, sleep: Sleep = time.sleep
) -> Iterator[Outcome]:
    """Restore the plan's deletes, each unless something new has taken its name; safe to repeat."""
    deletes = (item for item in plan.items() if item.action is Action.DELETE and item.undo and not item.cloud)

    def one(item: Item) -> Outcome:
        store = buckets[item.location.root].store
        return patiently(lambda: restore(item, store, plan.header.clock), item, sleep)

    return bounded(one, deletes, workers)


def restore(item: Item, store: Store, planned: float) -> Outcome:
    """Copy one deleted version back and empty its place in the trash; `planned` is its plan's clock."""
    try:
        status, detail = _restore(store, item.location.key, trash_key(item, planned))
    except Denied as error:
        status, detail = DEFERRED, str(error)
    except Rejected as error:
        status, detail = FAILED, str(error)
    return Outcome("undo", status, item.location, detail)


def _restore(store: Store, key: str, place: str) -> tuple[str, str]:
    try:
        kept = store.stat(Location(store.root, place))
    except Gone:
        return EXPIRED, "the trash does not hold it"
    tags = store.tags(kept.location) if kept.tags is None else kept.tags
    ours = {VERDICT_TAG: tags[VERDICT_TAG]} if VERDICT_TAG in tags else {}
    try:
        back = store.copy(kept, key, tags=ours, if_absent=True)
    except Conflict:
        there = store.stat(Location(store.root, key))
        if differs(kept, there) or not computed(kept, there):  # equal sizes alone prove nothing
            return SUPERSEDED, "something new has its name; the copy stays in the trash"
        store.delete(kept.location)  # an interrupted undo put it there
        return DONE, "already there"
    verify(store, kept, back)
    store.delete(kept.location)
    return DONE, ""
