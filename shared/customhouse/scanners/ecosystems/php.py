"""PHP: composer.lock, what Composer installed, plug-ins of WordPress."""

from __future__ import annotations

import re
from collections.abc import Iterator

from customhouse.errors import Malformed
from customhouse.scanners.ecosystems.documents import json_table, json_value, listing, mapping, text, word
from customhouse.scanners.ecosystems.found import Found, Patterns, Source, scoped

_PLUGIN = re.compile(r"(?:^|/)wp-content/plugins/(?:([^/]+)/[^/]+|([^/]+))\.php$")
_FIELD = re.compile(r"^[ \t/*#@]*+(Plugin Name|Version):(.*?)(?:\*/|\?>)?$", re.MULTILINE)
_HEAD = 8 << 10
"""Bytes of a file in which WordPress itself looks for these fields."""


def _packages(entries: object) -> Iterator[Found]:
    """Of a list, or of an object, which PHP goes through alike."""
    for package in [*listing(entries), *mapping(entries).values()]:
        entry = mapping(package)
        if word(entry.get("name")):
            licenses = " OR ".join(filter(None, map(word, listing(entry.get("license")))))
            yield scoped("composer", word(entry["name"]), word(entry.get("version")), license_text=licenses)


def lock(source: Source) -> Iterator[Found]:
    """`packages` and `packages-dev` of composer.lock."""
    document = json_table(source.data)
    for group in ("packages", "packages-dev"):
        yield from _packages(document.get(group))


def installed(source: Source) -> Iterator[Found]:
    """vendor/composer/installed.json: a list (Composer 1) or an object with `packages`."""
    document = json_value(text(source.data))
    if not isinstance(document, dict | list):
        raise Malformed("an installed.json that is neither object nor list")
    yield from _packages(document if isinstance(document, list) else document.get("packages"))


def plugin(source: Source) -> Iterator[Found]:
    """A plug-in of WordPress by the comment at the beginning of its main file, under the name of its folder or file.

    https://developer.wordpress.org/plugins/plugin-basics/header-requirements/
    """
    place = _PLUGIN.search(source.path)
    head = text(source.data[:_HEAD])
    fields = {found[1]: found[2].strip() for found in _FIELD.finditer(head)}
    if place and fields.get("Plugin Name") and fields.get("Version"):
        yield Found("wordpress", place[1] or place[2], fields["Version"])


PARSERS: Patterns = {
    "composer.lock": lock,
    "composer/installed.json": installed,
    "wp-content/plugins/*.php": plugin,
}
