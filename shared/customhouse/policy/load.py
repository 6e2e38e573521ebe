"""The policy file becomes typed values; every mistake is one line naming file, line and remedy."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

import msgspec

from customhouse.errors import ConfigError
from customhouse.inspect.limits import Limits
from customhouse.lifecycle import vocabulary
from customhouse.lifecycle.rules import Rule as LifecycleRule
from customhouse.policy.document import Document, parse
from customhouse.policy.globs import matches
from customhouse.policy.model import Policy

_UNITS = {"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A policy ready to use; `digest` is the SHA-256 of the file, recorded with every verdict."""

    policy: Policy
    limits: Limits
    lifecycle: tuple[LifecycleRule, ...]
    digest: str


def load(text: str, name: str) -> Loaded:
    """Parse and check a whole policy file; ConfigError at the first mistake."""
    document = parse(text, name)
    policy = _convert(document)
    return Loaded(
        policy=policy,
        limits=_limits(policy, document),
        lifecycle=_lifecycle(policy, document),
        digest=hashlib.sha256(text.encode()).hexdigest(),
    )


@cache
def default() -> Loaded:
    """The packaged policy."""
    text = resources.files("customhouse.policy").joinpath("default.yaml").read_text(encoding="utf-8")
    return load(text, "default.yaml")


def schema() -> dict[str, object]:
    """The JSON Schema (2020-12) of a policy file, for editors."""
    return msgspec.json.schema(Policy)


def _convert(document: Document) -> Policy:
    try:
        policy = msgspec.convert(document.value, Policy)
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at `")
        where = document.where(_path(path.rpartition("$")[2]))  # for a name in a mapping: "key` in `$.actions`"
        raise ConfigError(f"{where}: {problem}; `customhouse policy schema` lists it") from error
    _check_rules(policy, document)
    _check_actions(policy, document)
    return policy


def _path(text: str) -> list[str | int]:
    return [int(index) if index else name for index, name in re.findall(r"\[(\d+)\]|\.?([\w-]+)", text.strip("$`"))]


def _check_rules(policy: Policy, document: Document) -> None:
    names = [rule.name for rule in policy.rules]
    for at, name in enumerate(names):
        if name in names[:at]:
            where = document.where(("rules", at, "name"))
            raise ConfigError(f"{where}: two rules are called {name!r}; give each its own name")
        _check_kinds(policy.rules[at].when.kind, document.where(("rules", at, "when", "kind")))
    if not policy.rules:
        raise ConfigError(f"{document.where(('rules',))}: no rules, so nothing could be decided; add one")


def _check_kinds(asked: str | tuple[str, ...], where: str) -> None:
    """A glob that no kind fits is a condition that never holds."""
    for glob in (asked,) if isinstance(asked, str) else asked:
        if not any(matches(glob, kind) for kind in vocabulary.KINDS):
            raise ConfigError(f"{where}: no kind is called {glob!r}; docs/inspection.md lists them")


def _check_actions(policy: Policy, document: Document) -> None:
    for verdict, actions in policy.actions.items():
        if "promote" in actions and not verdict.passes:
            where = document.where(("actions", verdict.value))
            raise ConfigError(f"{where}: what is {verdict.value} must not be promoted; take promote out")


def _limits(policy: Policy, document: Document) -> Limits:
    known = {field.name: field.type for field in dataclasses.fields(Limits)}
    values: dict[str, float] = {}
    for name, value in policy.limits.items():
        where = document.where(("limits", name))
        if name not in known:
            raise ConfigError(f"{where}: no limit {name!r}; there are {', '.join(known)}")
        amount, whole = _amount(value, where), known[name] != "float"
        if whole and amount < 1:
            raise ConfigError(f"{where}: {value!r} is less than one; write a whole number above 0")
        values[name] = int(amount) if whole else amount
    return Limits(**values)  # type: ignore[arg-type]  # each value was made what its field says


def _amount(value: float | str, where: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?([KMGT]iB|B|)", str(value))
    if not match or float(match[1]) <= 0:
        raise ConfigError(f"{where}: {value!r} is no amount; write a number above 0, or one with KiB, MiB or GiB")
    return float(match[1]) * _UNITS[match[2]]


def _lifecycle(policy: Policy, document: Document) -> tuple[LifecycleRule, ...]:
    return vocabulary.load(policy.lifecycle, lambda path: document.where(("lifecycle", *path)))
