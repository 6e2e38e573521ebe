"""Which names a pickle may import; the list is data under `rules/pickles`, whatever is not on it is denied."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from customhouse.scanners.pickles_values import Global

CURATED = Path(__file__).parent / "rules" / "pickles" / "allowed.txt"
_CLASS, _NONE = "Class", "-"


class Allowed:
    """The list: exact modules first, then modules with `.*`; `Class` is any name of a class, `-` ends the search."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._modules: dict[str, set[str]] = {}
        for line in lines:
            module, colon, names = line.partition("#")[0].partition(":")
            if colon:
                self._modules.setdefault(module.strip(), set()).update(names.split())

    def __contains__(self, item: Global) -> bool:
        for module in _candidates(item.module):
            names = self._modules.get(module, ())
            if _named(item.name, names):
                return True
            if _NONE in names:
                return False
        return False


def curated() -> list[str]:
    """The lines of our own list."""
    return CURATED.read_text(encoding="utf-8").splitlines()


def runs_code(item: Global) -> bool:
    """Whether the name is of the standard library, whose names that are not allowed can run anything."""
    return item.module.partition(".")[0] in _STANDARD


def _candidates(module: str) -> Iterable[str]:
    yield module
    while module:
        yield f"{module}.*"
        module = module.rpartition(".")[0]


def _named(name: str, names: Iterable[str]) -> bool:
    """Classes are in CamelCase or, as LSTM and PCA, in capitals; those with an underscore are constants."""
    constant = name.isupper() and "_" in name
    return name in names or (_CLASS in names and name[:1].isupper() and name.isidentifier() and not constant)


_STANDARD = sys.stdlib_module_names | {"__builtin__", "copy_reg", "commands", "cPickle", "urllib2", "popen2", "os.path"}
