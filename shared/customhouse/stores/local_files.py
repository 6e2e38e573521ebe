"""Files under one folder, reached name by name from its descriptor, so that no link ever leads out of it."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import BinaryIO

from customhouse.errors import Denied, Gone, Rejected, Transient

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MEANINGS = {
    errno.EACCES: Denied,
    errno.EPERM: Denied,
    errno.EROFS: Denied,
    errno.ENOENT: Gone,
    errno.ENOTDIR: Gone,
    errno.ELOOP: Gone,
    errno.ENXIO: Gone,
    errno.EISDIR: Rejected,
    errno.ENAMETOOLONG: Rejected,
}


@contextmanager
def translated(what: object) -> Iterator[None]:
    """Turn OSError into ours: what is not a refusal (full disk, I/O error, too many files) may pass."""
    try:
        yield
    except OSError as error:
        raise _MEANINGS.get(error.errno or 0, Transient)(f"{what}: {error.strerror}") from error


@contextmanager
def folder(root: str | int, names: Sequence[str], *, create: bool = False) -> Iterator[int]:
    """The descriptor of a folder under `root`; Rejected where `create` meets a file or a link under such a name."""
    descriptor = os.dup(root) if isinstance(root, int) else os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in names:
            descriptor = _descend(descriptor, name, create=create)
        yield descriptor
    finally:
        os.close(descriptor)


def _descend(parent: int, name: str, *, create: bool) -> int:
    if create:
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=parent)
    try:
        child = os.open(name, _FOLDER, dir_fd=parent)
    except OSError as error:
        if create and error.errno in {errno.ENOTDIR, errno.ELOOP}:
            raise Rejected(f"{name!r} is a file or a link, no folder can have its name") from error
        raise
    os.close(parent)
    return child


def opened(parent: int, name: str) -> BinaryIO:
    """A regular file, to read; FileNotFoundError for a folder, a link, a pipe or a device."""
    descriptor = os.open(name, _READ, dir_fd=parent)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError(errno.ENOENT, "no regular file", name)
    return os.fdopen(descriptor, "rb", buffering=0)


def created(parent: int, name: str) -> BinaryIO:
    """A new file, to write."""
    return os.fdopen(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644, dir_fd=parent), "wb")


def etag(status: os.stat_result) -> str:
    """What changes when a file is written or replaced: time, size and inode."""
    return f"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}"
