"""A few things at once, in order, nothing read ahead: memory stays bounded and stopping early stops."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

In = TypeVar("In")
Out = TypeVar("Out")


def bounded(work: Callable[[In], Out], items: Iterable[In], workers: int) -> Iterator[Out]:
    """Run `work` over `items` with at most `workers` at once, yielding in the items' order."""
    if workers == 1:
        yield from map(work, items)
        return
    waiting = iter(items)
    with ThreadPoolExecutor(workers) as pool:
        running = deque(pool.submit(work, item) for item in itertools.islice(waiting, workers))
        while running:
            yield running.popleft().result()
            running.extend(pool.submit(work, item) for item in itertools.islice(waiting, 1))
