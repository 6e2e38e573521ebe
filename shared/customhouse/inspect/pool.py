"""A few threads that scan while the walk inflates, behind a bound on the bytes that wait for them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from customhouse.inspect.limits import Budget, Exhausted

Task = Callable[[], None]


class Pool:
    """Daemon threads, so that a scanner that never returns cannot keep the process; `pending` names such tasks."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._tasks: queue.SimpleQueue[tuple[int, Task, int] | None] = queue.SimpleQueue()
        self._room = threading.Condition()
        self._queued = self._number = 0
        self._open: dict[int, object] = {}
        self._failed: list[object] = []
        self._threads: list[threading.Thread] = []

    def submit(self, task: Task, cost: int, label: object) -> None:
        """Run `task` soon; waits while more bytes than the limit are queued, Exhausted when time runs out."""
        with self._room:
            limit = max(self._budget.limits.queued, cost)
            if not self._room.wait_for(lambda: self._queued + cost <= limit, max(0.0, self._budget.remaining)):
                raise Exhausted("time-limit", "the scanners took too long")
            self._queued += cost
            self._number += 1
            self._open[self._number] = label
        self._tasks.put((self._number, task, cost))
        if len(self._threads) < self._budget.limits.workers:
            thread = threading.Thread(target=self._run, daemon=True, name="customhouse-scan")
            self._threads.append(thread)
            thread.start()

    def _run(self) -> None:
        while (item := self._tasks.get()) is not None:
            number, task, cost = item
            try:
                task()
                failed = False
            except BaseException:  # noqa: BLE001 -- what is not done is told by its label, whatever stopped it
                failed = True
            with self._room:
                self._queued -= cost
                label = self._open.pop(number, None)
                self._failed += [label] if failed else []
                self._room.notify_all()

    def close(self, patience: float) -> list[object]:
        """Wait for what was submitted, at most `patience` seconds more; the labels of what did not end."""
        with self._room:
            self._room.wait_for(lambda: not self._open, max(0.0, patience))
            left = [*self._failed, *self._open.values()]
        for _ in self._threads:
            self._tasks.put(None)
        return left
