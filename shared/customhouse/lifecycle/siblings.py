"""Which artifacts of a package a store holds: one small document a package, so that an upload need not list."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec

from customhouse.errors import Conflict, Gone, Transient
from customhouse.lifecycle.parallel import bounded
from customhouse.lifecycle.words import Artifact
from customhouse.model import Location
from customhouse.ports import Store

MOST = 100
"""Artifacts of a package that are remembered, the newest ones; the schedule sees all."""
ATTEMPTS = 5
READERS = 8


@dataclass(frozen=True, slots=True)
class Siblings:
    """The packages of every store of a deployment, under `prefix` of one store."""

    state: Store
    prefix: str = ""

    def add(self, artifact: Artifact) -> list[Artifact]:
        """Remember an artifact among its package's; all of them, as they were when they came."""
        return self._change(artifact, lambda known: [*_without(known, artifact.location), artifact])

    def forget(self, artifact: Artifact) -> None:
        """Forget an artifact that passed once and does no more: what it was then must push nothing out."""
        self._change(artifact, lambda known: _without(known, artifact.location))

    def drop(self, artifact: Artifact, gone: set[Location]) -> None:
        """Forget artifacts of a package that are no longer there."""
        if gone:
            self._change(artifact, lambda known: [one for one in known if one.location not in gone])

    def _change(self, of: Artifact, change: Callable[[list[Artifact]], list[Artifact]]) -> list[Artifact]:
        key = self._key(of)
        for _ in range(ATTEMPTS):
            known, at = self._read(key)
            wanted = sorted(change(known), key=lambda one: one.created)[-MOST:]
            if wanted == known:
                return wanted
            try:
                self.state.put(key, msgspec.json.encode(wanted), if_absent=at is None, if_match=at)
            except (Conflict, Gone):
                continue
            return wanted
        raise Transient(f"{self.state.root}/{key} was written by others {ATTEMPTS} times over")

    def _read(self, key: str) -> tuple[list[Artifact], Location | None]:
        """What is known, and where it was read; a document that does not read begins anew."""
        try:
            with self.state.read(Location(self.state.root, key)) as body:
                data, at = b"".join(body), body.stat.location
        except Gone:
            return [], None
        try:
            return msgspec.json.decode(data, type=list[Artifact]), at
        except msgspec.MsgspecError:
            return [], at

    def _key(self, of: Artifact) -> str:
        identity = f"{of.location.root}\0{of.ecosystem}\0{of.package}"
        return f"{self.prefix}lifecycle/packages/{hashlib.sha256(identity.encode()).hexdigest()}.json"


def _without(known: list[Artifact], location: Location) -> list[Artifact]:
    """All but the earlier versions of a name: in a group only the live one counts."""
    return [one for one in known if one.location.key != location.key]


def there(store: Store, known: list[Artifact]) -> list[Artifact]:
    """Those that are still what they were, with the tags and holds that are on them now; one or two calls each."""

    def look(one: Artifact) -> Artifact | None:
        try:
            found = store.stat(replace(one.location, version="", etag=""))
            if (found.location.version or found.location.etag) != (one.location.version or one.location.etag):
                return None
            tags = store.tags(found.location) if found.tags is None else found.tags
            return replace(one, tags=tags, held=bool(found.held), locked_until=found.locked_until)
        except (Gone, Conflict):
            return None

    return [one for one in bounded(look, known, READERS) if one is not None]
