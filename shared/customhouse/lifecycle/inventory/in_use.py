"""What is running somewhere: digests and addresses that a rule with `protect: {in_use: true}` never touches."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from customhouse.errors import ConfigError

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://.+")
COMMENT = re.compile(r"(^|\s)#.*")
NOTHING = "it lists nothing, as what failed to be written does; where nothing is in use, say so in a line `# nothing`"
MORE = ("nextToken", "NextToken", "continue", "remainingItemCount")
"""Keys by which a page says that others follow."""
TELLING = ("image", "imageID", "inUseCount")
"""Keys of which a dump that says anything about use has one."""


def parse(text: str, name: str) -> frozenset[str]:
    """The digests and addresses in a list, a Kubernetes dump or what ECR and Inspector know of use in ECS and EKS.

    A list has one digest (`sha256:…`) or address (`s3://bucket/key`) a line, `#` at its start or after a space begins
    a comment. A dump is the output of `kubectl get pods -A -o json`; on AWS, of `aws inspector2 list-coverage` or `aws
    ecr describe-image-scan-findings`, whose `inUseCount` is read. Anything else is refused (ConfigError): what failed
    to be written, or only begins a list, must not look like a list of nothing. That has a comment.
    """
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise ConfigError(f"{name}: {NOTHING}")
    if text.lstrip().startswith(("{", "[")):
        try:
            found = json.loads(text)
            if not _entries(found):
                raise ConfigError(f"{name}: {NOTHING}")
            if not _tells(found):
                raise ConfigError(f"{name}: nothing in it has {', '.join(TELLING)}: is it a dump of pods or of images?")
            if _goes_on(found):
                raise ConfigError(f"{name}: it is one page of several: dump all of them")
            return frozenset(_json(found))
        except (ValueError, TypeError, RecursionError) as error:
            raise ConfigError(f"{name}: not JSON: {error}") from None
    lines = [COMMENT.sub("", line).strip() for line in text.splitlines()]
    return frozenset().union(*(_line(line, f"{name}:{number}") for number, line in enumerate(lines, start=1) if line))


def _line(line: str, place: str) -> set[str]:
    """What a line names: an object's address may end in a digest too, and then both are spared."""
    found = set(DIGEST.findall(line)[-1:]) if DIGEST.search(line[-71:]) else set()
    found |= {line} if ADDRESS.fullmatch(line) else set()
    if found:
        return found
    raise ConfigError(f"{place}: expected a digest sha256:… or an address such as s3://bucket/key, found {line!r}")


def named_by_digest(names: Iterable[str]) -> bool:
    """Whether some are digests: what object has one, only its record tells."""
    return any(name.startswith("sha256:") for name in names)


def _entries(value: Any) -> bool:  # noqa: ANN401 -- somebody's JSON
    """Whether there is anything in a list of it."""
    inside = value.values() if isinstance(value, dict) else value
    return bool(value) if isinstance(value, list) else isinstance(value, dict) and any(map(_entries, inside))


def _goes_on(value: Any) -> bool:  # noqa: ANN401 -- as above
    """Whether a dump says that there is more: AWS by a token, Kubernetes in the list's metadata."""
    last = value[-1] if isinstance(value, list) else value
    if not isinstance(last, dict):
        return False
    said = [last, last.get("metadata")] if "items" in last else [last]
    return any(one.get(key) for one in said if isinstance(one, dict) for key in MORE)


def _tells(value: Any) -> bool:  # noqa: ANN401 -- as above
    """Whether anything in it is about images and their use."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (isinstance(value, dict) and not value.keys().isdisjoint(TELLING)) or any(map(_tells, inside))


def _count(value: Any) -> int:  # noqa: ANN401 -- as above
    """The use count of one resource, which may stand in its metadata, beside nothing that names it."""
    if not isinstance(value, dict):
        return 0
    return max([int(value.get("inUseCount") or 0), *map(_count, value.values())])


def _json(value: Any) -> Iterator[str]:  # noqa: ANN401 -- as above
    """Digests that a running container names as its image, or of resources that have a use count above nought."""
    if isinstance(value, list):
        for inside in value:
            yield from _json(inside)
    elif isinstance(value, dict):
        used = _count(value) > 0
        for key, inside in value.items():
            if isinstance(inside, str) and (used or key in {"imageID", "image"}):
                yield from DIGEST.findall(inside)
            else:
                yield from _json(inside)
