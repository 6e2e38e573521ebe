"""The scheduled job: plan what the clouds do not do, apply it within the time there is, go on where it stopped."""

from __future__ import annotations

import hashlib
import io
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

import msgspec

from customhouse.errors import ConfigError, Gone
from customhouse.lifecycle import seal, using
from customhouse.lifecycle.apply import Sleep, apply
from customhouse.lifecycle.arming import Arms, put_right
from customhouse.lifecycle.asking import (
    UntoldError,
    asks_dates,
    asks_records,
    asks_versions,
    refuse_unread,
    refuse_unrecorded,
    sees_tags,
)
from customhouse.lifecycle.execute import Bucket
from customhouse.lifecycle.inventory.live import Closer, Lookup, rows
from customhouse.lifecycle.inventory.version import Identity
from customhouse.lifecycle.limits import Limits, RefusedPlan, refuse_edited
from customhouse.lifecycle.needed import wanted
from customhouse.lifecycle.plan import Item, Marks, Plan, make, parse_header, parse_items, ready, write
from customhouse.lifecycle.rules import Rule, digest
from customhouse.lifecycle.using import Using
from customhouse.lifecycle.words import Artifact
from customhouse.model import Location
from customhouse.ports import Store


@dataclass(frozen=True, slots=True)
class Job:
    """What the lifecycle job needs of one bucket; `state` is where plans in progress are kept, under `prefix`.

    `within` is the prefix that is listed, `ours` one in it that nothing is planned for: our own records. `arms` are
    the bucket's labels, where some are put on by its rules: those of an earlier policy are put right before a plan.
    """

    bucket: Bucket
    rules: Sequence[Rule]
    state: Store
    prefix: str = "lifecycle/"
    marks: Marks = field(default_factory=dict)
    arms: Arms | None = None
    lookup: Lookup | None = None
    dates: Mapping[Identity, float] = field(default_factory=dict)
    in_use: AbstractSet[str] | None = None
    lists: Sequence[str] = ()
    within: str = ""
    ours: str | None = None
    limits: Limits = field(default_factory=Limits)
    workers: int = 8
    sleep: Sleep = time.sleep


@dataclass(frozen=True, slots=True)
class Run:
    """What one run came to; `cursor` begins the next one, empty where everything planned is done."""

    planned: int
    statuses: Mapping[str, int]
    cursor: str
    refused: str = ""


class _Cursor(msgspec.Struct, frozen=True):
    """Which saved plan, how many of its items are done, and a digest of what was in use when it was made."""

    plan: str
    done: int
    in_use: str


def run(job: Job, now: float, expired: Callable[[], bool], cursor: str = "") -> Run:
    """Go on with the plan that `cursor` names, or make and save a new one, and apply until `expired()`.

    A plan of another policy, made when other things were in use, too old, or that does not read, is made anew. One
    beyond the blast radius is saved and refused: a person may apply it with `--accept`.
    """
    labels: Counter[str] = Counter()
    try:
        here, plan = _resume(job, now, cursor) or _fresh(job, now, expired, labels)
    except (UntoldError, RefusedPlan) as reason:
        return Run(0, labels, "", str(reason))
    counts: Counter[str] = Counter()
    rest = Plan(plan.header, lambda: _skip(plan.items(), here.done))
    planned = sum(total.items for total in plan.header.totals if not total.cloud)
    try:
        outcomes = apply(
            rest,
            {job.bucket.store.root: job.bucket},
            now,
            limits=job.limits,
            dates=job.dates,
            using=None if job.in_use is None else Using(job.in_use, job.lookup),
            workers=job.workers,
            sleep=job.sleep,
        )
    except RefusedPlan as refusal:
        return Run(planned, labels, "", f"{refusal} ({job.state.root}/{here.plan})")
    for outcome in outcomes:
        counts[outcome.status] += 1
        if expired():
            break
    done = here.done + counts.total()
    if done < planned:
        return Run(planned, counts + labels, msgspec.json.encode(_Cursor(here.plan, done, here.in_use)).decode())
    job.state.delete(Location(job.state.root, here.plan))
    return Run(planned, counts + labels, "")


def _skip(items: Iterator[Item], done: int) -> Iterator[Item]:
    mine = (item for item in items if not item.cloud)
    return (item for at, item in enumerate(mine) if at >= done)


def _fresh(job: Job, now: float, expired: Callable[[], bool], labels: Counter[str]) -> tuple[_Cursor, Plan]:
    """A plan over what is there now, saved; RefusedPlan where listing it took all the time there was.

    What became of labels that were put right is counted in `labels`.
    """
    store = job.bucket.store
    inventory = []
    for one in listed(job, now):
        inventory.append(one)
        if not len(inventory) % 1000 and expired():
            raise RefusedPlan(f"{store.root} takes longer to list than a run may: plan it from an inventory")
    for outcome in put_right(job.arms, inventory, job.workers) if job.arms else ():
        labels[f"{outcome.step} {outcome.status}"] += 1
        if expired():
            break
    refuse_unread(job.rules, {store.root: not inventory or any(one.used is not None for one in inventory)})
    plan = make(job.rules, inventory, now, source=store.root, in_use=job.in_use, lists=job.lists, marks=job.marks)
    refuse_unrecorded(job.rules, job.in_use, store.root, inventory, plan.header.acting)
    return _Cursor(_save(job, plan), 0, using.digest(job.in_use)), plan


def _save(job: Job, plan: Plan) -> str:
    """Keep a plan in place of those that this store had before; its key."""
    here = hashlib.sha256(f"{job.bucket.store.root}/{job.within}".encode()).hexdigest()[:12]
    folder = f"{job.prefix}plans/{here}/"
    for old in list(job.state.list(folder)):
        job.state.delete(replace(old.location, version="", etag=""))
    key = f"{folder}{plan.header.policy[7:19]}-{int(plan.header.clock)}.jsonl"
    body = io.BytesIO()
    write(plan, body)
    body.seek(0)
    job.state.put(key, body, content_type="application/jsonl")
    return key


def listed(job: Job, now: float) -> Iterator[Artifact]:
    """What the job's rules are about, told as much as they ask for and only where it matters."""
    rules = ready(job.rules, job.in_use)
    could = wanted(rules, now)
    closer = Closer(
        lookup=job.lookup if asks_records(rules, job.in_use) else None,
        tags=sees_tags(rules),
        locks=job.bucket.hides,
        dates=job.dates if asks_dates(rules) else {},
        wanted=lambda one: could(one) or (job.arms is not None and job.arms.astray(one)),
    )
    found = rows(job.bucket.store, now, closer, prefix=job.within, versions=asks_versions(rules))
    return (one for one in found if job.ours is None or not one.location.key.startswith(job.ours))


def _resume(job: Job, now: float, cursor: str) -> tuple[_Cursor, Plan] | None:
    """The plan in progress, where it is still what would be planned, and young enough."""
    if not cursor:
        return None
    try:
        here = msgspec.json.decode(cursor, type=_Cursor)
        plan = _load(job.state, here.plan)
        refuse_edited(plan)
    except (Gone, ConfigError, RefusedPlan, msgspec.MsgspecError):
        return None
    young = now - plan.header.clock <= job.limits.max_age
    same = here.in_use == using.digest(job.in_use) and plan.header.policy == digest(ready(job.rules, job.in_use))
    return (here, plan) if young and same else None


def _load(state: Store, key: str) -> Plan:
    """A saved plan, whole in memory: what one run can list, it can also hold."""
    with state.read(Location(state.root, key)) as body:
        data = b"".join(body)
    head, _, rest = data.partition(b"\n")
    return Plan(
        parse_header(head, key), lambda: parse_items(rest.splitlines(), key), lambda: seal.digest(io.BytesIO(data))
    )
