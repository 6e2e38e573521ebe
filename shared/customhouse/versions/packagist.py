"""Composer: the order of PHP's version_compare (https://www.php.net/version_compare)."""

from __future__ import annotations

import re
from functools import cmp_to_key
from itertools import zip_longest
from typing import Any

_PART = re.compile(r"[0-9]+|[^0-9.]+|(?<=\.)(?=\.)")
_SEPARATOR = re.compile(r"[-_+]")
_FORMS = (("dev",), ("a",), ("b",), ("rc", "RC"), ("#",), ("p",))
_NUMBER = _FORMS.index(("#",))
_END = -1
_ANY = None

Part = tuple[int, int | None]


def _part(text: str) -> Part:
    """Rank and number: PHP compares words by how they begin, and a word with a number as if that were `#`."""
    if text.isdigit():
        return _NUMBER, int(text)
    rank = next((place for place, form in enumerate(_FORMS) if text.startswith(form)), -1)
    return rank, _ANY if rank == _NUMBER else 0


def _compare(one: tuple[Part, ...], other: tuple[Part, ...]) -> int:
    for left, right in zip_longest(one, other, fillvalue=(_NUMBER, _END)):
        if left == right or (left[0] == right[0] and _ANY in {left[1], right[1]}):
            continue
        return -1 if left < right else 1
    return 0


_ordered = cmp_to_key(_compare)


def key(version: str) -> Any:  # noqa: ANN401 -- what functools.cmp_to_key returns has no public type
    """PHP's order, where only RC is known in capitals and a literal `#` equals every number; a leading `v` is cut."""
    plain = _SEPARATOR.sub(".", version[version[:1] in {"v", "V"} :])
    return _ordered(tuple(map(_part, _PART.findall(plain))))
