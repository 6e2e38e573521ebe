"""Digests of a body that somebody else reads: still one pass over the network."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from types import TracebackType
from typing import Self

from customhouse.model import Stat
from customhouse.ports import Body


class Hashing:
    """A body whose bytes are hashed on their way; see `ports.Body`."""

    def __init__(self, body: Body, algorithms: Collection[str]) -> None:
        self._body = body
        self._hashes = {name: hashlib.new(name, usedforsecurity=False) for name in algorithms}
        self._pieces = self._hashed()

    @property
    def stat(self) -> Stat:
        """See `ports.Body`."""
        return self._body.stat

    def __iter__(self) -> Iterator[bytes]:
        """The one iterator there is: whoever comes later goes on where the one before stopped."""
        return self._pieces

    def __enter__(self) -> Self:
        self._body.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._body.__exit__(kind, error, trace)

    def digests(self) -> dict[str, str]:
        """Lower-case hex by algorithm, of the whole body: what nobody has read is read now."""
        if self._hashes:
            for _ in self:
                pass
        return {name: digest.hexdigest() for name, digest in self._hashes.items()}

    def _hashed(self) -> Iterator[bytes]:
        for chunk in self._body:
            for digest in self._hashes.values():
                digest.update(chunk)
            yield chunk
