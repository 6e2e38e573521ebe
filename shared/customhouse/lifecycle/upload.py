"""At upload: label what a native rule will delete, and enforce keep-latest for the package that just grew."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from customhouse.catalog import Catalog, Record
from customhouse.errors import Conflict, CustomhouseError, Gone, Rejected
from customhouse.lifecycle import installed
from customhouse.lifecycle.arming import Arms
from customhouse.lifecycle.asking import asks_dates, asks_reads
from customhouse.lifecycle.dates import Dates
from customhouse.lifecycle.execute import DONE, FAILED, SUPERSEDED, Bucket, Guard, execute
from customhouse.lifecycle.inventory import live
from customhouse.lifecycle.inventory.records import places
from customhouse.lifecycle.native.words import Compiled
from customhouse.lifecycle.plan import Item, make
from customhouse.lifecycle.rules import TRASH, Rule
from customhouse.lifecycle.siblings import Siblings, there
from customhouse.lifecycle.words import Action, Artifact
from customhouse.model import Location, Outcome
from customhouse.ports import LifecycleTarget, Store

REMEMBERED = 600.0
"""Seconds for which the native rules of a bucket are taken as known."""
LEFT = "left"
"""The status of what is seen to later."""
MOST = 10
"""Artifacts that one upload may push out. More are due where a rule is new: those wait for the schedule, whose plan
is held against the blast radius."""


def enforce(rules: Sequence[Rule], artifact: Artifact, siblings: Sequence[Artifact], now: float) -> list[Item]:
    """What an upload pushes out of the latest N of its package: the items to apply at once.

    `siblings` are all artifacts of the same store and package, the new one included. Only rules that keep the latest
    per package are asked, but all that keep anything are heard. Without a known package nothing is enforced, nor
    where a rule asks for what the upload path does not know: what is in use, when it was last read, or the dates of
    others that it would keep.
    """
    sparing = any(rule.expires and rule.action in {Action.KEEP, Action.HOLD} for rule in rules)
    if not artifact.package or sparing or any(rule.protect.in_use for rule in rules) or asks_reads(rules):
        return []
    pushing = {rule.id for rule in rules if _pushes(rule)}
    group = [one for one in siblings if (one.ecosystem, one.package) == (artifact.ecosystem, artifact.package)]
    return [item for item in make(rules, group, now).items() if item.rule in pushing]


def _pushes(rule: Rule) -> bool:
    """Whether an upload can make a rule act on others; the dates of those may have changed since they came."""
    return rule.keep is not None and rule.keep.per == "package" and not rule.expires


@dataclass(frozen=True, slots=True)
class Uploads:
    """What the upload path does for the rules; `state` under `prefix` is where lifecycle remembers things."""

    rules: Sequence[Rule]
    store: Callable[[str], Store]
    target: Callable[[str], LifecycleTarget | None]
    state: Store
    prefix: str = ""
    remembered: dict[str, tuple[float, Compiled | None]] = field(default_factory=dict)

    def after(self, record: Record, outcomes: Sequence[Outcome], now: float) -> Iterator[Outcome]:
        """See to an artifact wherever it stands now that its verdict's steps were done with these `outcomes`.

        Each place is armed by the rule that selects it, and where the artifact passed, what its package has too many
        of is retired, conditional on every version as in `apply`. May be done twice. What fails is an outcome, never
        raised: the schedule does it later, and no verdict waits for it.
        """
        deleted = {one.location for one in outcomes if one.step == "delete" and one.status == DONE}
        for location in _stands(record, outcomes):
            if asks_dates(self.rules) and location != record.location:
                yield from self._tried("date", location, partial(self._carry, record.location, location))
            here = any(not rule.root or location.root in rule.root for rule in self.rules)
            if here and location not in deleted and not location.key.startswith(TRASH):  # which has its own label
                yield from self._tried("arm", location, partial(self._arm, record, location, now))
                yield from self._tried("retire", location, partial(self._retire, record, location, now))

    def date(self, location: Location, expires_at: float | None, now: float) -> Iterator[Outcome]:
        """Say when one version expires (None: never), and the copies that were made of it; label them anew.

        `left` tells of an artifact that is still being looked at: its copies are not known yet.
        """
        held = Catalog(self.state, self.prefix).find(location)
        self.dates.set(location, expires_at)
        record = held.record if held else None
        copies = [one for one in places(record) if one != location and self._there(one)] if record else []
        for place in copies:
            self.dates.set(place, expires_at)
        for place in (location, *copies):
            yield Outcome("date", DONE, place)
            yield from self._tried("arm", place, partial(self._arm, record, place, now))
        if record and not record.finished:
            yield Outcome("date", LEFT, location, "it is still being looked at: say it again once that is done")

    @property
    def dates(self) -> Dates:
        """The dates of single artifacts."""
        return Dates(self.state, self.prefix)

    def _there(self, location: Location) -> bool:
        try:
            self.store(location.root).stat(location)
        except (Gone, Conflict):
            return False
        return True

    def _carry(self, upload: Location, copy: Location) -> list[Outcome]:
        self.dates.carry(upload, copy)
        return []

    @staticmethod
    def _tried(step: str, location: Location, work: Callable[[], list[Outcome]]) -> list[Outcome]:
        try:
            return work()
        except CustomhouseError as error:
            return [Outcome(step, FAILED, location, str(error))]

    def _arm(self, record: Record | None, location: Location, now: float) -> list[Outcome]:
        """Label the artifact, or take off a label that no rule puts on it."""
        compiled = self._compiled(location.root, now)
        target = self.target(location.root) if compiled and compiled.labels else None
        if compiled is None or target is None:
            return []
        arms = Arms(self.rules, compiled, self.store(location.root), target)
        return arms.set(self._artifact(record, location))

    def _compiled(self, root: str, now: float) -> Compiled | None:
        """What is installed in a bucket, asked for once in a while."""
        asked, found = self.remembered.get(root, (0.0, None))
        if root not in self.remembered or now - asked > REMEMBERED:
            known = installed.load(self.state, self.prefix, root)
            found = known.compiled(self.rules) if known else None
            self.remembered[root] = now, found
        return found

    def _artifact(self, record: Record | None, location: Location) -> Artifact:
        """The row that an inventory would have of it."""
        store = self.store(location.root)
        stat = store.stat(location)
        if stat.tags is None:
            stat = replace(stat, tags=store.tags(stat.location))
        facts = live.known(record.decision, record.inspection) if record else None
        found = live.artifact(stat, facts, None)
        return replace(found, expires_at=self.dates.get(location)) if asks_dates(self.rules) else found

    def _retire(self, record: Record, location: Location, now: float) -> list[Outcome]:
        facts = live.known(record.decision, record.inspection)
        here = [rule for rule in self.rules if not rule.root or location.root in rule.root]
        pushing = [rule for rule in here if _pushes(rule)]
        if not facts.package or not pushing:
            return []
        known = Siblings(self.state, self.prefix)
        if not (record.decision and record.decision.verdict.passes):
            known.forget(Artifact(location, 0, 0.0, ecosystem=facts.ecosystem, package=facts.package))
            return []
        artifact, store = self._artifact(record, location), self.store(location.root)
        group = known.add(artifact)
        if len(group) <= min(rule.keep.latest for rule in pushing if rule.keep):
            return []
        standing = there(store, group)
        due = enforce(here, artifact, standing, now)
        if len(due) > MOST:
            raise Rejected(f"{len(due)} artifacts of {facts.package} are due at once: left to the schedule")
        bucket = Bucket(store, self.target(location.root))
        protect = {rule.id: dict(rule.protect.tag) for rule in here}
        done = [execute(item, bucket, Guard(protect[item.rule], now, now)) for item in due]
        gone = {one.location for one in group} - {one.location for one in standing}
        known.drop(artifact, gone | {one.location for one in done if one.step == "delete" and one.status == DONE})
        return [_reported(one) for one in done]


def _reported(one: Outcome) -> Outcome:
    """What came of another artifact, in the record of this one: its being superseded is not this one's."""
    status = LEFT if one.status == SUPERSEDED else one.status
    return replace(one, step=f"retire {one.step}", status=status)


def _stands(record: Record, outcomes: Sequence[Outcome]) -> Iterator[Location]:
    """The upload itself, as tagging left it, and its copies; what was superseded is somebody else's."""
    done = {one.step: one.location for one in outcomes if one.status == DONE and one.step == "tag"}
    if not any(one.status == "superseded" for one in outcomes):
        yield done.get("tag", record.location)
        yield from (one.location for one in outcomes if one.step == "copy" and one.status == DONE)
