"""What a folder cannot say of a file (tags, content type), kept beside it under `.customhouse`.

A note belongs to one etag: when a file is replaced by any means, its old note no longer counts.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import msgspec

from customhouse.stores.local_files import created, folder, opened
from customhouse.stores.local_names import HIDDEN


@dataclass(frozen=True, slots=True)
class Note:
    """One object version's tags and content type."""

    tags: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/octet-stream"


def _place(key: str) -> list[str]:
    return [HIDDEN, "notes", hashlib.sha256(key.encode()).hexdigest()]


def read(root: str, key: str, etag: str) -> Note:
    """The note on that version, an empty one where there is none that reads: whoever writes files may spoil it."""
    try:
        with folder(root, _place(key)) as place, opened(place, etag) as file:
            return msgspec.json.decode(file.read(), type=Note)
    except (FileNotFoundError, NotADirectoryError, msgspec.MsgspecError):
        return Note()
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        return Note()


def write(root: str, key: str, etag: str, note: Note) -> None:
    """Replace the note on that version at once or not at all."""
    with folder(root, _place(key), create=True) as place:
        draft = uuid.uuid4().hex
        with created(place, draft) as file:
            file.write(json.dumps({"tags": dict(note.tags), "content_type": note.content_type}).encode())
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, etag, src_dir_fd=place, dst_dir_fd=place)


@contextmanager
def written(root: str, key: str, etag: str, note: Note) -> Iterator[None]:
    """The note on a version to come, which is taken away again where it does not come."""
    write(root, key, etag, note)
    try:
        yield
    except BaseException:
        with folder(root, _place(key)) as place:
            os.unlink(etag, dir_fd=place)
        raise


def forget(root: str, key: str, *, but: str = "") -> None:
    """Remove the notes on every other version of the object."""
    with suppress(FileNotFoundError), folder(root, _place(key)) as place:
        with os.scandir(place) as found:
            names = [entry.name for entry in found]
        for name in names:
            if name != but:
                os.unlink(name, dir_fd=place)


@contextmanager
def locked(root: str) -> Iterator[None]:
    """One writer at a time among all processes that use the folder through this module."""
    import fcntl  # noqa: PLC0415 -- POSIX only, as are the descriptors that local_files walks by

    with folder(root, [HIDDEN], create=True) as place:
        lock = os.open("lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644, dir_fd=place)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)
