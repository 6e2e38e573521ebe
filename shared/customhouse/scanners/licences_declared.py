"""Which licences files declare or hold, as they are written there."""

from __future__ import annotations

import html
import itertools
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from email.parser import HeaderParser
from typing import Any

import re2

from customhouse.scanners.licences_names import expression, recognised

_NUSPEC = re2.compile(r"<license\s[^<>]{0,200}\btype\s*=\s*[\"']expression[\"'][^<>]{0,200}>\s*([^<]{1,500})</license>")
_POM = re2.compile(r"(?s)<license\s*>(.*?)</license\s*>")
_POM_NAME = re2.compile(r"<name>\s*(?:<!\[CDATA\[)?\s*([^<\]]{1,900}?)\s*(?:\]\]>)?\s*</name>")
_COMMENT = re2.compile(r"(?s)<!--.*?-->")
_TAG = re2.compile(r"SPDX-License-Identifier:[ \t]*([^\r\n*]{1,300})")
_FRONT = re2.compile(r"(?s)---[ \t]*\r?\n(.*?\n)---")
_STATED = re2.compile(r"(?m)^license:[ \t]*(\S[^\n#]*|\n(?:[ \t]*- [^\n#]*\n)+)")
_CLASSIFIER = "License :: "
_BEGINNINGS = ("license", "licence", "copying", "unlicense")
_ENDINGS = ("license", "licence", "licenses", "licences", "copying")
_BODY = re.compile(r"\r?\n\r?\n")
_PARTS, _DOTS = 2_000_000, 10_000
_LINES, _NAMES = 20_000, 500


class TooMuch(Exception):  # noqa: N818 -- what the document is
    """A document of more parts than fit into memory or time."""


def bounded(names: Iterable[str]) -> Iterator[str]:
    """Each once; TooMuch where there are more than anybody declares."""
    seen: set[str] = set()
    for name in names:
        if name not in seen:
            if len(seen) == _NAMES:
                raise TooMuch(f"more than {_NAMES:,} licences")
            seen.add(name)
            yield name


Reader = Callable[[str], Iterable[str]]


def reader(path: str) -> Reader | None:
    """What finds the licences in a file of this name."""
    folder, _, name = path.lower().rpartition("/")
    stem = name.partition(".")[0]
    named = name.startswith(_BEGINNINGS) or stem.endswith(_ENDINGS)
    kept = folder.rpartition("/")[2] in {"licenses", "licences"}  # as REUSE and wheels have it
    if (named or kept) and not name.endswith((".py", ".js", ".json")):
        return _file
    return next((reader for ending, reader in _READERS.items() if name.endswith(ending)), None)


def _file(text: str) -> Iterator[str]:
    """Every licence whose text is there, and those that a tag names."""
    yield from recognised(text)
    for found in _TAG.finditer(text):
        yield found.group(1).strip()


def _metadata(text: str) -> Iterator[str]:
    """A wheel's or sdist's core metadata: the expression, else a name or a whole text, else the classifiers."""
    head = _BODY.split(text, 1)[0]
    if head.count("\n") > _LINES:
        raise TooMuch("more headers than are read")
    headers = HeaderParser().parsestr(head)
    stated = [" ".join(one.split()) for one in headers.get_all("License-Expression", [])]
    yield from stated or _named((headers["License"] or "").strip(), headers.get_all("Classifier", []))


def _named(declared: str, classifiers: Iterable[object]) -> Iterator[str]:
    """A name, or the licences of a text; the classifiers where neither says anything that is understood."""
    found = recognised(declared) if "\n" in declared else [declared]
    yield from (name for name in found if name and name.upper() != "UNKNOWN")
    if any(expression(name) is not None for name in found):
        return
    for line in map(str, classifiers):
        last = line.rpartition(" :: ")[2].strip()
        if line.startswith(_CLASSIFIER) and last != "OSI Approved":
            yield last


def _pyproject(text: str) -> Iterator[str]:
    """PEP 639 and PEP 621, and Poetry's own table."""
    document = _toml(text)
    project, poetry = _table(document, "project"), _table(_table(document, "tool"), "poetry")
    stated = project.get("license") or poetry.get("license") or ""
    if isinstance(stated, dict):
        stated = stated.get("text") or ""
    classifiers = project.get("classifiers")
    yield from _named(str(stated).strip(), classifiers if isinstance(classifiers, list) else ())


def _card(text: str) -> Iterator[str]:
    """The licence in the metadata of a Hugging Face model card: YAML above the text, one name or a list."""
    if head := _FRONT.match(text):
        for found in _STATED.finditer(head.group(1)):
            yield from (
                name.strip(" \t'\"") for name in re.split(r"[,\n]", found.group(1).replace("- ", "").strip(" []\n"))
            )


def _json(text: str) -> Iterator[str]:
    """package.json and composer.json: a text, an object with `type`, or a list of either, one of which is enough."""
    document = _parsed(json.loads, _counted(text, "{[,"))
    stated = document.get("license") or document.get("licenses") or []
    names = [item.get("type") if isinstance(item, dict) else item for item in _list(stated)]
    yield from _either(name for name in names if isinstance(name, str))


def _cargo(text: str) -> Iterator[str]:
    """A crate's, or what a workspace has for those of its crates that inherit it."""
    document = _toml(text)
    for place in (document, _table(document, "workspace")):
        stated = _table(place, "package").get("license")
        if isinstance(stated, str):
            yield stated.replace("/", " OR ")


def _nuspec(text: str) -> Iterator[str]:
    return (html.unescape(found.group(1)).strip() for found in _NUSPEC.finditer(text))


def _pom(text: str) -> Iterator[str]:
    """Of several licences one may choose (Maven's POM reference, "Licenses")."""
    named = (_POM_NAME.search(found.group(1)) for found in _POM.finditer(_COMMENT.sub("", text)))
    return _either(html.unescape(name.group(1)) for name in named if name)


def _either(names: Iterable[str]) -> Iterator[str]:
    """One of these is enough."""
    listed = list(bounded(names))
    if len(listed) == 1:
        yield listed[0]
    elif listed:
        parsed = [(expression(name), name) for name in listed]
        yield " OR ".join(f"({name if meant is None else meant})" for meant, name in parsed)


def _toml(text: str) -> dict[str, Any]:
    if max(map(str.count, text.splitlines(), itertools.repeat(".")), default=0) > _DOTS:
        raise TooMuch("a line of too many parts")  # the time for a dotted key grows with the square of them
    return _parsed(tomllib.loads, _counted(text, "[,\n"))


def _table(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def _counted(text: str, marks: str) -> str:
    if sum(map(text.count, marks)) > _PARTS:
        raise TooMuch("more parts than fit into memory")
    return text


def _parsed(parse: Callable[[str], Any], text: str) -> dict[str, Any]:
    try:
        document = parse(text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


_READERS: Mapping[str, Reader] = {
    "metadata": _metadata,
    "pkg-info": _metadata,
    "package.json": _json,
    "composer.json": _json,
    "cargo.toml": _cargo,
    "pyproject.toml": _pyproject,
    "readme.md": _card,
    ".nuspec": _nuspec,
    "pom.xml": _pom,
    ".pom": _pom,
}
