"""PHP: composer.lock and what Composer installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from customhouse.errors import Malformed
from customhouse.scanners.ecosystems.documents import json_table, json_value, listing, mapping, text, word
from customhouse.scanners.ecosystems.found import Found, Patterns, Source, scoped


def _packages(entries: list[Any]) -> Iterator[Found]:
    for package in entries:
        entry = mapping(package)
        if word(entry.get("name")):
            licenses = " OR ".join(filter(None, map(word, listing(entry.get("license")))))
            yield scoped("composer", word(entry["name"]), word(entry.get("version")), license_text=licenses)


def lock(source: Source) -> Iterator[Found]:
    """`packages` and `packages-dev` of composer.lock."""
    document = json_table(source.data)
    yield from _packages([*listing(document.get("packages")), *listing(document.get("packages-dev"))])


def installed(source: Source) -> Iterator[Found]:
    """vendor/composer/installed.json: a list (Composer 1) or an object with `packages`."""
    document = json_value(text(source.data))
    if not isinstance(document, dict | list):
        raise Malformed("an installed.json that is neither object nor list")
    yield from _packages(document if isinstance(document, list) else listing(document.get("packages")))


PARSERS: Patterns = {"composer.lock": lock, "composer/installed.json": installed}
