"""A part of something that is read by offset, as a file of its own."""

from __future__ import annotations

import abc
import io
import os
from typing import BinaryIO, cast


class Section(io.RawIOBase, abc.ABC):
    """`size` bytes, wherever they are."""

    def __init__(self, size: int) -> None:
        self._place = 0
        self.size = size

    @abc.abstractmethod
    def fill(self, buffer: memoryview, offset: int) -> int:
        """Put the bytes from `offset` into the buffer, fewer than it holds only at the end; how many."""

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As io.IOBase.seek."""
        self._place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self.size}[whence]
        return self._place

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override] # typeshed's buffer has no len
        """As io.RawIOBase.readinto."""
        length = max(0, min(len(buffer), self.size - self._place))
        count = self.fill(memoryview(buffer)[:length], self._place) if length else 0
        self._place += count
        return count

    def opened(self) -> BinaryIO:
        """With a buffer, for readers that take little at a time."""
        return cast("BinaryIO", io.BufferedReader(self))


class _OnDisk(Section):
    """A part of a file on disk, with a descriptor of its own."""

    def __init__(self, descriptor: int, base: int, size: int) -> None:
        super().__init__(size)
        self.descriptor, self.base = os.dup(descriptor), base

    def fill(self, buffer: memoryview, offset: int) -> int:
        """As Section.fill."""
        return os.preadv(self.descriptor, [buffer], self.base + offset)

    def close(self) -> None:
        """Give the descriptor back, once."""
        if not self.closed:
            os.close(self.descriptor)
        super().close()


def part(file: BinaryIO, offset: int = 0, size: int | None = None) -> BinaryIO | None:
    """`size` bytes (None: all) of a file from `offset`, or None where it is not on a disk.

    It has a position of its own and stays open when `file` is closed, so that another thread may read it.
    """
    raw = getattr(file, "raw", None)
    if isinstance(raw, _OnDisk):
        descriptor, base, most = raw.descriptor, raw.base + offset, raw.size - offset
    else:
        try:
            descriptor, base = file.fileno(), offset
        except OSError:  # io.UnsupportedOperation among them
            return None
        most = os.fstat(descriptor).st_size - offset
    return _OnDisk(descriptor, base, max(0, most if size is None else min(most, size))).opened()
