"""Artifacts and what stands beside them: judged together, and again when a signature comes later."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, cast

import msgspec

from customhouse.errors import Conflict, Gone, Malformed
from customhouse.inspect.names import printable
from customhouse.model import Event, Inspection, Location, Stat, Verdict
from customhouse.signatures.beside import Beside, Surroundings, look, read
from customhouse.signatures.checksums import parse
from customhouse.signatures.hashing import Hashing
from customhouse.signatures.judge import SCANNER, itself
from customhouse.signatures.names import listed

if TYPE_CHECKING:
    from customhouse.app import App
    from customhouse.catalog import Held
    from customhouse.ports import Body
    from customhouse.scanners.signatures import Signatures

LISTED = 1000
"""Artifacts that are decided again for one list of checksums."""


class Signed:
    """What an app does about signatures, where its policy asks for them."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._scanner = cast("Signatures", next(one for one in app.scanners if one.name == SCANNER))

    def inspect(self, body: Body, inspect: Callable[[Body], Inspection]) -> Inspection:
        """Inspect an artifact and judge it with what stands beside it, by what stood there when this began."""
        location, shown = body.stat.location, printable(body.stat.location.key)
        if self._scanner.names.about(location.key):
            return itself(inspect(body), self._read(location), shown, self._scanner.names)
        rule = self._scanner.rule(location.key)
        if rule is None:
            return inspect(body)
        name = f"{location.root}/{location.key}"
        self._app.cursors.set(SCANNER, name, msgspec.json.encode(location).decode())  # it may move before it is signed
        around = self._look(location)
        hashed = Hashing(body, self._needs(location.key, body.stat.size, around))
        inspection = inspect(hashed)
        return self._scanner.judge(inspection, rule, shown, hashed.digests()).apply(inspection, around)

    def reopen(self, location: Location) -> None:
        """Decide again about whatever the signature or the checksums at `location` speak of.

        May be called any number of times: who was judged with this file already is not judged again. Transient where
        an artifact is being worked on, which asks for another delivery of this file's event.
        """
        for key in islice(self._subjects(location), LISTED):
            self._again(Location(location.root, key), location)

    def _subjects(self, location: Location) -> Iterator[str]:
        names = self._scanner.names
        listing = location.key if names.is_manifest(location.key) else names.subject(location.key)
        if not names.is_manifest(listing):
            return iter([listing] if listing else [])
        try:
            return listed(
                listing, (entry.name for entry in parse(self._read(Location(location.root, listing)).data or b""))
            )
        except Malformed:
            return iter(())

    def _again(self, where: Location, signature: Location) -> None:
        if self._scanner.rule(where.key) is None:
            return
        stat = self._stat(where)
        there = self._record(where, stat)
        if there is None and stat is None:  # who comes now finds the signature beside it
            return
        if there is None or not there.record.finished:
            location = there.record.location if there else cast("Stat", stat).location
            self._app.process(Event(location, "signature"))  # unless another run is at it, this comes first
            return
        inspection = there.record.inspection
        if inspection and all(one.location != signature for one in inspection.signatures):
            self._judge_again(there, stat, inspection)

    def _record(self, where: Location, stat: Stat | None) -> Held | None:
        """The record of what stands at a name, or of what was there last and let through, wherever that is now."""
        there = self._app.catalog.find(stat.location) if stat else None
        if there and stat:
            return there if not there.record.finished or there.record.modified == stat.modified else None
        last = self._app.cursors.get(SCANNER, f"{where.root}/{where.key}")
        there = self._app.catalog.find(msgspec.json.decode(last, type=Location)) if last else None
        if there is None or stat is None:
            decision = there.record.decision if there else None
            return there if decision and decision.verdict.passes else None
        moved = any(one.location == stat.location for one in there.record.outcomes)  # a tag gave it a new etag
        return there if moved else None

    def _judge_again(self, there: Held, stat: Stat | None, inspection: Inspection) -> None:
        """Only the signatures are looked at; the bytes are read again where a digest of them is not known yet."""
        location = there.record.location
        around, rule = self._look(location), self._scanner.rule(location.key)
        missing = self._needs(location.key, inspection.size, around) - inspection.digests.keys()
        copies = [one.location for one in there.record.outcomes if (one.step, one.status) == ("copy", "done")]
        digests = self._digests([stat.location] if stat else copies, missing) if missing else {}
        if rule is not None and digests is not None:
            judge = self._scanner.judge(inspection, rule, printable(location.key), digests)
            self._app.rejudge(there, judge.apply(inspection, around))

    def _digests(self, places: Sequence[Location], algorithms: set[str]) -> dict[str, str] | None:
        """Of the first that is still what it was; None where none is, and nothing is left to decide about."""
        for place in places:
            with suppress(Gone, Conflict), self._app.store(place.root).read(place) as body:
                return Hashing(body, algorithms).digests()
        return None

    def _stat(self, where: Location) -> Stat | None:
        try:
            return self._app.store(where.root).stat(where)
        except Gone:
            return None

    def _needs(self, key: str, size: int, around: Surroundings) -> set[str]:
        """The digests to compute: none of what is too large to be read whole."""
        return self._scanner.needs(key, around) if size <= self._app.policy.limits.artifact else set()

    def _look(self, location: Location) -> Surroundings:
        """What stands beside an artifact where it was uploaded, and where the policy moves what it lets through."""
        names, most = self._scanner.names, self._scanner.largest
        around = [look(self._app.store(place.root), place, names, most) for place in self._places(location)]
        files = tuple(file for one in around for file in one.files)
        return Surroundings(files, crowded=any(one.crowded for one in around))

    def _read(self, location: Location) -> Beside:
        for place in self._places(location):
            if file := read(self._app.store(place.root), place, self._scanner.largest):
                return file
        return Beside(location, None, "gone")

    def _places(self, location: Location) -> list[Location]:
        released = self._app.targets.get("released")
        actions = self._app.policy.policy.actions
        moves = any("delete" in actions.get(verdict, ()) for verdict in Verdict if verdict.passes)
        if released is None or not moves:
            return [location]
        return [location, Location(released.root, released.prefix + location.key)]
