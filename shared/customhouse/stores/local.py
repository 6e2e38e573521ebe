"""A plain folder as a bucket: the same contract on a laptop, against files that other programs write too."""

from __future__ import annotations

import functools
import os
import stat
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from customhouse.errors import ConfigError, Conflict, Rejected
from customhouse.model import Location, Stat
from customhouse.ports import Body
from customhouse.stores import local_notes
from customhouse.stores.local_files import created, etag, folder, opened, translated
from customhouse.stores.local_names import HIDDEN, to_path
from customhouse.stores.local_notes import Note
from customhouse.stores.local_walk import walk
from customhouse.stores.options import Options
from customhouse.stores.streams import CHUNK, StreamBody, blocks, span
from customhouse.stores.tagging import carried, merged


def connect(root: str, options: Options) -> LocalStore:  # noqa: ARG001 -- every adapter connects alike
    """The folder of `file:///folder`; ConfigError when there is none."""
    if not Path(root.removeprefix("file://") or "/").is_dir():
        raise ConfigError(f"{root} is no folder: create it first")
    return LocalStore(root)


class LocalStore:
    """A `ports.Store` without versions; the etag is made of a file's time, size and inode. POSIX only.

    Links and special files are no objects. Programs that write past this class are noticed by the etag, but only
    its own writers wait for each other.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self._folder = root.removeprefix("file://") or "/"

    def stat(self, location: Location) -> Stat:
        """See `ports.Store.stat`."""
        with translated(location), self._open(location) as file:
            return self._stat(location.key, os.fstat(file.fileno()))

    def read(self, location: Location, start: int = 0, length: int | None = None) -> Body:
        """See `ports.Store.read`; Conflict at the end when the file was written to meanwhile."""
        with translated(location):
            file = self._open(location)
            stat = self._stat(location.key, os.fstat(file.fileno()))
            file.seek(start)
        count = span(stat.size, start, length)
        chunks = _chunks(file, count, stat.location)
        return StreamBody(stat, chunks, count, translated=functools.partial(translated, location), close=file.close)

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
        """See `ports.Store.put`; written aside, then put in place in one step."""
        chunks = [data] if isinstance(data, bytes) else blocks(data)
        return self._write(key, chunks, Note(tags or {}, content_type), if_absent=if_absent, if_match=if_match)

    def copy(
        self,
        source: Stat,
        key: str,
        *,
        tags: Mapping[str, str],
        if_absent: bool = False,
        if_match: Location | None = None,
    ) -> Location:
        """See `ports.Store.copy`."""
        origin = LocalStore(source.location.root)
        with origin.read(source.location) as body:
            note = Note(carried(origin.tags(body.stat.location), tags), body.stat.content_type)
            return self._write(key, body, note, if_absent=if_absent, if_match=if_match)

    def tags(self, location: Location) -> dict[str, str]:
        """See `ports.Store.tags`."""
        return dict(self.stat(location).tags or {})

    def tag(self, location: Location, changes: Mapping[str, str | None]) -> Location:
        """See `ports.Store.tag`."""
        with translated(location), local_notes.locked(self._folder):
            stat = self.stat(location)
            note = Note(merged(stat.tags or {}, changes), stat.content_type)
            local_notes.write(self._folder, location.key, stat.location.etag, note)
            return stat.location

    def delete(self, location: Location) -> None:
        """See `ports.Store.delete`; folders stay, even empty ones."""
        *parents, name = to_path(location.key)
        with translated(location):
            try:
                with folder(self._folder, parents) as parent, local_notes.locked(self._folder):
                    self._open(location).close()
                    os.unlink(name, dir_fd=parent)
            except FileNotFoundError:
                return
            local_notes.forget(self._folder, location.key)

    def list(self, prefix: str = "", *, after: str = "", versions: bool = False) -> Iterator[Stat]:  # noqa: ARG002
        """See `ports.Store.list`; tags are not known, and no folder keeps old versions."""
        with translated(self.root), folder(self._folder, []) as top:
            for key, status in walk(top, prefix, after):
                yield Stat(Location(self.root, key, "", etag(status)), status.st_size, status.st_mtime)

    def _open(self, location: Location) -> BinaryIO:
        *parents, name = to_path(location.key)
        with folder(self._folder, parents) as parent:
            file = opened(parent, name)
        wanted = location.etag or location.version
        if wanted and etag(os.fstat(file.fileno())) != wanted:
            file.close()
            raise Conflict(f"{location} is no longer that version")
        return file

    def _stat(self, key: str, status: os.stat_result) -> Stat:
        tag = etag(status)
        note = local_notes.read(self._folder, key, tag)
        location = Location(self.root, key, "", tag)
        return Stat(location, status.st_size, status.st_mtime, note.content_type, "", note.tags)

    def _write(
        self, key: str, chunks: Iterable[bytes], note: Note, *, if_absent: bool, if_match: Location | None
    ) -> Location:
        """Write aside, note the tags under the etag to come, then link (`if_absent`) or rename into place."""
        *parents, name = to_path(key)
        what = f"{self.root}/{key}"
        with translated(what), folder(self._folder, [HIDDEN, "drafts"], create=True) as drafts:
            draft = uuid.uuid4().hex
            try:
                tag = _spool(drafts, draft, chunks)
                with folder(self._folder, parents, create=True) as parent, local_notes.locked(self._folder):
                    self._check(key, if_match)
                    with local_notes.written(self._folder, key, tag, note):
                        _place(drafts, draft, parent, name, what, if_absent=if_absent)
                    local_notes.forget(self._folder, key, but=tag)
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(draft, dir_fd=drafts)
        return Location(self.root, key, "", tag)

    def _check(self, key: str, if_match: Location | None) -> None:
        if if_match is None:
            return
        try:
            self._open(Location(self.root, key, "", if_match.etag)).close()
        except FileNotFoundError as error:
            raise Conflict(f"{self.root}/{key} is not {if_match}: it does not exist") from error


def _chunks(file: BinaryIO, count: int, location: Location) -> Iterator[bytes]:
    while count and (chunk := file.read(min(CHUNK, count))):
        count -= len(chunk)
        yield chunk
    if etag(os.fstat(file.fileno())) != location.etag:
        raise Conflict(f"{location} was written to while it was read")


def _spool(drafts: int, draft: str, chunks: Iterable[bytes]) -> str:
    """Write a draft to the disk itself; its etag, with a time that no other write has."""
    with created(drafts, draft) as file:
        for chunk in chunks:
            file.write(chunk)
        file.flush()
        now = time.time_ns()
        os.utime(file.fileno(), ns=(now, now))
        os.fsync(file.fileno())
        return etag(os.fstat(file.fileno()))


def _place(drafts: int, draft: str, parent: int, name: str, what: str, *, if_absent: bool) -> None:
    if if_absent:
        try:
            os.link(draft, name, src_dir_fd=drafts, dst_dir_fd=parent)
        except FileExistsError as error:
            raise _taken(parent, name, what) from error
    else:
        os.replace(draft, name, src_dir_fd=drafts, dst_dir_fd=parent)
    os.fsync(parent)


def _taken(parent: int, name: str, what: str) -> Rejected:
    """Only a file is an object that is there: no delivery gets past a folder of its name."""
    file = stat.S_ISREG(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)
    return Conflict(f"{what} exists") if file else Rejected(f"{what} has the name of a folder or a link")
