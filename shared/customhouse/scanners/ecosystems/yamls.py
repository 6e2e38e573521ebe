"""YAML read without trust: text, lists and mappings, whatever tags say; no merge keys, and nothing that grows.

PyYAML makes a tree in C, on a stack that nobody bounds, and takes a kilobyte for each value; its events need neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from customhouse.errors import Malformed

DEEPEST = 200
_MOST = 500_000
"""Values of a document, each counted as often as aliases repeat it: who goes through all of them goes no further."""


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end is to come: how much is in it, and the key that waits for its value."""

    value: list[Any] | dict[str, Any]
    anchor: str | None
    weight: int = 1
    key: str | None = None

    def add(self, value: object, weight: int) -> None:
        self.weight += weight
        if self.weight > _MOST:
            raise Malformed(f"no YAML to read: more than {_MOST:,} values")
        if isinstance(self.value, list):
            self.value.append(value)
        elif self.key is not None:
            self.value[self.key] = value
            self.key = None
        elif isinstance(value, str):
            self.key = value
        else:
            raise Malformed("no YAML to read: a key that is no text")


def yaml_documents(text: str) -> Iterator[object]:
    """Each document's value; Malformed for what is no YAML, nests without end or repeats itself without end."""
    try:
        yield from _values(yaml.parse(text, Loader=yaml.CBaseLoader))
    except (yaml.YAMLError, ValueError) as error:
        raise Malformed(f"no YAML: {str(error).partition(chr(10))[0][:120]}") from error


def _values(events: Iterator[yaml.Event]) -> Iterator[object]:
    waiting: list[_Open] = []
    anchors: dict[str, tuple[object, int]] = {}
    value: object
    for event in events:
        match event:
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                if len(waiting) == DEEPEST:
                    raise Malformed(f"no YAML to read: nested deeper than {DEEPEST}")
                waiting.append(_Open([] if isinstance(event, yaml.SequenceStartEvent) else {}, event.anchor))
                continue
            case yaml.ScalarEvent():
                value, weight, anchor = event.value, 1, event.anchor
            case yaml.CollectionEndEvent():
                done = waiting.pop()
                value, weight, anchor = done.value, done.weight, done.anchor
            case yaml.AliasEvent() if event.anchor in anchors:
                (value, weight), anchor = anchors[event.anchor], None
            case yaml.AliasEvent():
                raise Malformed("no YAML to read: an alias of nothing that is whole")
            case _:
                anchors = {} if isinstance(event, yaml.DocumentStartEvent) else anchors
                continue
        if anchor:
            anchors[anchor] = value, weight
        if waiting:
            waiting[-1].add(value, weight)
        else:
            yield value
