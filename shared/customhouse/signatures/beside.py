"""The files that stand beside an artifact, read from its store: few calls, and never more bytes than allowed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from customhouse.errors import Gone, Rejected
from customhouse.model import Location
from customhouse.ports import Body, Store
from customhouse.signatures.names import Names

NAMES = 1000
"""Names that begin like the artifact's are looked through up to here: one page of a listing."""


@dataclass(frozen=True, slots=True)
class Beside:
    """A file beside an artifact: its bytes, or None and why they were not read."""

    location: Location
    data: bytes | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands beside one artifact; `crowded` where not every name was looked at."""

    files: tuple[Beside, ...] = ()
    crowded: bool = False


def look(store: Store, location: Location, names: Names, most: int) -> Surroundings:
    """The signatures, checksums and lists of checksums beside an artifact, each of at most `most` bytes.

    One listing of what begins with the artifact's name, and a read of each file that is there and of each list.
    """
    wanted = names.beside(location.key)
    around = list(islice(store.list(f"{location.key}."), NAMES + 1))
    keys = [stat.location.key for stat in around if stat.location.key in wanted] + list(names.lists(location.key))
    files = (read(store, Location(location.root, key), most) for key in keys)
    return Surroundings(tuple(file for file in files if file is not None), crowded=len(around) > NAMES)


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
