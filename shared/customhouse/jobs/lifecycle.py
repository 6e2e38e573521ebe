"""Retire what is due: in each store, plan what the cloud does not do by itself, and apply it within the time there is.

Where a waiver ran out, what it let through is decided again first, so that nothing is kept or deleted by a verdict
that no longer holds. Uploads whose event was lost are the job `reconcile`'s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from customhouse.errors import ConfigError, Rejected, Transient
from customhouse.jobs import waivers
from customhouse.lifecycle import installed
from customhouse.lifecycle.arming import Arms
from customhouse.lifecycle.asking import asks_dates
from customhouse.lifecycle.dates import Dates, by_any_name
from customhouse.lifecycle.execute import Bucket
from customhouse.lifecycle.inventory import in_use
from customhouse.lifecycle.inventory.records import Records
from customhouse.lifecycle.inventory.version import Identity
from customhouse.lifecycle.limits import Limits
from customhouse.lifecycle.rules import digest
from customhouse.lifecycle.schedule import Job, Run
from customhouse.lifecycle.schedule import run as go_on
from customhouse.model import Location
from customhouse.ports import Store
from customhouse.stores import split
from customhouse.stores.open_lifecycle import open_target

if TYPE_CHECKING:
    from customhouse.app import App
    from customhouse.jobs import Expired

PAUSE = 20 * 3600.0
"""Seconds between two plans over one store: the schedule comes more often, to go on with what it began."""

FEW = 100
"""Deletes that need not be a small share of their store: nobody is there to say yes."""


def run(app: App, expired: Expired) -> Mapping[str, object]:
    """Go through every store that the rules are about, until time is up.

    A store that is busy (Transient) is told to the platform once the others had their turn.
    """
    rules = app.policy.lifecycle
    counts = Counter(waivers.run(app, expired))
    refused: list[str] = []
    busy: Transient | None = None
    complete, planned = True, False
    known = _Known(app)
    for url in subjects(app) if rules else ():
        if expired():
            complete = False
            break
        try:
            done = _one(app, url, expired, known)
        except Rejected as error:  # a store that is not there, or may not be listed, holds up no other
            refused.append(f"{url}: {error}")
            continue
        except Transient as error:
            busy = error
            continue
        if done is not None:
            planned = True
            counts.update(done.statuses)
            refused += [done.refused] if done.refused else []
            complete &= not done.cursor
    if busy is not None:
        raise busy
    if planned and complete and asks_dates(rules):
        Dates(app.catalog.store, app.catalog.prefix).tidy(app.store, app.clock())
    told = {"outdated": known.outdated} if known.outdated else {}
    return {"job": "lifecycle", "complete": complete, "rules": len(rules), "refused": refused, **told, **counts}


def subjects(app: App) -> list[str]:
    """The stores to plan for: those of the settings, and any other whole one that a rule names."""
    settings = app.settings
    ours = [url.rstrip("/") for url in (*settings.intake, settings.released, settings.quarantine) if url]
    named = {root for rule in app.policy.lifecycle for root in rule.root if not root.startswith("oci:")}
    everywhere = any(not rule.root for rule in app.policy.lifecycle)
    asked = [url for url in dict.fromkeys(ours) if split(url)[0] not in named and everywhere]
    return [*asked, *sorted(named)]


class _Known:
    """What is known beyond the stores, read when the first plan asks for it."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.outdated: list[str] = []

    @cached_property
    def records(self) -> Records:
        """The records, one by one or all, as far as plans ask for them."""
        return Records(self._app.catalog)

    @cached_property
    def dates(self) -> Mapping[Identity, float]:
        """The dates of single artifacts, where a rule asks for them."""
        catalog = self._app.catalog
        dates = Dates(catalog.store, catalog.prefix) if asks_dates(self._app.policy.lifecycle) else ()
        return by_any_name(dates)


def _one(app: App, url: str, expired: Expired, known: _Known) -> Run | None:
    """One store's turn; None where it had one not long ago."""
    now, policy = app.clock(), digest(app.policy.lifecycle)
    cursor = app.cursors.get("lifecycle", url)
    word, _, rest = cursor.partition(" ")
    if word == policy and now < float(rest):
        return None
    done = go_on(_job(app, url, known), now, expired, "" if word == policy else cursor)
    app.cursors.set("lifecycle", url, done.cursor or f"{policy} {now + PAUSE}")
    return done


def _job(app: App, url: str, known: _Known) -> Job:
    root, prefix = split(url)
    state, rules = app.catalog, app.policy.lifecycle
    options = app.settings.options if root.startswith("az:") else {}
    store, target = app.store(root), open_target(root, options)
    there = installed.load(state.store, state.prefix, root)
    known.outdated += filter(None, [installed.outdated(there, rules)])
    native = there.compiled(rules) if there else None
    return Job(
        bucket=Bucket.of(store, target),
        rules=rules,
        state=state.store,
        prefix=f"{state.prefix}lifecycle/",
        marks=native.used if native else {},
        arms=Arms(rules, native, store, target) if native and target else None,
        lookup=known.records,
        dates=known.dates,
        in_use=_in_use(app),
        lists=app.settings.in_use,
        within=prefix,
        limits=Limits(few=FEW),
        ours=state.prefix if state.store.root == root else None,
    )


def _in_use(app: App) -> frozenset[str] | None:
    """What the configured lists name; None without any, so that rules which protect what is in use refuse to plan."""
    found = [in_use.parse(read_text(name, app.store), name) for name in app.settings.in_use]
    return frozenset[str]().union(*found) if found else None


def read_text(name: str, store: Callable[[str], Store]) -> str:
    """A file of this machine, or an object by its store URL."""
    if "://" not in name:
        return _file(name)
    folder, _, last = name.rpartition("/")
    root, prefix = split(folder)
    with store(root).read(Location(root, prefix + last)) as body:
        return _text(b"".join(body), name)


def _file(name: str) -> str:
    try:
        return _text(Path(name).read_bytes(), name)
    except OSError as error:
        raise ConfigError(f"{name}: {error.strerror}; name a file that can be read") from None


def _text(data: bytes, name: str) -> str:
    """Text, whole: a name of which a letter is lost names nothing, and so protects nothing."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise ConfigError(f"{name}: not UTF-8 text; save it as such") from None
