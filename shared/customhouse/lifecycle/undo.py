"""Undo: everything a plan deleted that its window still holds goes back to where it was."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress

from customhouse.errors import Conflict, Denied, Gone, Rejected
from customhouse.lifecycle.apply import Sleep, patiently
from customhouse.lifecycle.execute import DEFERRED, DONE, FAILED, SUPERSEDED, Bucket, trash_key, verify
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
        return patiently(lambda: restore(item, store), item, sleep)

    return bounded(one, deletes, workers)


def restore(item: Item, store: Store) -> Outcome:
    """Copy one deleted version back and empty its place in the trash."""
    try:
        status, detail = _restore(item, store)
    except Denied as error:
        status, detail = DEFERRED, str(error)
    except Rejected as error:
        status, detail = FAILED, str(error)
    return Outcome("undo", status, item.location, detail)


def _restore(item: Item, store: Store) -> tuple[str, str]:
    try:
        kept = store.stat(Location(store.root, trash_key(item)))
    except Gone:
        return EXPIRED, "the trash does not hold it"
    tags = store.tags(kept.location) if kept.tags is None else kept.tags
    ours = {VERDICT_TAG: tags[VERDICT_TAG]} if VERDICT_TAG in tags else {}
    try:
        back = store.copy(kept, item.location.key, tags=ours, if_absent=True)
    except Conflict:
        back = store.stat(Location(store.root, item.location.key)).location
        with suppress(Rejected):  # what is there is the same: an interrupted undo put it there
            verify(store, kept, back)
            store.delete(kept.location)
            return DONE, "already there"
        return SUPERSEDED, "something new has its name; the copy stays in the trash"
    verify(store, kept, back)
    store.delete(kept.location)
    return DONE, ""
