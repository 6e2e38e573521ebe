"""Process what has no record: lost events, dead runs, and what was there before customhouse came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from customhouse.errors import Malformed, Rejected, Transient
from customhouse.model import Event, Location, Stat
from customhouse.stores import split

if TYPE_CHECKING:
    from customhouse.app import App
    from customhouse.jobs import Expired

SLACK = 900.0
"""Seconds that our clock and a store's may be apart, and that a listing may lag behind."""


@dataclass(frozen=True, slots=True)
class Pass:
    """How far one pass over a listing got: it began at `began` and stands behind the key `after`.

    Everything modified up to `since` was seen to be finished by the passes before, and is not looked at again.
    """

    since: float = 0.0
    began: float = 0.0
    after: str = ""

    @classmethod
    def read(cls, text: str) -> Pass:
        """From a cursor's text; empty, or none of ours, is the first pass: that one only takes longer."""
        try:
            since, began, after = text.split(" ", 2)
            return cls(float(since), float(began), after)
        except ValueError:
            return cls()

    def __str__(self) -> str:
        return f"{self.since!r} {self.began!r} {self.after}"


_AGAIN = {"later", "failed"}

Listed = Iterator[tuple[str, Location | None]]
"""Every key of a listing, with what has to be processed there, if anything."""


def run(app: App, expired: Expired) -> Mapping[str, object]:
    """Go through the records of dead runs, then every intake, until time is up."""
    counts: Counter[str] = Counter()
    complete = _pass(app, ("unfinished", app.catalog.store.root), partial(_dead_runs, app), expired, counts)
    for url in app.settings.intake:
        complete &= _pass(app, ("reconcile", url), partial(_fresh, app, url), expired, counts)
    return {"job": "reconcile", "complete": complete, **counts}


def _pass(
    app: App, cursor: tuple[str, str], listing: Callable[[Pass], Listed], expired: Expired, counts: Counter[str]
) -> bool:
    """Process what is found from where the last run stopped; whether that got to the end before time was up."""
    at = Pass.read(app.cursors.get(*cursor))
    at = at if at.after else replace(at, began=app.clock())
    for key, location in listing(at):
        if location:
            status = _process(app, location)
            counts[status] += 1
            at = replace(at, began=at.since) if status in _AGAIN else at  # so that the next pass sees it again
        if expired():
            app.cursors.set(*cursor, str(replace(at, after=key)))
            return False
    app.cursors.set(*cursor, str(Pass(since=max(at.since, at.began - app.catalog.lease - SLACK))))
    return True


def _process(app: App, location: Location) -> str:
    try:
        return app.process(Event(location, "reconcile")).status
    except Transient:
        return "later"
    except Malformed:  # its record does not read, and no pass can mend that
        return "unreadable"
    except Rejected:
        return "failed"


def _dead_runs(app: App, at: Pass) -> Listed:
    for key, record in app.catalog.unfinished(app.clock(), at.after, at.since):
        yield key, record.location if record else None


def _fresh(app: App, url: str, at: Pass) -> Listed:
    root, prefix = split(url)
    for stat in app.store(root).list(prefix, after=at.after):
        dated = stat.location.scheme != "file"  # a file that is moved to a folder brings its own time along
        new = (stat.modified > at.since or not dated) and _new(app, stat)
        yield stat.location.key, stat.location if new else None


def _new(app: App, stat: Stat) -> bool:
    try:
        there = app.catalog.find(stat.location)
    except Malformed:
        return True  # whoever processes it says so
    return there is None or not there.record.settles(stat)
