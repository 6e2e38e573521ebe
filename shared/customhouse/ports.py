"""What the core needs of the outside world, as small Protocols; the core imports these, never an adapter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import BinaryIO, Protocol, Self, runtime_checkable

from customhouse.errors import Rejected, Transient
from customhouse.model import Location, Stat


class Body(Protocol):
    """An object version being read: its `stat` is known before the first byte. Close it, or use `with`."""

    @property
    def stat(self) -> Stat:
        """What is being read, pinned; tags are present only where the store sends them along."""
        ...

    def __iter__(self) -> Iterator[bytes]:
        """Chunks of at most 1 MiB, in order; raises Transient when the stream breaks off early."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...


class Store(Protocol):
    """One bucket, container or folder.

    Every method that takes a location honours its version and etag: Gone when there is none such, Conflict when
    the object is there but no longer that version. Throttling, 5xx and timeouts raise Transient, refusals Denied.
    Keys are opaque text: `//`, `..`, control characters, a trailing `/` and 1,024 bytes of UTF-8 all work.
    """

    @property
    def root(self) -> str:
        """The store's URL, as in `Location.root`."""
        ...

    def stat(self, location: Location) -> Stat:
        """Size, version, etag and tags of what is there now, or of the pinned version (one or two calls)."""
        ...

    def read(self, location: Location, start: int = 0, length: int | None = None) -> Body:
        """Open a version for reading, whole or `length` bytes from `start`, in one call."""
        ...

    def put(
        self,
        key: str,
        data: bytes | BinaryIO,
        *,
        tags: Mapping[str, str] | None = None,
        content_type: str = "application/octet-stream",
        if_absent: bool = False,
        if_match: Location | None = None,
    ) -> Location:
        """Write an object of any size; Conflict when it exists (`if_absent`) or is not `if_match`."""
        ...

    def copy(
        self,
        source: Stat,
        key: str,
        *,
        tags: Mapping[str, str],
        if_absent: bool = False,
        if_match: Location | None = None,
    ) -> Location:
        """Copy a version from a store of the same scheme to `key` here, server-side, any size.

        The copy carries the source's tags but for every `customhouse-…` one (an uploader may have forged it), and
        `tags` over them; content type and other metadata go along. The copy is verified. Conflict as in `put`, and
        when the source is no longer that version.
        """
        ...

    def tags(self, location: Location) -> dict[str, str]:
        """All tags (S3, Blob) or custom metadata (GCS, HNS accounts) of a version."""
        ...

    def tag(self, location: Location, changes: Mapping[str, str | None]) -> Location:
        """Set (or with None remove) tags of a version and keep all others.

        Returns the location as it is pinned afterwards (its etag moves where tags are metadata). Conflict, and no
        tag of ours on any other version, when the object was overwritten meanwhile.
        """
        ...

    def delete(self, location: Location) -> None:
        """Delete exactly this version; a second call is no error."""
        ...

    def list(self, prefix: str = "", *, after: str = "", versions: bool = False) -> Iterator[Stat]:
        """Objects in key order under `prefix` and past the key `after`; noncurrent ones too with `versions`.

        Folder markers that a hierarchical store invents are left out. Tags are None unless they come for free.
        """
        ...


@dataclass(frozen=True, slots=True)
class Features:
    """What a bucket can do that decides which lifecycle rules its cloud carries out by itself.

    `soft_delete` is how long the cloud itself can bring back a deleted object (seconds), `locks` whether holds or
    retention can be set on its objects, `index_tags` whether Azure's account has them (hierarchical ones do not),
    `last_access` whether Azure tracks it.
    """

    versioned: bool = False
    soft_delete: int = 0
    locks: bool = False
    index_tags: bool = True
    last_access: bool = False


class LifecycleTarget(Protocol):
    """What lifecycle asks of a bucket beyond `Store`: its native rules, storage classes and holds."""

    def features(self) -> Features:
        """How the bucket is set up."""
        ...

    def native_rules(self) -> Mapping[str, object]:
        """The lifecycle document in force, in the cloud's own JSON form; its rules are empty where there is none."""
        ...

    def install_native_rules(self, document: Mapping[str, object]) -> None:
        """Replace the whole document; Malformed where the cloud does not accept it."""
        ...

    def change_class(self, location: Location, storage_class: str) -> None:
        """Move one version to another storage class, named as the cloud names it."""
        ...

    def hold(self, location: Location) -> None:
        """Set a legal (Cloud Storage: temporary) hold on one version."""
        ...

    def arm(self, location: Location, label: str, custom_time: float) -> None:
        """Label one version for a native rule: our lifecycle tag, and where there is one its Custom-Time.

        Conflict where a Custom-Time later than `custom_time` (UTC epoch seconds) is there already.
        """
        ...


@runtime_checkable
class Batches(Protocol):
    """A bucket that deletes many versions in one call."""

    most: int

    def delete_many(self, versions: Sequence[Location]) -> Mapping[Location, Rejected | Transient]:
        """Delete exactly these versions, at most `most`; what kept each that is left, and nothing of those that went.

        A second call is no error, as with `Store.delete`. Transient where none may have been deleted.
        """
        ...


class Registry(Protocol):
    """One OCI repository host; images are opened by a later adapter."""

    def resolve(self, location: Location) -> Location:
        """The same image pinned to its manifest digest."""
        ...


class Notifier(Protocol):
    """Somewhere to send one JSON message."""

    def notify(self, message: Mapping[str, object]) -> None:
        """Deliver, or raise Transient or Rejected."""
        ...
