"""The only code that changes the world: one step at a time, each on exactly the version it was planned for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import assert_never

from customhouse.errors import Conflict, Denied, Gone, Rejected, Transient
from customhouse.model import Copy, Delete, Location, Notify, Outcome, Stat, Step, Tag
from customhouse.ports import Notifier, Store

OpenStore = Callable[[str], Store]
OpenNotifier = Callable[[str], Notifier]


def apply(steps: Iterable[Step], stores: OpenStore, notifiers: OpenNotifier) -> Iterator[Outcome]:
    """Do the steps in order and say what came of each; stops behind the first that was `superseded`.

    Every step may be done twice: a run that died is repeated from its start. Transient passes through, for the
    platform to deliver again; Denied too, since a step that is not allowed leaves the plan undone.
    """
    moved: dict[Location, Location] = {}  # where tags are metadata, writing them gives the object a new etag
    for planned in steps:
        step = replace(planned, location=moved.get(planned.location, planned.location))
        outcome = _do(step, stores, notifiers)
        yield outcome
        if outcome.status == "superseded":
            return
        if isinstance(step, Tag):
            moved[planned.location] = outcome.location


def _do(step: Step, stores: OpenStore, notifiers: OpenNotifier) -> Outcome:
    name = type(step).__name__.lower()
    try:
        match step:
            case Tag(location):
                return _tag(step, stores(location.root))
            case Copy():
                return Outcome(name, "done", _copy(step, stores))
            case Delete(location):
                stores(location.root).delete(location)
                return Outcome(name, "done", location)
            case Notify():
                return _tell(step, notifiers)
            case _:
                assert_never(step)
    except (Conflict, Gone) as error:
        return Outcome(name, "superseded", step.location, str(error))
    except Denied:
        raise
    except Rejected as error:
        if not isinstance(step, Tag):
            raise
        return Outcome(name, "failed", step.location, str(error))


def _tag(step: Tag, store: Store) -> Outcome:
    """An uploader's own tags may leave no room: then what they say in our name goes, so that nobody believes it."""
    try:
        return Outcome("tag", "done", store.tag(step.location, step.changes))
    except (Conflict, Gone, Denied):
        raise
    except Rejected as error:
        return Outcome("tag", "failed", store.tag(step.location, dict.fromkeys(step.changes)), str(error))


def _tell(step: Notify, notifiers: OpenNotifier) -> Outcome:
    """A message that nobody takes is recorded; it does not undo a verdict that is carried out."""
    try:
        notifiers(step.target).notify(step.message)
    except Rejected as error:
        return Outcome("notify", "failed", step.location, str(error))
    return Outcome("notify", "done", step.location)


def _copy(step: Copy, stores: OpenStore) -> Location:
    """Copy where nothing stands; over something else only if it is still what we saw there."""
    target = stores(step.root)
    source = Stat(step.location, step.size, 0.0, digests=step.digests)
    try:
        return target.copy(source, step.key, tags=step.tags, if_absent=True)
    except Conflict:
        there = _standing(target, step.key)
    if there is None:  # the conflict was the source's: it was overwritten
        stores(step.location.root).stat(step.location)
        raise Transient(f"{step.root}/{step.key} changed while it was written; the next delivery tries again")
    return target.copy(source, step.key, tags=step.tags, if_match=there.location)


def _standing(store: Store, key: str) -> Stat | None:
    try:
        return store.stat(Location(store.root, key))
    except Gone:
        return None
