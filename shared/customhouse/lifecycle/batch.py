"""Many deletes in one call: of versions, whose name alone says exactly what goes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

from customhouse.errors import Rejected, Transient
from customhouse.lifecycle.execute import DONE, refused
from customhouse.lifecycle.plan import Item
from customhouse.model import Outcome
from customhouse.ports import Batches


def together(items: Iterable[Item], batch: Callable[[Item], Batches | None]) -> Iterator[list[Item]]:
    """Items in their order: as many as one call takes of those that have a `batch`, the others one by one."""
    for batches, found in itertools.groupby(items, key=batch):
        while some := list(itertools.islice(found, batches.most if batches else 1)):
            yield some


def delete_together(items: Sequence[Item], batches: Batches, one: Callable[[Item], Outcome]) -> list[Outcome]:
    """Delete versions in one call; what the cloud was too busy for is done `one` by one, with patience."""
    try:
        kept = batches.delete_many([item.location for item in items])
    except Transient:
        return list(map(one, items))
    except Rejected as error:
        return [refused(item, error) for item in items]

    def told(item: Item) -> Outcome:
        error = kept.get(item.location)
        if isinstance(error, Transient):
            return one(item)
        return refused(item, error) if error else Outcome(item.action.value, DONE, item.location)

    return list(map(told, items))
