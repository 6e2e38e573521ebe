"""A deployment whose policy asks for vulnerabilities, and a mirror of OSV's archives in a store."""

from __future__ import annotations

import io
import time
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

from customhouse.policy.load import load
from customhouse.stores.memory import MemoryStore
from tests.app.world import World
from tests.vulnerabilities.support import record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from customhouse.app import App
    from customhouse.ports import Store

POLICY = load(
    """
version: 1
scanners:
  packages: {}
  vulnerabilities: {max_age: 7}
rules:
  - {name: serious, when: {severity: high}, verdict: quarantined}
  - {name: unseen, when: {complete: false}, verdict: held}
  - {name: known, when: {severity: low}, verdict: flagged}
  - {name: seen, verdict: clean}
actions:
  clean: [tag, promote]
  flagged: [tag, promote, notify]
  held: [tag, notify]
  quarantined: [quarantine, notify]
""",
    "test.yaml",
)
NOW, DAY = time.time(), 86_400.0  # what memory stores date their objects by
LOCK = b'{"packages": {"node_modules/a": {"version": "1.0.0"}}}'


def advisory(identity: str = "GHSA-1", name: str = "a", fixed: str = "1.2.0", severity: str = "HIGH") -> bytes:
    """One record about an npm package."""
    return record(
        identity, "npm", name, ("introduced", "0"), ("fixed", fixed), database_specific={"severity": severity}
    )


def archived(*records: bytes) -> bytes:
    """An `all.zip`."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as opened:
        for number, data in enumerate(records):
            opened.writestr(f"{number}.json", data)
    return file.getvalue()


class Mirror:
    """A store laid out as OSV's, and the deployment that reads it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.store = MemoryStore(world.stores["intake"].root.replace("intake", "mirror"))

    def hold(self, **archives: bytes) -> None:
        for name, data in archives.items():
            self.store.put(f"osv/{name}/all.zip", data)

    def app(
        self,
        now: float = NOW,
        ecosystems: tuple[str, ...] = ("npm",),
        wrap: Callable[[Store], Store] = lambda store: store,
    ) -> App:
        app = self.world.app(policy=POLICY, now=now)
        roots = {store.root: store for store in (*self.world.stores.values(), wrap(self.store))}
        settings = replace(app.settings, advisories=f"{self.store.root}/osv", ecosystems=ecosystems)
        return replace(app, settings=settings, open_store=lambda root: roots[root])

    def run(self, job: str, now: float = NOW, seconds: float = 60, **more: object) -> Mapping[str, object]:
        return self.app(now, **more).run_schedule(job, seconds)  # type: ignore[arg-type]  # ecosystems and wrap
