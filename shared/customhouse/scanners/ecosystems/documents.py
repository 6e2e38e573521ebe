"""Files of others, decoded without trust: one error for all that is wrong with them, and no surprise types."""

from __future__ import annotations

import itertools
import json
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from email.message import Message
from email.parser import HeaderParser
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from customhouse.errors import Malformed
from customhouse.scanners.ecosystems.yamls import DEEPEST, yaml_documents

_DOTTED = re.compile(
    rf"""(?<![\w.-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{DEEPEST}}}""",
)
"""The key of a TOML document that takes tomllib a time which grows with the square of its length."""
_TOML_MOST = 16 << 20
"""Bytes of a TOML document, of which tomllib reads about one MiB a second; the largest lock files have two or three."""
_TEXT_MOST, _ROOM = 32 << 20, 64 << 20
"""Bytes of a text in its file, and in memory, where one letter of some scripts makes four bytes of each."""
_PARTS = {
    "JSON": ("{[,", 1_000_000),
    "JSON with comments": ('"/,', 1_000_000),
    "TOML": ("[,\n", 300_000),
    "YAML": ("{[,\n", 500_000),
    "XML": ("<=", 500_000),
    "metadata": ("\n", 200_000),
    "text": ("\n", 1_000_000),
}
"""What begins a part of a document, and how many there may be: each takes 50 to 400 bytes, and so many, seconds."""
_COMMENT = r"//[^\n]*+|/\*(?:.*?\*/|.*)"
_LINT = re.compile(rf'("(?:[^"\\]++|\\.)*+(?:"|\\?\Z))|{_COMMENT}|,(?=(?:\s++|{_COMMENT})*+[}}\]])', re.DOTALL)
"""What JSON with comments has besides JSON, and strings, in which it means nothing; what is left open ends the text."""


def text(data: bytes) -> str:
    """UTF-8, with or without a mark, else UTF-16 where marked; what cannot be decoded becomes U+FFFD."""
    if len(data) > _TEXT_MOST:
        raise Malformed(f"no text to read: larger than {_TEXT_MOST >> 20} MiB")
    form = "utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    content = data.decode(form, "replace")
    if sys.getsizeof(content) > _ROOM:
        raise Malformed(f"no text to read: larger than {_ROOM >> 20} MiB in memory")
    return content


def lines(data: bytes) -> Iterator[str]:
    """Lines without their ends; what else Unicode takes for the end of a line is a character like any other."""
    yield from _counted(text(data).replace("\r\n", "\n").replace("\r", "\n"), "text").split("\n")


def mapping(value: object) -> Mapping[str, Any]:
    """The value if it is a table, else an empty one: absent and null parts of a document read as empty."""
    return value if isinstance(value, dict) else {}


def listing(value: object) -> list[Any]:
    """The value if it is an array, else an empty one."""
    return value if isinstance(value, list) else []


def word(value: object) -> str:
    """The value if it is text, a plain number as text, else ""."""
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def json_table(data: bytes) -> Mapping[str, Any]:
    """A JSON object."""
    return _table(_json(text(data)), "JSON")


def json_value(source: str) -> Any:  # noqa: ANN401 -- any JSON value
    """Any JSON value."""
    return _json(source)


def jsonc_table(data: bytes) -> Mapping[str, Any]:
    """A JSON object with comments and trailing commas."""
    content = _counted(text(data), "JSON with comments")
    return _table(_json(_LINT.sub(lambda found: found[1] or "", content)), "JSON")


def _counted(source: str, form: str) -> str:
    """The same text; Malformed where it has more parts than fit into memory."""
    marks, most = _PARTS[form]
    if sum(map(source.count, marks)) > most:
        raise Malformed(f"no {form} to read: more than {most:,} parts")
    return source


def _json(source: str) -> Any:  # noqa: ANN401 -- any JSON value
    """Numbers with a point stay as they are written: a version 1.10 is not 1.1."""
    try:
        return json.loads(_counted(source, "JSON"), parse_float=str)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"no JSON: {_first(error)}") from error


def toml_table(data: bytes) -> Mapping[str, Any]:
    """A TOML document; an empty file is an empty table."""
    if len(data) > _TOML_MOST or _DOTTED.search(content := text(data)):
        raise Malformed("no TOML to read: too large, or a key that nests without end")
    try:
        return tomllib.loads(_counted(content, "TOML"), parse_float=str)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"no TOML: {_first(error)}") from error


def yaml_table(data: bytes) -> Mapping[str, Any]:
    """A YAML document that is a mapping whose scalars are all text; empty is empty."""
    documents = yaml_tables(data)
    if len(documents) > 1:
        raise Malformed("no YAML to read: more than one document")
    return documents[0] if documents else {}


def yaml_tables(data: bytes) -> list[Mapping[str, Any]]:
    """The same of several documents in one."""
    documents = yaml_documents(_counted(text(data), "YAML"))
    return [_table({} if value == "" else value, "YAML") for value in documents]


def _table(value: object, form: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Malformed(f"a {form} {type(value).__name__} where a table belongs")
    return value


def understood(value: object, latest: int) -> None:
    """Malformed where a file states a newer version of its format than we know: what it means is a guess then."""
    major = word(value).partition(".")[0]
    if major.isdecimal() and int(major) > latest:
        raise Malformed(f"version {major} of this format, newer than {latest}, the last that is understood")


def headers(data: bytes) -> Message:
    """RFC 822 headers, as Python metadata has them, without what stands below them."""
    return HeaderParser().parsestr(head(data))


def head(data: bytes) -> str:
    """What stands above the first blank line."""
    return _counted("\n".join(itertools.takewhile(str.strip, lines(data))), "metadata")


def _first(error: BaseException) -> str:
    """One line of an error's text."""
    return str(error).partition("\n")[0][:120] or type(error).__name__


class _Guard:
    """Builds a tree from expat's events; a document that declares entities or nests without end is refused."""

    def __init__(self) -> None:
        self.builder = TreeBuilder()
        self.depth = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise Malformed(f"no XML to read: nested deeper than {DEEPEST}")
        self.builder.start(_local(name), {_local(key): value for key, value in attributes.items()})

    def end(self, name: str) -> None:
        self.depth -= 1
        self.builder.end(_local(name))

    def entity(self, *_: object) -> None:
        raise Malformed("no XML to read: it declares entities")


def _local(name: str) -> str:
    """A name without its namespace."""
    return name.rpartition("}")[2]


def xml_root(data: bytes) -> Element:
    """The root element, names without namespaces; no entity is expanded and nothing external is opened."""
    _counted(data.decode("latin-1"), "XML")
    guard = _Guard()
    parser = expat.ParserCreate(namespace_separator="}")
    parser.StartElementHandler = guard.start
    parser.EndElementHandler = guard.end
    parser.CharacterDataHandler = guard.builder.data
    parser.EntityDeclHandler = guard.entity
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise Malformed(f"no XML: {_first(error)}") from error
    return guard.builder.close()


def child(element: Element, name: str) -> str:
    """The text of an element's child, "" where there is none."""
    return (element.findtext(name) or "").strip()
