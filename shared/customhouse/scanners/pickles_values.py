"""What is on the stack and in the memo of a pickle machine that runs nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

Value = object


class Global(NamedTuple):
    """An importable name as the pickle has it."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(slots=True)
class Call:
    """What calling `function` would give; `state` is kept of NumPy's types only."""

    function: Value
    arguments: Value
    state: Value = None


class Container:
    """A list, a set or a dictionary; what is in it does not matter."""


CONTAINER: Final = Container()
CONTAINERS: Final = frozenset({Container, tuple})
