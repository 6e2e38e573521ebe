"""A YAML document that remembers on which line each of its nodes stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import yaml

from customhouse.errors import ConfigError

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """Plain values, and the line of every path in them."""

    name: str
    value: object
    lines: dict[Path, int]

    def where(self, path: Sequence[str | int]) -> str:
        """`file:line` of a path, or of the nearest node around it."""
        at: Path = tuple(path)
        while at and at not in self.lines:
            at = at[:-1]
        return f"{self.name}:{self.lines.get(at, 1)}"


def parse(text: str, name: str) -> Document:
    """Read one YAML document; ConfigError with file and line for bad syntax, a repeated key or an alias."""
    try:
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{name}:{line}: {error.problem or 'not YAML'}; correct the YAML there") from error
    except yaml.YAMLError as error:
        said = " ".join(str(error).split())
        raise ConfigError(f"{name}:1: not YAML ({said}); save it as UTF-8 text") from error
    document = Document(name, None, {})
    value = _value(root, (), document, set()) if root else {}
    return Document(name, value, document.lines)


def _value(node: yaml.Node, path: Path, document: Document, seen: set[int]) -> object:
    line = node.start_mark.line + 1
    document.lines[path] = line
    if id(node) in seen:
        raise ConfigError(f"{document.name}:{line}: YAML aliases are not taken; write the value out")
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, document, seen)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, index), document, seen) for index, item in enumerate(node.value)]
    try:
        return yaml.constructor.SafeConstructor().construct_object(node)
    except (yaml.YAMLError, ValueError, LookupError, AttributeError) as error:  # a date that no calendar has, a tag
        where, value = f"{document.name}:{line}", f"{node.value!r:.80}"
        raise ConfigError(f"{where}: {value} does not read as {node.tag}; correct it") from error


def _mapping(node: yaml.MappingNode, path: Path, document: Document, seen: set[int]) -> dict[str, object]:
    out: dict[str, object] = {}
    for key, value in node.value:
        name = str(key.value)
        if name in out:
            raise ConfigError(f"{document.name}:{key.start_mark.line + 1}: {name} stands there twice; keep one")
        out[name] = _value(value, (*path, name), document, seen)
        document.lines[*path, name] = key.start_mark.line + 1
    return out
