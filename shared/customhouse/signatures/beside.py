"""The files that stand beside an artifact, read from its store: few calls, and never more bytes than allowed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from itertools import islice

from customhouse.errors import Gone, Rejected
from customhouse.model import Location
from customhouse.ports import Body, Store
from customhouse.signatures.names import Names

NAMES = 1000
"""Names that begin like the artifact's are looked through up to here: one page of a listing."""


@dataclass(frozen=True, slots=True)
class Beside:
    """A file beside an artifact: its bytes, or None and why they were not read; `signatures` are those of a list."""

    location: Location
    data: bytes | None
    why: str = ""
    signatures: tuple[Beside, ...] = ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands beside one artifact; `crowded` where not every name was looked at."""

    files: tuple[Beside, ...] = ()
    crowded: bool = False


def look(store: Store, location: Location, names: Names, most: int) -> Surroundings:
    """The signatures, checksums and lists of checksums beside an artifact, each of at most `most` bytes.

    One listing of what begins with the artifact's name, and a read of each file that is there and of each list; for a
    list that is there, the same for its own signatures.
    """
    files, crowded = _around(store, location, names.beside(location.key), most)
    for key in names.lists(location.key):
        if there := read(store, Location(location.root, key), most):
            signatures, more = _around(store, there.location, names.signing(key), most)
            files.append(replace(there, signatures=tuple(signatures)))
            crowded |= more
    return Surroundings(tuple(files), crowded=crowded)


def _around(store: Store, location: Location, wanted: Collection[str], most: int) -> tuple[list[Beside], bool]:
    """The wanted files that are there, and whether there were too many names to see them all."""
    around = list(islice(store.list(f"{location.key}."), NAMES + 1))
    keys = [stat.location.key for stat in around if stat.location.key in wanted]
    files = (read(store, Location(location.root, key), most) for key in keys)
    return [file for file in files if file is not None], len(around) > NAMES


def read(store: Store, location: Location, most: int) -> Beside | None:
    """One file; None where there is none."""
    try:
        with store.read(location) as body:
            return _bounded(body, most)
    except Gone:
        return None
    except Rejected as error:
        return Beside(location, None, str(error))


def _bounded(body: Body, most: int) -> Beside:
    at = body.stat.location
    data = bytearray()
    if body.stat.size <= most:
        for chunk in body:
            data += chunk
            if len(data) > most:
                break
        else:
            return Beside(at, bytes(data))
    return Beside(at, None, f"larger than {most:,} bytes")
