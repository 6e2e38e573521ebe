"""The whole document of a bucket: ours merged among everybody's, compared, installed and read back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from customhouse.errors import Rejected
from customhouse.lifecycle.native.compile import CLOUDS
from customhouse.lifecycle.native.gcs import ARMED
from customhouse.lifecycle.native.words import Compiled, Native, Target
from customhouse.ports import LifecycleTarget


class Drifted(Rejected):
    """Somebody changed our rules, or the cloud did not keep what was written."""


@dataclass(frozen=True, slots=True)
class Drift:
    """How a bucket's document differs from what it should be.

    `missing` are rules of ours that are not there (or not so), `stale` are there as ours but should not be,
    `foreign` are other people's and stay.
    """

    missing: tuple[Native, ...]
    stale: tuple[Native, ...]
    foreign: tuple[Native, ...]

    @property
    def clean(self) -> bool:
        """Whether the bucket is as it should be."""
        return not self.missing and not self.stale


def wrap(target: Target, rules: Sequence[Native]) -> dict[str, object]:
    """Rules as the cloud's document."""
    if target.scheme == "az":
        return {"policy": {"rules": list(rules)}}
    return {"Rules" if target.scheme == "s3" else "rule": list(rules)}


def unwrap(target: Target, document: Mapping[str, object]) -> list[Native]:
    """The rules of a cloud's document; none of an empty one."""
    inside: Mapping[str, Any] = cast("Mapping[str, Any]", document)
    if target.scheme == "az":
        inside = inside.get("policy") or {}
    return list(inside.get("Rules" if target.scheme == "s3" else "rule" if target.scheme == "gs" else "rules") or [])


def drift(target: Target, expected: Sequence[Native], document: Mapping[str, object], known: Sequence[Native]) -> Drift:
    """Compare a document with the rules that should be ours in it.

    Rules are ours by their id. Cloud Storage's have none, so there they are ours by being `expected` or `known`
    (what we installed last).
    """
    there = unwrap(target, document)
    wanted = [_plain(rule) for rule in expected]
    remembered = [_plain(rule) for rule in known]
    mine = [rule for rule in there if _ours(target, rule, wanted + remembered)]
    found = [_plain(rule) for rule in mine]
    return Drift(
        missing=tuple(rule for rule, text in zip(expected, wanted, strict=True) if text not in found),
        stale=tuple(rule for rule, text in zip(mine, found, strict=True) if text not in wanted),
        foreign=tuple(rule for rule in there if rule not in mine),
    )


def _ours(target: Target, rule: Native, known: Sequence[str]) -> bool:
    name = rule.get("ID" if target.scheme == "s3" else "name")
    return str(name).startswith(target.prefix) if name is not None else _plain(rule) in known


def _plain(rule: Native) -> str:
    """A rule's meaning as text: clouds reorder lists and leave out or add empty fields."""
    return json.dumps(_normal(rule), sort_keys=True)


def _normal(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _normal(inside) for key, inside in value.items() if inside not in (None, "", [], {})}
    if isinstance(value, list | tuple):
        return sorted((_normal(inside) for inside in value), key=lambda one: json.dumps(one, sort_keys=True))
    return value


def install(
    compiled: Compiled, there: LifecycleTarget, *, known: Sequence[Native] = (), take: bool = False
) -> Mapping[str, object]:
    """Write our rules among the others' and read them back; the document in force.

    `known` is what was installed last: where the bucket differs from it, somebody changed our rules, and that is
    refused (Drifted) unless `take`.
    """
    target = compiled.target
    before = there.native_rules()
    changed = drift(target, known, before, compiled.native)
    surprises = [*changed.missing, *(rule for rule in changed.stale if _plain(rule) not in _texts(compiled.native))]
    if surprises and not take:
        raise Drifted(f"{target.root}: {len(surprises)} of our rules were changed by somebody else; --take overrides")
    foreign = drift(target, compiled.native, before, known).foreign
    if theirs := [rule for rule in foreign if _by_custom_time(rule)]:
        _refuse_time(compiled, theirs[0])
    room = CLOUDS[target.scheme].MAX_RULES
    if len(foreign) + len(compiled.native) > room:
        raise Rejected(f"{target.root}: {len(foreign)} foreign and {len(compiled.native)} rules of ours exceed {room}")
    there.install_native_rules(wrap(target, [*foreign, *compiled.native]))
    after = there.native_rules()
    left = drift(target, compiled.native, after, known)
    if not left.clean or _texts(left.foreign) != _texts(foreign):
        raise Drifted(f"{target.root}: the cloud does not hold what was written: {left}")
    return after


def _refuse_time(compiled: Compiled, theirs: Native) -> None:
    """Refuse to arm beside a rule that asks for Custom-Times: that of an armed object is a century back."""
    if ARMED in compiled.native:
        raise Rejected(
            f"{compiled.target.root}: somebody's rule {json.dumps(theirs)} asks for the Custom-Time, and would act at "
            f"once on what is armed for {', '.join(compiled.labels)}: take it away, or arm no rule (see compile)"
        )


def _by_custom_time(rule: Native) -> bool:
    condition = rule.get("condition")
    return isinstance(condition, Mapping) and bool({"daysSinceCustomTime", "customTimeBefore"} & condition.keys())


def _texts(rules: Sequence[Native]) -> set[str]:
    return {_plain(rule) for rule in rules}
