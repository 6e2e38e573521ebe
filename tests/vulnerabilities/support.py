"""OSV records and indexes built in code."""

from __future__ import annotations

import itertools
import json
from typing import Any

from customhouse.stores import open_store
from customhouse.vulnerabilities.build import build
from customhouse.vulnerabilities.index import Index
from customhouse.vulnerabilities.library import Library

NOW = 1_800_000_000.0
_COUNTER = itertools.count()


def empty() -> Library:
    """An index to be, in a store of its own."""
    return Library(open_store(f"memory://vulnerabilities-{next(_COUNTER)}"))


def record(identity: str, ecosystem: str, name: str, *events: tuple[str, str], **more: Any) -> bytes:
    """One record with one range."""
    affected = {
        "package": {"ecosystem": ecosystem, "name": name},
        "ranges": [{"type": more.pop("kind", "ECOSYSTEM"), "events": [{kind: version} for kind, version in events]}],
        "versions": more.pop("versions", []),
    }
    return json.dumps({"id": identity, "affected": [affected], **more}).encode()


def index(*records: bytes, library: Library | None = None, now: float = NOW) -> Index:
    """An index of these records."""
    there = library or empty()
    build(records, there, now)
    return Index(there)
