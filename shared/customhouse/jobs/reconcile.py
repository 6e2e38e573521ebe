"""Process what has no record: lost events, dead runs, and what was there before customhouse came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from customhouse.errors import Transient
from customhouse.model import Event, Location, Stat
from customhouse.stores import split

if TYPE_CHECKING:
    from customhouse.app import App
    from customhouse.jobs import Expired


def run(app: App, expired: Expired) -> Mapping[str, object]:
    """Go through the records of dead runs, then every intake, until time is up."""
    counts: Counter[str] = Counter()
    complete = _each(app, ("unfinished", app.catalog.store.root), _dead_runs(app), expired, counts)
    for url in app.settings.intake:
        root, prefix = split(url)
        after = app.cursors.get("reconcile", url)
        fresh = (
            (stat.location.key, stat.location) for stat in app.store(root).list(prefix, after=after) if _new(app, stat)
        )
        complete &= _each(app, ("reconcile", url), fresh, expired, counts)
    return {"job": "reconcile", "complete": complete, **counts}


def _each(
    app: App, cursor: tuple[str, str], found: Iterator[tuple[str, Location]], expired: Expired, counts: Counter[str]
) -> bool:
    """Process every location found; whether that got to the end before time was up."""
    last = ""
    for key, location in found:
        counts[_process(app, location)] += 1
        last = key
        if expired():
            app.cursors.set(*cursor, last)
            return False
    if last or app.cursors.get(*cursor):
        app.cursors.set(*cursor, "")
    return True


def _process(app: App, location: Location) -> str:
    try:
        return app.process(Event(location, "reconcile")).status
    except Transient:
        return "later"


def _dead_runs(app: App) -> Iterator[tuple[str, Location]]:
    after = app.cursors.get("unfinished", app.catalog.store.root)
    return ((key, record.location) for key, record in app.catalog.unfinished(app.clock(), after))


def _new(app: App, stat: Stat) -> bool:
    there = app.catalog.find(stat.location)
    if there is None or not there.record.finished:
        return True
    return not stat.location.version and there.record.modified != stat.modified
