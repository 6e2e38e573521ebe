"""Carrying out one planned item: conditional on its version, safe to repeat after a crash at any point."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from customhouse.errors import Conflict, Denied, Gone, Rejected
from customhouse.lifecycle.plan import Item
from customhouse.lifecycle.rules import TRASH, trash_prefix
from customhouse.lifecycle.selection import carries
from customhouse.lifecycle.words import Action
from customhouse.model import LIFECYCLE_TAG, VERDICT_TAG, Location, Outcome, Stat
from customhouse.ports import Batches, LifecycleTarget, Store

DONE, SUPERSEDED, PROTECTED, DEFERRED, FAILED = "done", "superseded", "protected", "deferred", "failed"
"""Statuses: carried out; changed by someone since planning; newly protected; a hold or lock forbids it; an error."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """One store, and what lifecycle asks of it beyond that where the cloud has it.

    `hides` tells that a delete succeeds though the object is held: it is only hidden, and must be looked at before.
    `batches` deletes many versions at once, where the cloud can.
    """

    store: Store
    target: LifecycleTarget | None = None
    hides: bool = False
    batches: Batches | None = None

    @classmethod
    def of(cls, store: Store, target: LifecycleTarget | None) -> Bucket:
        """The bucket, asked (two calls) whether it hides: S3 does with Object Lock; the other clouds refuse."""
        hides = target is not None and store.root.startswith("s3:") and _locks(target)
        return cls(store, target, hides, target if isinstance(target, Batches) else None)


def _locks(target: LifecycleTarget) -> bool:
    """Whether there may be locks: also where that may not be asked, or what speaks S3's API does not know of it."""
    try:
        return target.features().locks
    except Rejected:
        return True


def execute(item: Item, bucket: Bucket, guard: Guard) -> Outcome:
    """Do one item and say what came of it; only Transient is raised, for the caller to try again."""
    try:
        status, detail = _ACTIONS[item.action](item, bucket, guard)
    except Rejected as error:
        return refused(item, error)
    return Outcome(item.action.value, status, item.location, detail)


def refused(item: Item, error: Rejected) -> Outcome:
    """What a refusal means for an item."""
    status = SUPERSEDED if isinstance(error, Conflict | Gone) else DEFERRED if isinstance(error, Denied) else FAILED
    return Outcome(item.action.value, status, item.location, str(error))


Result = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Guard:
    """What spares an artifact even now: a tag that protects from the rule, a hold or lock from deletion.

    `now` is apply's clock and `planned` the plan's (UTC epoch seconds).
    """

    tags: Mapping[str, str]
    now: float
    planned: float

    def tagged(self, store: Store, found: Stat) -> str:
        """The protecting tag that an artifact carries by now, as it was just `found`: planning may be hours ago."""
        if not self.tags:
            return ""
        tags = store.tags(found.location) if found.tags is None else found.tags
        return "carries a protecting tag" if carries(tags, self.tags, every=False) else ""

    def held(self, found: Stat) -> str:
        """The hold or lock that is on it."""
        if found.held:
            return "a hold is on it"
        return "it is locked" if found.locked_until is not None and found.locked_until > self.now else ""


def trash_key(item: Item, planned: float) -> str:
    """Where a deleted version waits: told by the item and its plan's clock, so that undo needs nothing but the plan.

    Where a version is its ETag, the same bytes may be deleted again: each plan has a copy and a window of its own.
    """
    name = hashlib.sha256(f"{float(planned)!r} {item.location}".encode()).hexdigest()[:32]
    return f"{trash_prefix(item.undo)}{name}"


def _delete(item: Item, bucket: Bucket, guard: Guard) -> Result:
    store = bucket.store
    alone = is_exact(item) or (_conditional(item) and not bucket.hides)
    if not item.undo and not guard.tags and alone:
        store.delete(item.location)
        return DONE, ""
    try:
        found = current(item, store)
    except Gone:
        return DONE, "already gone"
    if reason := guard.held(found):
        return DEFERRED, reason
    if reason := guard.tagged(store, found):
        return PROTECTED, reason
    if not item.undo:
        store.delete(_deletable(item))
        return DONE, ""
    copy = _to_trash(store, found, trash_key(item, guard.planned))
    try:
        store.delete(_deletable(item))
    except (Conflict, Denied):
        store.delete(copy)
        raise
    return DONE, f"{store.root}/{copy.key}"


def is_exact(item: Item) -> bool:
    """Whether deleting the item's version for good, without another look at it, does what the plan says and no more.

    An old version stays what it is. A current one may be overwritten, but nobody does that in the trash.
    """
    old = not item.live or item.location.key.startswith(TRASH)
    return item.action is Action.DELETE and not item.undo and old and bool(item.location.version)


def _conditional(item: Item) -> bool:
    """Whether one delete, conditional on the etag, says all there is to say: without versions there is no other."""
    here = item.location
    return item.live and here.scheme in {"s3", "az"} and bool(here.etag) and not here.version


def current(item: Item, store: Store) -> Stat:
    """The planned version as it is now; Conflict where it was the live one and no longer is."""
    if not item.live:
        return store.stat(item.location)
    here, found = item.location, store.stat(replace(item.location, version="", etag=""))
    planned, there = (
        (here.version, found.location.version)
        if here.version and found.location.version
        else (here.etag, found.location.etag)
    )
    if planned != there:
        raise Conflict(f"{here} was overwritten after planning")
    return found


def _deletable(item: Item) -> Location:
    """What to delete: S3's current version by its ETag, which leaves a delete marker in a versioned bucket.

    Deleting it by its versionId would bring the version before it back to life; the trash has none before.
    """
    here = item.location
    marker = here.scheme == "s3" and item.live and here.etag and not here.key.startswith(TRASH)
    return replace(here, version="") if marker else here


def _to_trash(store: Store, found: Stat, key: str) -> Location:
    """Copy a version to the trash, verified; over what is there, since not only an interrupted run may put it there."""
    tags = store.tags(found.location) if found.tags is None else found.tags
    ours = {LIFECYCLE_TAG: "undo"} | ({VERDICT_TAG: tags[VERDICT_TAG]} if VERDICT_TAG in tags else {})
    try:
        copy = store.copy(found, key, tags=ours, if_absent=True)
    except Conflict as conflict:
        try:
            there = store.stat(Location(store.root, key)).location
        except Gone:
            raise conflict from None
        copy = store.copy(found, key, tags=ours, if_match=there)
    verify(store, found, copy)
    return copy


def verify(store: Store, original: Stat, copy: Location) -> None:
    """Refuse a copy that is not the original, by size and by every digest that both sides computed."""
    if differs(original, store.stat(copy)):
        raise Rejected(f"{copy} is not the same as {original.location}: left as it was")


def differs(one: Stat, other: Stat) -> bool:
    """Whether two objects are not the same, by size and by every digest that both sides computed."""
    return one.size != other.size or any(one.digests[name] != other.digests[name] for name in computed(one, other))


def computed(one: Stat, other: Stat) -> AbstractSet[str]:
    """The digests that are known of both."""
    return one.digests.keys() & other.digests.keys()


def _tag(item: Item, bucket: Bucket, guard: Guard) -> Result:
    pairs = [pair.split("=", 1) for pair in item.detail.split(",")]
    found = current(item, bucket.store)
    if reason := guard.tagged(bucket.store, found):
        return PROTECTED, reason
    bucket.store.tag(item.location, dict(pairs))
    return DONE, ""


def _class(item: Item, bucket: Bucket, guard: Guard) -> Result:
    if bucket.target is None:
        return FAILED, f"{item.location.root} has no storage classes"
    if not item.live and item.location.scheme != "az":
        return FAILED, "moving a noncurrent version would make it current: let a native rule move it"
    try:
        found = current(item, bucket.store)
    except Conflict:
        if _moved(item, bucket.store):
            return DONE, "already there"
        raise
    if found.storage_class == item.detail:
        return DONE, "already there"
    if item.location.scheme == "s3" and (reason := guard.held(found)):
        raise Denied(f"{reason}, and would stay behind on the old version: let a native rule move it")
    if reason := guard.tagged(bucket.store, found):
        return PROTECTED, reason
    bucket.target.change_class(item.location, item.detail)
    return DONE, ""


def _moved(item: Item, store: Store) -> bool:
    """Whether the version there now is what moving made of the planned one, before a crash kept it from the journal."""
    now = store.stat(replace(item.location, version="", etag=""))
    return (now.storage_class, now.size) == (item.detail, item.size)


def _hold(item: Item, bucket: Bucket, guard: Guard) -> Result:
    if bucket.target is None:
        return FAILED, f"{item.location.root} has no holds"
    found = current(item, bucket.store)
    if reason := guard.tagged(bucket.store, found):
        return PROTECTED, reason
    bucket.target.hold(found.location)
    return DONE, ""


_ACTIONS: Mapping[Action, Callable[[Item, Bucket, Guard], Result]] = {
    Action.DELETE: _delete,
    Action.TAG: _tag,
    Action.CLASS: _class,
    Action.HOLD: _hold,
}
