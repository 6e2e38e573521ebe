"""What Hugging Face's files make a loader fetch or run: code of repositories, targets of Hydra, shards elsewhere."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import re2

from customhouse.model import Severity
from customhouse.scanners.models_claims import Claim, TooLarge, counted, outside, shown
from customhouse.scanners.pickles_allowed import Allowed, curated, runs_code
from customhouse.scanners.pickles_values import Global

_MEMORY = 32 << 20
_TARGET = re2.compile(rb"['\"]?\b_target_['\"]?\s*:\s*['\"]?([A-Za-z_][\w.]{0,200})")
"""What hydra.utils.instantiate imports and calls, in JSON and YAML (CVE-2025-23304)."""
_HARMLESS = {"functools", "itertools", "logging", "math", "dataclasses", "enum"}
_ESCAPE = re.compile(rb"\\(?:u00|x)([0-7][0-9a-fA-F])")


def targets(file: BinaryIO) -> Iterator[Claim]:
    """Configurations that name a function of the standard library to be called."""
    data = _ESCAPE.sub(lambda found: bytes.fromhex(found[1].decode()), _read(file))
    for target in sorted({found.group(1) for found in _TARGET.finditer(data)}):
        module, _, name = target.decode().rpartition(".")
        called = Global(module, name)
        if runs_code(called) and called not in _allowed() and module not in _HARMLESS:
            yield Claim("config-target", Severity.CRITICAL, f"configuration calls {shown(target)}")


def remote_code(file: BinaryIO) -> Iterator[Claim]:
    """`auto_map` and `custom_pipelines`: classes of the model's own, or of another repository that nobody has seen."""
    for item in _tables(_read(file)):
        for name in _names([item.get("auto_map"), item.get("custom_pipelines")]):
            repository, other, _ = name.partition("--")
            if other:
                message = f"model loads code of another repository: {shown(repository)}"
                yield Claim("remote-code", Severity.MEDIUM, message)
            elif "." in name:
                yield Claim("own-code", Severity.LOW, "model brings Python code, which trust_remote_code runs")


def shards(file: BinaryIO) -> Iterator[Claim]:
    """An index of weights, which are joined to the folder's path (transformers/utils/hub.py)."""
    for item in _tables(_read(file)):
        places = item.get("weight_map")
        for place in sorted(set(filter(_outside, places.values()))) if isinstance(places, dict) else ():
            yield Claim("index-external-path", Severity.HIGH, f"weights are read from {shown(place)!r}")


@functools.cache
def _allowed() -> Allowed:
    """What pickles may import, a configuration may call."""
    return Allowed(curated())


def _outside(place: object) -> bool:
    return isinstance(place, str) and outside(place)


def _read(file: BinaryIO) -> bytes:
    data = file.read(_MEMORY + 1)
    if len(data) > _MEMORY:
        raise TooLarge("a configuration")
    return data


def _tables(data: bytes) -> Iterator[dict[str, Any]]:
    """The document, and with it what stands under a name that occurs twice; nothing where it is no JSON."""
    found: list[dict[str, Any]] = []

    def table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        found.extend([made] if len(made) == len(pairs) else [{name: value} for name, value in pairs])
        return made

    try:
        json.loads(counted(data, "a configuration"), object_pairs_hook=table)
    except (ValueError, RecursionError):
        return
    yield from found


def _names(value: object) -> Iterator[str]:
    """Every text in it."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict | list):
            waiting.extend(item.values() if isinstance(item, dict) else item)
