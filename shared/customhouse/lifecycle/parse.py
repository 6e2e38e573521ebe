"""Parsers of single values in a rule; each raises ValueError saying what was expected."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping, Sequence

from customhouse.lifecycle import patterns
from customhouse.model import LIFECYCLE_TAG, VERDICT_TAG

NAME = re.compile(r"[a-z0-9](-?[a-z0-9]){0,31}")
TAG_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:+-]{0,127}")  # no =: a plan writes tags as key=value
TAG_VALUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:=+-]{0,255}")
URL = re.compile(r"((s3|gs|memory)://[^/\s]+|az://[^/\s]+/[^/\s]+|file://(/[^\s/]+)+|oci://[^/\s]+(/[^/\s]+)+)/?")


def texts(value: object, allowed: Sequence[str] = ()) -> tuple[str, ...]:
    """One text or a list of them, none empty; each one of `allowed` where given."""
    found = value if isinstance(value, list) else [value]
    if not found or not all(isinstance(item, str) and item for item in found):
        raise ValueError(f"expected text or a list of texts, found {value!r}")
    for item in found:
        if allowed:
            choice(item, allowed)
    return tuple(str(item) for item in found)


def globs(value: object) -> tuple[str, ...]:
    """Globs that compile."""
    found = texts(value)
    for item in found:
        patterns.compiled(patterns.glob(item))
    return found


def regexes(value: object) -> tuple[str, ...]:
    """RE2 expressions that compile."""
    found = texts(value)
    for item in found:
        patterns.compiled(item)
    return found


def known(value: object, what: str, there: Collection[str]) -> tuple[str, ...]:
    """Texts of which each is there: of another, which would select nothing, the nearest is named."""
    found = texts(value)
    for item in found:
        if item not in there:
            [nearest] = difflib.get_close_matches(item.lower(), there, 1, 0)
            raise ValueError(f"no {what} is called {item!r}; the nearest is {nearest!r}")
    return found


def choice(value: object, allowed: Sequence[str]) -> str:
    """One of the allowed words."""
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"expected one of {', '.join(allowed)}, found {value!r}")
    return str(value)


def boolean(value: object) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueError(f"expected true or false, found {value!r}")  # noqa: TRY004 -- becomes a ConfigError
    return value


def count(value: object) -> int:
    """A whole number from 1."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"expected a whole number from 1, found {value!r}; leave keep out to keep none")
    return value


def identifier(value: object) -> str:
    """A name that fits every cloud's rule id and tag value; never purely numeric."""
    if not isinstance(value, str) or not NAME.fullmatch(value) or value.isdigit():
        raise ValueError(
            f"expected up to 32 lower-case letters and digits, single dashes between, not only digits; found {value!r}"
        )
    if value.startswith("undo-"):
        raise ValueError(f"names that begin with undo- are those of the rules that empty the trash; found {value!r}")
    return value


def roots(value: object) -> tuple[str, ...]:
    """URLs of whole stores, without a trailing slash: no object's store would ever equal that of a part."""
    found = texts(value)
    for item in found:
        if not URL.fullmatch(item):
            raise ValueError(
                f"expected a whole store such as s3://bucket or az://account/container, found {item!r}; "
                "a part of one is select: {prefix: …}"
            )
    return tuple(item.rstrip("/") for item in found)


def tags(value: object) -> dict[str, str]:
    """Tags to look for: any key and value of text."""
    if not isinstance(value, Mapping) or not value:
        raise ValueError(f"expected a mapping of tags to values, found {value!r}")
    if not all(isinstance(item, str) for pair in value.items() for item in pair):
        raise ValueError('tags and values are text: quote them, as in {pinned: "true"}')
    return {str(key): str(item) for key, item in value.items()}


def tags_written(value: object) -> dict[str, str]:
    """Tags to set: the portable alphabet, and never our own two."""
    found = tags(value)
    for key, item in found.items():
        if key in {VERDICT_TAG, LIFECYCLE_TAG}:
            raise ValueError(f"the tag {key} is set by customhouse alone")
        if not TAG_KEY.fullmatch(key) or not TAG_VALUE.fullmatch(item) or item.isdigit():
            raise ValueError(
                f"{key}={item} is not portable: letters, digits and _.:+- (in values = too) only, and not only digits"
            )
    return found
