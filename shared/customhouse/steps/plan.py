"""A verdict becomes steps, in the order in which they are safe. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from customhouse.model import VERDICT_TAG, Copy, Decision, Delete, Inspection, Notify, Stat, Step, Tag

KEY_BYTES = 1024  # the longest name that all stores take


@dataclass(frozen=True, slots=True)
class Target:
    """A store's root and the prefix (empty, or ending with `/`) under which things are put."""

    root: str
    prefix: str = ""


def plan(
    decision: Decision,
    inspection: Inspection,
    stat: Stat,
    actions: Sequence[str],
    *,
    targets: Mapping[str, Target],
    notify: str = "",
) -> tuple[Step, ...]:
    """The steps that follow from a verdict: copies first, then tags, the delete after them, the message last.

    `actions` are the policy's for this verdict; `targets` has `released` and `quarantine` where they are
    configured. An action whose target is missing leaves the object where it is, tagged.
    """
    location, key = stat.location, stat.location.key
    tags = {VERDICT_TAG: decision.verdict.value}
    steps: list[Step] = []
    if "promote" in actions and "released" in targets:
        steps.append(_copy(stat, targets["released"], key, tags, inspection))
    moves = "quarantine" in actions and "quarantine" in targets
    if moves:
        name = _filed(location.version or location.etag, key)
        steps.append(_copy(stat, targets["quarantine"], name, tags, inspection))
    if "tag" in actions or ("quarantine" in actions and not moves):
        steps.append(Tag(location, tags))
    if moves or "delete" in actions:
        steps.append(Delete(location))
    if "notify" in actions and notify:
        steps.append(Notify(location, notify, message(decision, inspection, stat)))
    return tuple(steps)


def message(decision: Decision, inspection: Inspection, stat: Stat) -> dict[str, object]:
    """What people and systems are told; findings carry no secret by construction."""
    return {
        "type": "customhouse.verdict",
        "artifact": str(stat.location),
        "sha256": inspection.digests.get("sha256", ""),
        "kind": inspection.kind,
        "verdict": decision.verdict.value,
        "rule": decision.rule,
        "reasons": list(decision.reasons),
    }


def _copy(stat: Stat, target: Target, key: str, tags: Mapping[str, str], inspection: Inspection) -> Copy:
    name = _bounded(target.prefix, key)
    return Copy(stat.location, target.root, name, tags, stat.size, dict(inspection.digests))


def _filed(version: str, key: str) -> str:
    """A quarantine name: two versions of one name never meet."""
    return f"{hashlib.sha256(version.encode()).hexdigest()[:16]}/{key}"


def _bounded(prefix: str, key: str) -> str:
    """`prefix` and `key`, or with a digest in place of a tail that no longer fits."""
    name = prefix + key
    if len(name.encode()) <= KEY_BYTES:
        return name
    digest = hashlib.sha256(key.encode()).hexdigest()
    room = KEY_BYTES - len(digest) - 1
    return name.encode()[:room].decode(errors="ignore") + "~" + digest
