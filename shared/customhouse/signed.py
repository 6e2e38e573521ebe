"""Artifacts and what stands beside them: judged together, and again when a signature comes later."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, cast

from customhouse.errors import Gone, Malformed
from customhouse.inspect.names import printable
from customhouse.model import Event, Inspection, Location, Stat
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
        around = self._look(location)
        hashed = Hashing(body, self._needs(body.stat, around))
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
        try:
            stat = self._app.store(where.root).stat(where)
        except Gone:  # not here yet, or no longer: who comes now finds the signature beside it
            return
        there = self._app.catalog.find(stat.location)
        if there is None or not there.record.finished or there.record.modified != stat.modified:
            self._app.process(Event(stat.location, "signature"))  # unless another run is at it, this comes first
            return
        inspection = there.record.inspection
        if inspection and all(one.location != signature for one in inspection.signatures):
            self._judge_again(there, stat, inspection)

    def _judge_again(self, there: Held, stat: Stat, inspection: Inspection) -> None:
        """Only the signatures are looked at; the bytes are read again where a digest of them is not known yet."""
        location, around = stat.location, self._look(stat.location)
        rule = self._scanner.rule(location.key)
        missing = self._needs(stat, around) - inspection.digests.keys()
        digests = {}
        if missing:
            with self._app.store(location.root).read(location) as body:
                digests = Hashing(body, missing).digests()
        if rule is not None:
            judge = self._scanner.judge(inspection, rule, printable(location.key), digests)
            self._app.rejudge(there, judge.apply(inspection, around))

    def _needs(self, stat: Stat, around: Surroundings) -> set[str]:
        """The digests to compute: none of what is too large to be read whole."""
        whole = stat.size <= self._app.policy.limits.artifact
        return self._scanner.needs(stat.location.key, around) if whole else set()

    def _look(self, location: Location) -> Surroundings:
        return look(self._app.store(location.root), location, self._scanner.names, self._scanner.largest)

    def _read(self, location: Location) -> Beside:
        file = read(self._app.store(location.root), location, self._scanner.largest)
        return file or Beside(location, None, "gone")
