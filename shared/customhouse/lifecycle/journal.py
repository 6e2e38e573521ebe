"""Outcomes on disk: what an interrupted apply need not look at again, and the report of a finished one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self

import msgspec

from customhouse.lifecycle.plan import Item
from customhouse.model import Outcome


class Journal(Protocol):
    """Remembers outcomes; those of status `failed` are tried again by a later run."""

    def seen(self, item: Item) -> bool:
        """Whether an item needs no second look."""
        ...

    def write(self, outcome: Outcome) -> None:
        """Remember an outcome before the next item begins; called from several threads."""
        ...


class Forgetful:
    """No journal: right where items are few, since every item may safely be done twice."""

    def seen(self, item: Item) -> bool:
        """Never."""
        del item
        return False

    def write(self, outcome: Outcome) -> None:
        """Forget it."""


class FileJournal:
    """JSON Lines beside the plan, appended and flushed outcome by outcome; a torn last line is ignored."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._done = {
            _name(outcome.step, str(outcome.location)) for outcome in read(path) if outcome.status != "failed"
        }
        self._file: BinaryIO = path.open("ab")
        if self._torn():
            self._file.write(b"\n")

    def _torn(self) -> bool:
        text = self._path.read_bytes()
        return bool(text) and not text.endswith(b"\n")

    def seen(self, item: Item) -> bool:
        """See `Journal`."""
        return _name(item.action.value, str(item.location)) in self._done

    def write(self, outcome: Outcome) -> None:
        """See `Journal`."""
        line = msgspec.json.encode(outcome) + b"\n"
        with self._lock:
            self._file.write(line)
            self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._file.close()


def _name(step: str, location: str) -> str:
    return f"{step} {location}"


def read(path: Path) -> Iterator[Outcome]:
    """The outcomes of a journal, oldest first; none where it does not exist."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            try:
                yield msgspec.json.decode(line, type=Outcome)
            except msgspec.MsgspecError:  # the process died while writing this line; its item is done again
                continue
