"""The one place that knows core and adapters: built once per container, then one event after the other."""

from __future__ import annotations

import datetime as dt
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from customhouse import scanners, settings
from customhouse.catalog import Catalog, Cursors, Held, Inspections, Planned, Record
from customhouse.errors import ConfigError, Conflict, Denied, Gone, Rejected, Transient
from customhouse.inspect import Stored, inspect_parts
from customhouse.lifecycle.rules import TRASH
from customhouse.model import Coverage, Decision, Event, Inspection, Location, Outcome, Skip, SkipReason, Stat, Step
from customhouse.notifiers import open_notifier
from customhouse.policy.decide import decide
from customhouse.policy.load import Loaded, default
from customhouse.policy.load import load as load_policy
from customhouse.policy.model import Policy
from customhouse.ports import Body, Notifier, Store
from customhouse.settings import Settings
from customhouse.steps.again import Standing, follow, replan
from customhouse.steps.apply import apply
from customhouse.steps.plan import Target, plan
from customhouse.stores import open_store, split

if TYPE_CHECKING:
    from customhouse.lifecycle.upload import Uploads
    from customhouse.signed import Signed
    from customhouse.vulnerabilities.library import Library

_TURN = 0.0001
"""Seconds."""
_INDEXED = "vulnerabilities"
"""The scanner that reads an index."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an event: `decided`, `duplicate`, `superseded`, `gone` or `ignored`; verdict where decided."""

    status: str
    verdict: str = ""
    rule: str = ""
    record: Record | None = None


@dataclass
class App:
    """Takes events to verdicts; `open_store` and `open_notifier` are replaced by fakes in tests."""

    settings: Settings
    policy: Loaded
    open_store: Callable[[str], Store]
    open_notifier: Callable[[str], Notifier]
    clock: Callable[[], float] = time.time
    _stores: dict[str, Store] = field(default_factory=dict)

    def store(self, root: str) -> Store:
        """One store per root for the life of the container."""
        if root not in self._stores:
            self._stores[root] = self.open_store(root)
        return self._stores[root]

    @cached_property
    def catalog(self) -> Catalog:
        """The records."""
        root, prefix = split(self.settings.records)
        return Catalog(self.store(root), prefix)

    @cached_property
    def cursors(self) -> Cursors:
        """Where scheduled jobs stopped, beside the records."""
        return Cursors(self.catalog.store, self.catalog.prefix)

    @cached_property
    def inspections(self) -> Inspections:
        """What is known of bytes that came before, beside the records."""
        return Inspections(self.catalog.store, self.catalog.prefix)

    @cached_property
    def targets(self) -> dict[str, Target]:
        """Where artifacts go: `released` and `quarantine`, as far as they are configured."""
        urls = {"released": self.settings.released, "quarantine": self.settings.quarantine}
        return {name: Target(*split(url)) for name, url in urls.items() if url}

    @cached_property
    def library(self) -> Library | None:
        """The vulnerability index: where the policy has it, else beside the records; None where nobody asks for one."""
        return library(self.policy.policy, self.store, self.settings.records)

    @cached_property
    def uploads(self) -> Uploads:
        """What lifecycle does at upload."""
        from customhouse.lifecycle.upload import Uploads  # noqa: PLC0415 -- a policy without lifecycle needs none of it
        from customhouse.stores.open_lifecycle import open_target  # noqa: PLC0415 -- as above

        chosen = self.settings.options
        target = cache(lambda root: open_target(root, chosen if root.startswith("az:") else {}))
        return Uploads(self.policy.lifecycle, self.store, target, self.catalog.store, self.catalog.prefix)

    @cached_property
    def scanners(self) -> Sequence[scanners.Scanner]:
        """The scanners of the policy, engines ready."""
        return engines(self.policy.policy, self.library, self.clock)

    @cached_property
    def signed(self) -> Signed | None:
        """What stands beside artifacts, where the policy asks for signatures."""
        if "signatures" not in self.policy.policy.scanners:
            return None
        from customhouse.signed import Signed  # noqa: PLC0415 -- most policies do not ask

        return Signed(self)

    def process(self, event: Event) -> Result:
        """Take one artifact from its upload to its verdict and its place.

        May be called any number of times for one event. Transient asks for another delivery; everything that no
        delivery can mend is recorded.
        """
        location = event.location
        if _within(location, Target(self.catalog.store.root, self.catalog.prefix)):
            return Result("ignored")
        if location.scheme == "oci":
            return self._hold_image(location)
        try:
            body = self.store(location.root).read(location)
        except (Gone, Conflict) as error:
            return self._resume(location, "gone" if isinstance(error, Gone) else "superseded")
        except Rejected as error:
            return self._hold_unread(location, str(error))
        with body:
            result = self._judge(body)
        if self.signed and result.status in {"decided", "duplicate"}:
            self.signed.reopen(body.stat.location)
        return result

    def rejudge(self, held: Held, inspection: Inspection) -> Result:
        """Decide a finished record again by what is known now; no byte of the artifact is read.

        The same verdict is only recorded (`unchanged`). Another one is followed by its steps wherever the artifact
        stands: at its place, and where copies of it were put. Transient where all of it has to be tried again.
        """
        location, policy = held.record.location, self.policy.policy
        decision, record = self._decided(held.record, location, inspection)
        before = held.record.decision
        if before and before.verdict is decision.verdict:
            return Result("unchanged", decision.verdict.value, decision.rule, self.catalog.save(held, record).record)
        actions, where = policy.actions.get(decision.verdict, ()), self._standing(held.record)
        outcomes: list[Outcome] = []
        for copy in where.copies:
            chosen = actions if copy in where.released else ()
            done = self._apply(follow(decision, inspection, copy, chosen, self.targets))
            outcomes += map(_still, done)
        allowed = self._allowed(actions, location)
        steps = replan(decision, inspection, where, allowed, targets=self.targets, notify=self.settings.notify)
        lease = self.clock() + self.catalog.lease
        return self._carry_out(held, msgspec.structs.replace(record, outcomes=tuple(outcomes), lease=lease), steps)

    def run_schedule(self, name: str, seconds: float) -> Mapping[str, object]:
        """Run a named job for at most `seconds`; it goes on next time where it stopped."""
        from customhouse import jobs  # noqa: PLC0415 -- events do not need it

        return jobs.run(self, name, seconds)

    def _judge(self, body: Body) -> Result:
        held = self.catalog.claim(body.stat, self.clock())
        if held is None:
            return Result("duplicate")
        if held.record.state == "decided":
            return self._act(held, held.record.planned.steps)
        inspection = self.signed.inspect(body, self._inspect) if self.signed else self._inspect(body)
        return self._decide(held, body.stat, inspection)

    def _inspect(self, body: Body) -> Inspection:
        chosen, stat = self.policy, body.stat
        if stat.size > chosen.limits.artifact:
            ranges = Stored(self.store(stat.location.root), stat)
            return inspect_parts(stat.location.key, ranges, self.scanners, chosen.limits, digests=stat.digests)
        return self.inspections.inspect(body, self.scanners, chosen.limits, chosen.policy.scanners)

    def _decide(self, held: Held, stat: Stat, inspection: Inspection) -> Result:
        decision, record = self._decided(held.record, stat.location, inspection)
        actions = self._allowed(self.policy.policy.actions.get(decision.verdict, ()), stat.location)
        steps = plan(decision, inspection, stat, actions, targets=self.targets, notify=self.settings.notify)
        if not self._current(stat.location):
            return self._finish(held, record, [Outcome("check", "superseded", stat.location)])
        return self._carry_out(held, record, steps)

    def _decided(self, record: Record, location: Location, inspection: Inspection) -> tuple[Decision, Record]:
        """The verdict on an inspection, and the record with it."""
        today = dt.datetime.fromtimestamp(self.clock(), dt.UTC).date()
        decision = decide(self.policy.policy, inspection, location.key, today)
        changes = {"decision": decision, "inspection": inspection, "policy": self.policy.digest}
        return decision, msgspec.structs.replace(record, decided=self.clock(), **changes)

    def _carry_out(self, held: Held, record: Record, steps: tuple[Step, ...]) -> Result:
        record = msgspec.structs.replace(record, planned=Planned.of(steps))
        if record.planned.deletes:  # whoever finds the object gone must find out why
            held = self.catalog.save(held, msgspec.structs.replace(record, state="decided"))
        return self._act(Held(record, held.at), steps)

    def _standing(self, record: Record) -> Standing:
        """Where the artifact of a finished record is, of all places where it was put."""
        copies = [one.location for one in record.outcomes if (one.step, one.status) == ("copy", "done")]
        there = [stat for location in copies if (stat := self._stat(location))]
        released = self.targets.get("released")
        out = tuple(stat for stat in there if released and _within(stat.location, released))
        first = record.location
        tagged = [one.location for one in record.outcomes if (one.step, one.status) == ("tag", "done")]
        own = [tag for tag in tagged if (tag.root, tag.key) == (first.root, first.key)]
        now = (own or [first])[-1]  # where tags are metadata, the tag gave it a new etag
        original = self._stat(now) if self._current(first) else None
        return Standing(original, out, tuple(stat for stat in there if stat not in out))

    def _stat(self, location: Location) -> Stat | None:
        try:
            return self.store(location.root).stat(location)
        except (Gone, Conflict):
            return None

    def _allowed(self, actions: Sequence[str], location: Location) -> Sequence[str]:
        """Where things were put by us they stay: they are judged like any upload, and tagged, but not moved again."""
        kept = location.key.startswith(TRASH)  # what lifecycle deleted stands there until it can no longer be undone
        if kept or any(_within(location, target) for target in self.targets.values()):
            return ["tag", *(action for action in actions if action == "notify")]
        return actions

    def _current(self, location: Location) -> bool:
        """Whether this version is still what its name stands for; etags alone are checked by every step itself."""
        if not location.version:
            return True
        try:
            now = self.store(location.root).stat(Location(location.root, location.key)).location
        except Gone:
            return False
        return now.version == location.version

    def _act(self, held: Held, steps: Sequence[Step]) -> Result:
        outcomes = [*held.record.outcomes, *self._apply(steps)]
        retired = self.uploads.after(held.record, outcomes, self.clock()) if self.policy.lifecycle else ()
        return self._finish(held, held.record, [*outcomes, *retired])

    def _apply(self, steps: Sequence[Step]) -> list[Outcome]:
        try:
            return list(apply(steps, self.store, self.open_notifier))
        except Denied as error:
            raise Transient(f"not allowed, and needed: {error}") from error

    def _finish(self, held: Held, record: Record, outcomes: Iterable[Outcome]) -> Result:
        done = tuple(outcomes)
        superseded = any(outcome.status == "superseded" for outcome in done)
        state = "superseded" if superseded else "done"
        record = msgspec.structs.replace(record, state=state, outcomes=done, planned=Planned(), lease=0.0)
        self.catalog.save(held, record)
        decision = record.decision
        if superseded or decision is None:
            return Result("superseded", record=record)
        return Result("decided", decision.verdict.value, decision.rule, record)

    def _resume(self, location: Location, status: str) -> Result:
        """The object is gone or overwritten: finish what a dead run had decided about it, if there was one."""
        held = self.catalog.resume(location, self.clock())
        if held is None:
            return Result(status)
        planned = held.record.planned
        outcomes = [self._preserved(copy.root, copy.key) for copy in planned.copies]
        if held.record.state != "decided" or any(outcome.status != "done" for outcome in outcomes):
            return self._finish(held, held.record, [*outcomes, Outcome("check", "superseded", location)])
        outcomes += [Outcome("delete", "done", delete.location) for delete in planned.deletes]
        outcomes += apply(planned.notifications, self.store, self.open_notifier)
        return self._finish(held, held.record, outcomes)

    def _preserved(self, root: str, key: str) -> Outcome:
        try:
            return Outcome("copy", "done", self.store(root).stat(Location(root, key)).location)
        except Gone:
            return Outcome("copy", "superseded", Location(root, key))

    def _hold_image(self, location: Location) -> Result:
        return self._hold(location, Skip(str(location), SkipReason.UNSUPPORTED, "images are not opened yet"), "image")

    def _hold_unread(self, location: Location, why: str) -> Result:
        return self._hold(location, Skip(location.key, SkipReason.UNSUPPORTED, why), "unread")

    def _hold(self, location: Location, skip: Skip, kind: str) -> Result:
        """Record what could not be looked at at all."""
        stat = Stat(location, 0, 0.0)
        held = self.catalog.claim(stat, self.clock())
        if held is None:
            return Result("duplicate")
        inspection = Inspection(location.key, kind, 0, {}, (), (), Coverage(1, 0, 0, (skip,)))
        decision, record = self._decided(held.record, location, inspection)
        steps = plan(decision, inspection, stat, ["notify"], targets={}, notify=self.settings.notify)
        return self._act(Held(record, held.at), steps)


def load(environment: Mapping[str, str] | None = None) -> App:
    """Build the app from the environment; ConfigError, one line, when it cannot work."""
    chosen = settings.read(os.environ if environment is None else environment)
    _set_apart(chosen)

    def opener(root: str) -> Store:
        return open_store(root, chosen.options if root.startswith("az:") else {})

    def notifier(url: str) -> Notifier:
        return open_notifier(url, chosen.notify_secret)

    return App(chosen, _policy(chosen.policy, opener), opener, notifier)


def _set_apart(chosen: Settings) -> None:
    """What lies among the records is never inspected, so nothing else may lie there."""
    records = Target(*split(chosen.records))
    for url in filter(None, (*chosen.intake, chosen.released, chosen.quarantine)):
        if _within(Location(*split(url)), records):
            raise ConfigError(f"CUSTOMHOUSE_RECORDS: {chosen.records} holds {url}; give records a place of their own")


def library(policy: Policy, open_store: Callable[[str], Store], beside: str = "") -> Library | None:
    """The vulnerability index of a policy, by default `beside` what that URL names; None where no scanner needs it."""
    if _INDEXED not in policy.scanners:
        return None
    from customhouse.vulnerabilities.library import Library  # noqa: PLC0415 -- most policies do not need it

    url = str(policy.scanners[_INDEXED].get("index") or beside)
    if not url:
        raise ConfigError(f"scanners.{_INDEXED}: name the store of the index (index: s3://bucket) in the policy")
    root, prefix = split(url)
    return Library(open_store(root), prefix)


def engines(
    policy: Policy, index: Library | None, clock: Callable[[], float] = time.time
) -> Sequence[scanners.Scanner]:
    """The scanners of a policy, engines ready; ConfigError where one of them cannot work.

    They work beside the walk, on threads that hand over to each other far more often than Python has it: a scan that
    let others run gets its turn back at once, which makes an inspection a quarter faster on two cores.
    """
    sys.setswitchinterval(_TURN)
    options = policy.scanners
    if index:
        options = options | {_INDEXED: {**options[_INDEXED], "index": index, "clock": clock}}
    return scanners.load(options)


def _policy(url: str, opener: Callable[[str], Store]) -> Loaded:
    if not url:
        return default()
    try:
        text = _content(url, opener).decode()
    except (OSError, UnicodeDecodeError, Rejected) as error:
        raise ConfigError(f"CUSTOMHOUSE_POLICY: {url} does not read ({error}); name a policy file in UTF-8") from error
    return load_policy(text, url)


def _content(url: str, opener: Callable[[str], Store]) -> bytes:
    if "://" not in url:
        return Path(url).read_bytes()
    folder, _, name = url.rpartition("/")
    root, prefix = split(folder)
    with opener(root).read(Location(root, prefix + name)) as body:
        return b"".join(body)


def _still(one: Outcome) -> Outcome:
    """A copy that was tagged, or could not be, is there as before."""
    return replace(one, step="copy", status="done") if one.step == "tag" and one.status != "superseded" else one


def _within(location: Location, target: Target) -> bool:
    return location.root == target.root and location.key.startswith(target.prefix)
