"""What is running somewhere: digests and addresses that a rule with `protect: {in_use: true}` never touches."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from customhouse.errors import ConfigError

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def parse(text: str, name: str) -> frozenset[str]:
    """The digests and addresses in a list, a Kubernetes dump or ECR's image scan data.

    A list has one digest (`sha256:…`) or address (`s3://bucket/key`) a line, `#` begins a comment. A dump is the
    output of `kubectl get pods -A -o json`; on AWS, Inspector's `inUseCount` from `DescribeImages` or coverage is
    read. Anything else is refused (ConfigError): an unreadable list must not look like an empty one.
    """
    if text.lstrip().startswith(("{", "[")):
        try:
            return frozenset(_json(json.loads(text)))
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{name}: not JSON: {error}") from None
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    return frozenset(_line(line, f"{name}:{number}") for number, line in enumerate(lines, start=1) if line)


def _line(line: str, place: str) -> str:
    found = DIGEST.search(line)
    if found and line.endswith(found[0]):
        return found[0]
    if "://" in line:
        return line
    raise ConfigError(f"{place}: expected a digest sha256:… or an address such as s3://bucket/key, found {line!r}")


def _json(value: Any, *, running: bool = False) -> Iterator[str]:  # noqa: ANN401 -- somebody's JSON
    """Digests that a running container names as its image, or that have a use count above nought."""
    if isinstance(value, list):
        for inside in value:
            yield from _json(inside, running=running)
    elif isinstance(value, dict):
        used = running or int(value.get("inUseCount") or 0) > 0
        for key, inside in value.items():
            named = used or key in {"imageID", "image"}
            if isinstance(inside, str) and named:
                yield from DIGEST.findall(inside)
            elif isinstance(inside, dict | list):
                yield from _json(inside, running=used)
