"""Match what records say of packages with a changed vulnerability index, and decide again where that matters."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TYPE_CHECKING, cast

import msgspec

from customhouse.catalog import Held
from customhouse.catalog.record import decode
from customhouse.errors import Gone, Malformed, Rejected, Transient
from customhouse.jobs.renewal import renewed
from customhouse.model import Inspection, Location
from customhouse.vulnerabilities import shards
from customhouse.vulnerabilities.index import SCANNER, Index
from customhouse.vulnerabilities.rematch import Difference

if TYPE_CHECKING:
    from customhouse.app import App
    from customhouse.jobs import Expired
    from customhouse.scanners.vulnerabilities import Vulnerabilities
    from customhouse.vulnerabilities.library import Library

_STATE = f"{shards.PREFIX}/rematched.json"
_READERS = 16
_BATCH, _PART = 256, 16
_OVERLAP = 3600.0
"""Seconds for which a function may go on with an index that has been replaced."""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """How far the records are: all of them at `done`, those up to the key `after` at `goal`.

    `since` and `began` are when the round for each began (UTC epoch seconds): records that were written later may
    have been matched with any index. `later` are keys of records to try again.
    """

    done: shards.Manifest | None = None
    since: float = 0.0
    goal: shards.Manifest | None = None
    began: float = 0.0
    after: str = ""
    later: tuple[str, ...] = ()


@dataclass(slots=True)
class Round:
    """One way through the records, towards one index."""

    app: App
    index: Index
    touches: Callable[[Inspection], bool]
    counts: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)

    def read(self, key: str) -> Held | None:
        """The record at a key of the store; None where there is none, or none that could be decided again."""
        store = self.app.catalog.store
        try:
            with store.read(Location(store.root, key)) as body:
                held = Held(decode(b"".join(body)), body.stat.location)
        except Gone:
            return None
        except Malformed:
            self.counts["unreadable"] += 1
            return None
        return held if held.record.finished and held.record.inspection else None

    def read_all(self, keys: Sequence[tuple[str, bool]]) -> list[tuple[str, bool, Held | None]]:
        """The records at some keys, each with what was known of its key."""
        return [(key, certainly, self.read(key)) for key, certainly in keys]

    def renew(self, held: Held, *, certainly: bool) -> None:
        """Match one record; what makes no difference is not written."""
        before = cast("Inspection", held.record.inspection)
        if not certainly and not self.touches(before):
            return
        self.counts["matched"] += 1
        fresh = renewed(before, self.index)
        if (set(fresh.findings), fresh.coverage) == (set(before.findings), before.coverage):
            return
        try:
            self.counts[self.app.rejudge(held, fresh).status] += 1
        except (Transient, Rejected):
            self.counts["later"] += 1
            self.failed.append(held.at.key)


def pinned(library: Library) -> frozenset[str]:
    """Digests of the shards that a rematch still needs."""
    state = _load(library)
    return frozenset[str]().union(*(manifest.digests for manifest in (state.done, state.goal) if manifest))


def run(app: App, expired: Expired) -> Mapping[str, object]:
    """Go through the records, towards the index that was the newest when the round began, until time is up.

    Without an index, or with a stale one, nothing is matched: that would only take verdicts away.
    """
    library = app.library
    if library is None:
        return {"job": "rematch", "complete": True, "unused": True}
    scanner = cast("Vulnerabilities", next(one for one in app.scanners if one.name == SCANNER))
    state, newest = _load(library), library.manifest()
    if newest is None or scanner.stale(newest.built):
        return {"job": "rematch", "complete": False, "index": "stale" if newest else "absent"}
    if state.goal is None:
        state = msgspec.structs.replace(state, goal=newest, began=app.clock())
        library.write(_STATE, msgspec.json.encode(state))  # from here on its shards stay
    going = Round(app, Index(library, state.goal), _touches(library, state))
    state = _go(going, state, expired)
    library.write(_STATE, msgspec.json.encode(state))
    return {"job": "rematch", "complete": state.goal is None, **going.counts}


def _load(library: Library) -> State:
    """Where the last run stopped; what does not read means to begin anew, which is only slower."""
    data = library.find(_STATE)
    try:
        return msgspec.json.decode(data, type=State) if data else State()
    except msgspec.MsgspecError:
        return State()


def _touches(library: Library, state: State) -> Callable[[Inspection], bool]:
    """Whether the index at which the records are says something else of an inspection than the one they go to."""
    if state.done is None or state.goal is None:
        return lambda inspection: bool(inspection.packages)
    difference = Difference(Index(library, state.done), Index(library, state.goal))
    return lambda inspection: bool(difference.touched(inspection.packages))


def _go(going: Round, state: State, expired: Expired) -> State:
    """Go on from a state; the one where the round is when time is up, or is done."""
    after, left = state.after, dict.fromkeys(state.later)
    keys = chain(((key, True) for key in state.later), _listed(going.app, state))
    with ThreadPoolExecutor(_READERS) as pool:
        for batch in _read(going, keys, pool):
            for key, certainly, held in batch:
                if held:
                    going.renew(held, certainly=certainly)
                if key in left:
                    del left[key]
                else:
                    after = key
            if expired():
                return msgspec.structs.replace(state, after=after, later=(*left, *going.failed))
    return State(done=state.goal, since=state.began, later=tuple(going.failed))


def _read(
    going: Round, keys: Iterable[tuple[str, bool]], pool: Executor
) -> Iterator[Iterable[tuple[str, bool, Held | None]]]:
    """Batches of records in the order of their keys; the next one is read while one is at work."""
    ahead: deque[Iterable[tuple[str, bool, Held | None]]] = deque()
    left = iter(keys)
    while batch := list(islice(left, _BATCH)):
        parts = [batch[start : start + _PART] for start in range(0, _BATCH, _PART)]
        ahead.append(chain.from_iterable(pool.map(going.read_all, parts)))
        if len(ahead) > 1:
            yield ahead.popleft()
    yield from ahead


def _listed(app: App, state: State) -> Iterator[tuple[str, bool]]:
    """Keys of records, and whether they were written so lately that any index may have been used for them.

    Where the indexes are equal, only those are looked at.
    """
    equal = state.done is not None and state.goal is not None and state.done.shards == state.goal.shards
    for stat in app.catalog.store.list(f"{app.catalog.prefix}records/", after=state.after):
        lately = stat.modified >= state.since - _OVERLAP
        if lately or not equal:
            yield stat.location.key, lately
