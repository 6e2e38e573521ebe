"""Scheduled jobs by name: each works until its time is up and goes on next time where it stopped."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from customhouse.errors import ConfigError, Transient
from customhouse.model import Event, Location, Stat
from customhouse.stores import split

if TYPE_CHECKING:
    from customhouse.app import App

Expired = Callable[[], bool]


def run(app: App, name: str, seconds: float) -> Mapping[str, object]:
    """Run the job called `name`; ConfigError when there is none."""
    if name not in JOBS:
        raise ConfigError(f"schedule: no job {name!r}; there are {', '.join(JOBS)}")
    end = time.monotonic() + seconds
    return JOBS[name](app, lambda: time.monotonic() >= end)


def reconcile(app: App, expired: Expired) -> Mapping[str, object]:
    """Process what has no record: lost events, dead runs, and everything that was there before customhouse came."""
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


JOBS: Mapping[str, Callable[[App, Expired], Mapping[str, object]]] = {"reconcile": reconcile}
