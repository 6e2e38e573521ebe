"""The record: one JSON document about one artifact version."""

from __future__ import annotations

import hashlib

import msgspec

from customhouse.errors import Malformed
from customhouse.model import Copy, Decision, Delete, Inspection, Location, Notify, Outcome, Stat, Step, Tag


class Planned(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The steps of a verdict that was not carried out to its end, so that another run can."""

    tags: tuple[Tag, ...] = ()
    copies: tuple[Copy, ...] = ()
    deletes: tuple[Delete, ...] = ()
    notifications: tuple[Notify, ...] = ()

    @classmethod
    def of(cls, steps: tuple[Step, ...]) -> Planned:
        """Sort steps by kind; their order is always copies, tags, deletes, notifications."""
        return cls(
            copies=tuple(step for step in steps if isinstance(step, Copy)),
            tags=tuple(step for step in steps if isinstance(step, Tag)),
            deletes=tuple(step for step in steps if isinstance(step, Delete)),
            notifications=tuple(step for step in steps if isinstance(step, Notify)),
        )

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps in their order."""
        return (*self.copies, *self.tags, *self.deletes, *self.notifications)


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known about one artifact version; `state` is `running`, `decided`, `done` or `superseded`.

    `lease` is the epoch second until which a running attempt has it for itself; `modified` tells two uploads of
    identical bytes to an unversioned bucket apart.
    """

    location: Location
    state: str
    modified: float = 0.0
    attempt: int = 1
    lease: float = 0.0
    decided: float = 0.0
    decision: Decision | None = None
    inspection: Inspection | None = None
    policy: str = ""
    planned: Planned = Planned()
    outcomes: tuple[Outcome, ...] = ()

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return self.state in {"done", "superseded"}

    def settles(self, stat: Stat) -> bool:
        """Whether nothing is left to do about an object as its store has it now.

        What was held because it could not be read at all has no `modified`: it is judged once it can be read.
        """
        same = self.modified == stat.modified or bool(stat.location.version and self.modified)
        return self.finished and same


def key_of(location: Location) -> str:
    """Where the record of a version stands: a digest, since names may be of any form and length."""
    identity = "\0".join([location.root, location.key, location.version or location.etag])
    digest = hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()
    return f"records/{digest[:2]}/{digest}.json"


def encode(record: Record) -> bytes:
    """UTF-8 JSON with a fixed order of fields."""
    return msgspec.json.encode(record, order="deterministic")


def decode(data: bytes) -> Record:
    """The record; Malformed when it is not one, never a guess."""
    try:
        return msgspec.json.decode(data, type=Record)
    except msgspec.MsgspecError as error:
        raise Malformed(f"a record does not read: {error}") from error


def begins(stat: Stat, now: float, lease: float) -> Record:
    """The record of a run that starts now."""
    return Record(location=stat.location, state="running", modified=stat.modified, lease=now + lease)
