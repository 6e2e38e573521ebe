"""A mapping that finds what it is asked for, once, and forgets everything when it is full."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Remembered(dict[str, T]):
    """Answers by key: twice as fast as functools' caches where nearly all of them are there already."""

    def __init__(self, find: Callable[[str], T], most: int = 1 << 18) -> None:
        super().__init__()
        self._find = find
        self._most = most

    def __missing__(self, key: str) -> T:
        """The answer, found now; what `find` raises is not remembered."""
        answer = self._find(key)
        if len(self) >= self._most:
            self.clear()
        self[key] = answer
        return answer
