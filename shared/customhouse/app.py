"""The one place that knows core and adapters: built once per container, then one event after the other."""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import msgspec

from customhouse import scanners, settings
from customhouse.catalog import Catalog, Cursors, Held, Inspections, Planned, Record
from customhouse.errors import Conflict, Denied, Gone, Rejected, Transient
from customhouse.lifecycle.rules import TRASH
from customhouse.model import Coverage, Decision, Event, Inspection, Location, Outcome, Skip, SkipReason, Stat, Step
from customhouse.notifiers import open_notifier
from customhouse.policy.decide import decide
from customhouse.policy.load import Loaded, default
from customhouse.policy.load import load as load_policy
from customhouse.ports import Body, Notifier, Store
from customhouse.settings import Settings
from customhouse.steps.apply import apply
from customhouse.steps.plan import Target, plan
from customhouse.stores import open_store, split


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
    def scanners(self) -> Sequence[scanners.Scanner]:
        """The scanners of the policy, engines ready."""
        return scanners.load(self.policy.policy.scanners)

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
            return self._judge(body)

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
        inspection = self._inspect(body)
        return self._decide(held, body.stat, inspection)

    def _inspect(self, body: Body) -> Inspection:
        chosen = self.policy
        return self.inspections.inspect(body, self.scanners, chosen.limits, chosen.policy.scanners)

    def _decide(self, held: Held, stat: Stat, inspection: Inspection) -> Result:
        policy, today = self.policy.policy, dt.datetime.fromtimestamp(self.clock(), dt.UTC).date()
        decision = decide(policy, inspection, stat.location.key, today)
        actions = self._allowed(policy.actions.get(decision.verdict, ()), stat.location)
        steps = plan(decision, inspection, stat, actions, targets=self.targets, notify=self.settings.notify)
        record = msgspec.structs.replace(
            held.record,
            decision=decision,
            inspection=inspection,
            decided=self.clock(),
            policy=self.policy.digest,
            planned=Planned.of(steps),
        )
        if not self._current(stat.location):
            return self._finish(held, record, [Outcome("check", "superseded", stat.location)])
        if record.planned.deletes:  # whoever finds the object gone must find out why
            held = self.catalog.save(held, msgspec.structs.replace(record, state="decided"))
        return self._act(Held(record, held.at), steps)

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
        try:
            outcomes = list(apply(steps, self.store, self.open_notifier))
        except Denied as error:
            raise Transient(f"not allowed, and needed: {error}") from error
        return self._finish(held, held.record, outcomes)

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
        today = dt.datetime.fromtimestamp(self.clock(), dt.UTC).date()
        decision: Decision = decide(self.policy.policy, inspection, location.key, today)
        notify = self.settings.notify
        steps = plan(decision, inspection, stat, ["notify"], targets={}, notify=notify)
        record = msgspec.structs.replace(
            held.record, decision=decision, inspection=inspection, decided=self.clock(), policy=self.policy.digest
        )
        return self._act(Held(record, held.at), steps)


def load(environment: Mapping[str, str] | None = None) -> App:
    """Build the app from the environment; ConfigError, one line, when it cannot work."""
    chosen = settings.read(os.environ if environment is None else environment)

    def opener(root: str) -> Store:
        return open_store(root, chosen.options if root.startswith("az:") else {})

    def notifier(url: str) -> Notifier:
        return open_notifier(url, chosen.notify_secret)

    return App(chosen, _policy(chosen.policy, opener), opener, notifier)


def _policy(url: str, opener: Callable[[str], Store]) -> Loaded:
    if not url:
        return default()
    if "://" not in url:
        return load_policy(Path(url).read_text(encoding="utf-8"), url)
    folder, _, name = url.rpartition("/")
    root, prefix = split(folder)
    with opener(root).read(Location(root, prefix + name)) as body:
        return load_policy(b"".join(body).decode(), url)


def _within(location: Location, target: Target) -> bool:
    return location.root == target.root and location.key.startswith(target.prefix)
