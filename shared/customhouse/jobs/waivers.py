"""A waiver ran out, or was taken back: what it let through is decided again, without reading the artifact."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from customhouse.catalog import Record
from customhouse.catalog.record import key_of
from customhouse.errors import Transient
from customhouse.lifecycle.inventory.records import read
from customhouse.policy.decide import decide
from customhouse.policy.model import Policy

if TYPE_CHECKING:
    from customhouse.app import App
    from customhouse.jobs import Expired

DONE, LATER = "done", "later"


def run(app: App, expired: Expired) -> Mapping[str, int]:
    """Go through the records once for every set of waivers in force, until time is up.

    What another run had at that time is looked at again: the next run begins before the first of those.
    """
    today, policy = dt.datetime.fromtimestamp(app.clock(), dt.UTC).date(), app.policy.policy
    state, stored = in_force(policy, today), app.cursors.get("waivers", "records")
    before, _, last = stored.partition(" ")
    if (before, last) == (state, DONE) or not (policy.waivers or stored):
        return {}
    counts: Counter[str] = Counter()
    after = last if before == state and last != DONE else ""
    for record in read(app.catalog.store, app.catalog.prefix, after):
        if rests_on_nothing(policy, record, today):
            counts[_again(app, record)] += 1
        if not counts[LATER]:
            after = f"{app.catalog.prefix}{key_of(record.location)}"
        if expired():
            break
    else:
        after = after if counts[LATER] else DONE
    app.cursors.set("waivers", "records", f"{state} {after}")
    return +counts


def in_force(policy: Policy, today: dt.date) -> str:
    """A digest of the waivers that hold today."""
    live = [waiver for waiver in policy.waivers if today <= waiver.expires]
    return hashlib.sha256(msgspec.json.encode(live)).hexdigest()[:16]


def rests_on_nothing(policy: Policy, record: Record, today: dt.date) -> bool:
    """Whether a record's verdict accepted a finding that no waiver covers any more."""
    if not (record.finished and record.decision and record.decision.waived and record.inspection):
        return False
    now = decide(policy, record.inspection, record.location.key, today)
    return not set(record.decision.waived) <= set(now.waived)


def _again(app: App, record: Record) -> str:
    """Decide it anew; `later` where another run has the record, or a store is busy."""
    held = app.catalog.find(record.location)
    if held is None or held.record.inspection is None:
        return "superseded"
    try:
        return app.rejudge(held, held.record.inspection).status
    except Transient:
        return LATER
