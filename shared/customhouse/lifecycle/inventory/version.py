"""Which version a location names, however much of it a listing tells."""

from __future__ import annotations

from customhouse.model import Location

Identity = tuple[str, str, str]
"""Root, key, and version or etag."""


def identity(location: Location) -> Identity:
    """What a version is asked for by: its version where that is known, else its etag."""
    return location.root, location.key, location.version or location.etag


def identities(location: Location) -> set[Identity]:
    """All that a version may be asked for by: a listing of current versions tells etags alone (S3, Blob)."""
    return {(location.root, location.key, name) for name in (location.version, location.etag) if name}
