"""Keep the vulnerability index as new as the archives that it is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from customhouse.errors import CustomhouseError, Rejected, Transient
from customhouse.jobs.rematch import pinned
from customhouse.stores import split
from customhouse.vulnerabilities.archives import Archive, load, renew, union
from customhouse.vulnerabilities.build import publish
from customhouse.vulnerabilities.sources import HttpSource, Source, StoreSource

if TYPE_CHECKING:
    from customhouse.app import App
    from customhouse.jobs import Expired


def run(app: App, expired: Expired) -> Mapping[str, object]:
    """Look at every archive, the one that was looked at longest ago first, until time is up; then publish.

    The index is as old as the archive that was looked at longest ago: one that is never reached makes it stale. An
    archive that fails leaves what was built of it; where all of them fail, the first error is raised.
    """
    if app.library is None:
        return {"job": "advisories", "complete": True, "unused": True}
    built = {name: load(app.library, name) for name in app.settings.ecosystems}
    counts: Counter[str] = Counter()
    failures: dict[str, CustomhouseError] = {}
    source = _source(app)
    for name in sorted(built, key=lambda name: built[name].checked):
        if expired():
            counts["later"] = len(built) - counts.total() - len(failures)
            break
        try:
            fresh = renew(app.library, name, source, app.clock(), expired)
        except (Transient, Rejected) as error:
            failures[name] = error
            continue
        counts["unchanged" if fresh.shards == built[name].shards else "changed"] += 1
        built[name] = fresh
    _publish(app, {name: one for name, one in built.items() if one.checked}, failures)
    failed = {name: str(error) for name, error in failures.items()}
    return {"job": "advisories", "complete": not failed and not counts["later"], **counts, "failed": failed}


def _publish(app: App, built: Mapping[str, Archive], failures: Mapping[str, CustomhouseError]) -> None:
    if app.library is None or not built or len(failures) == len(app.settings.ecosystems):
        for error in failures.values():
            raise error
        return
    publish(app.library, union(built), min(one.checked for one in built.values()), pinned(app.library))


def _source(app: App) -> Source:
    """A URL of the web, a store, or a folder of this machine."""
    url = app.settings.advisories
    if url.startswith(("https://", "http://")):
        return HttpSource(url)
    root, prefix = split(url if "://" in url else f"file://{Path(url).resolve()}")
    return StoreSource(app.store(root), prefix)
