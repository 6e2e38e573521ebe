"""A plan: a header that says what it was made from and what it comes to, then one item per change."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

import msgspec

from customhouse.errors import ConfigError
from customhouse.lifecycle import seal
from customhouse.lifecycle.interpreter import interpret
from customhouse.lifecycle.rules import Rule, digest, purges
from customhouse.lifecycle.using import InUse
from customhouse.lifecycle.words import Action, Artifact, Disposition
from customhouse.model import LIFECYCLE_TAG, Location

FORMAT = "customhouse-plan/1"
SAMPLES = 3
"""Items of each rule that the header quotes."""


@dataclass(frozen=True, slots=True)
class Item:
    """One intended change, pinned to the version it was planned on; `undo` in seconds, `size` in bytes.

    `cloud` tells that an installed native rule will do it, so that the function leaves it alone.
    """

    location: Location
    action: Action
    rule: str
    clause: str
    detail: str = ""
    size: int = 0
    storage_class: str = ""
    undo: int = 0
    live: bool = True
    cloud: bool = False


@dataclass(frozen=True, slots=True)
class Total:
    """Items of one rule that do the same to the same class: how many, and how many bytes."""

    rule: str
    action: Action
    detail: str
    scheme: str
    storage_class: str
    cloud: bool
    undo: int
    items: int
    size: int


@dataclass(frozen=True, slots=True)
class Header:
    """What a plan was made from, and what it comes to.

    `clock` is the planner's now (UTC epoch seconds), `inventory` where its rows came from, `scanned` and
    `scanned_size` all that was looked at, `kept` how many artifacts a rule explicitly keeps, `protect` the tags that
    spare an artifact, by rule, looked at again before anything is done; so are the dates of artifacts for the `dated`
    rules, and what is `in_use`. `seal` is the digest of the whole file.
    """

    policy: str
    inventory: str
    clock: float
    scanned: int
    scanned_size: int
    kept: int
    totals: tuple[Total, ...]
    samples: tuple[Item, ...] = ()
    protect: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    dated: tuple[str, ...] = ()
    in_use: InUse = field(default_factory=InUse)
    note: str = ""
    seal: str = ""
    format: str = FORMAT

    @property
    def acting(self) -> set[str]:
        """The rules that have something to do."""
        return {total.rule for total in self.totals}


@dataclass(frozen=True, slots=True)
class Plan:
    """A header and its items, which may be iterated again and again; `digest` is what its file has to be sealed with.

    That is None of a plan that was never out of memory.
    """

    header: Header
    items: Callable[[], Iterator[Item]]
    digest: Callable[[], str] | None = None


EXACT = "exact"
Marks = Mapping[str, str]
"""How the cloud carries a rule out: `exact`, or the label of the artifacts it does it to; absent where it does not."""


def make(
    rules: Sequence[Rule],
    inventory: Sequence[Artifact],
    now: float,
    *,
    source: str = "",
    in_use: AbstractSet[str] | None = None,
    lists: Sequence[str] = (),
    marks: Marks | None = None,
) -> Plan:
    """Plan with the reference interpreter: right for what fits in memory and for where DuckDB is not installed.

    `lists` are where `in_use` was read, for `apply` to read it again.
    """
    rules = ready(rules, in_use)
    chosen = interpret(rules, inventory, now, in_use or frozenset())
    by_id = {rule.id: rule for rule in rules}
    items = [
        _item(artifact, one, by_id[one.rule], marks or {})
        for artifact, one in zip(inventory, chosen, strict=True)
        if one.action.changes
    ]
    header = Header(
        policy=digest(tuple(rules)),
        inventory=source,
        clock=now,
        scanned=len(inventory),
        scanned_size=sum(artifact.size for artifact in inventory),
        kept=sum(one.action is Action.KEEP for one in chosen),
        totals=totals(items),
        samples=samples(items),
        protect=protect(rules),
        dated=dated(rules),
        in_use=InUse.of(rules, in_use, lists),
        note=note(rules),
    )
    return Plan(header, lambda: iter(items))


def ready(rules: Sequence[Rule], in_use: AbstractSet[str] | None) -> tuple[Rule, ...]:
    """The rules with those that empty the trash; refuses to plan as if nothing were in use."""
    asking = [rule.id for rule in rules if rule.protect.in_use]
    if asking and in_use is None:
        raise ConfigError(
            f"rule {asking[0]!r} protects what is in use: give an in-use list (`# nothing` where nothing is)"
        )
    return (*rules, *purges(tuple(rules)))


def note(rules: Sequence[Rule]) -> str:
    """What to tell where a plan is empty for want of rules."""
    return "" if rules else "the policy has no lifecycle rules, so nothing is planned"


def protect(rules: Iterable[Rule]) -> dict[str, dict[str, str]]:
    """The protecting tags of each rule."""
    return {rule.id: dict(rule.protect.tag) for rule in rules if rule.protect.tag}


def dated(rules: Iterable[Rule]) -> tuple[str, ...]:
    """The rules that ask for the dates of single artifacts."""
    return tuple(rule.id for rule in rules if rule.expires)


def is_cloud(mark: str, tags: Mapping[str, str]) -> bool:
    """Whether the cloud does it: the rule is native, or armed and this artifact carries its label."""
    return mark == EXACT or (bool(mark) and tags.get(LIFECYCLE_TAG) == mark)


def _item(artifact: Artifact, one: Disposition, rule: Rule, marks: Marks) -> Item:
    cloud = is_cloud(marks.get(one.rule, ""), artifact.tags)
    return Item(
        artifact.location,
        one.action,
        one.rule,
        one.clause,
        one.detail,
        artifact.size,
        artifact.storage_class,
        rule.undo if one.action is Action.DELETE else 0,
        artifact.live,
        cloud,
    )


Counted = tuple[str, Action, str, str, str, bool, int]
"""What a total's items have in common, in the order of its fields."""


def counted_as(item: Item) -> Counted:
    """Which total an item is part of."""
    return item.rule, item.action, item.detail, item.location.scheme, item.storage_class, item.cloud, item.undo


def totals(items: Iterable[Item]) -> tuple[Total, ...]:
    """Items counted by everything that a price or a limit depends on."""
    sums: defaultdict[Counted, list[int]] = defaultdict(lambda: [0, 0])
    for item in items:
        sums[counted_as(item)][0] += 1
        sums[counted_as(item)][1] += item.size
    return tuple(Total(*key, items=count, size=size) for key, (count, size) in sorted(sums.items()))


def samples(items: Iterable[Item]) -> tuple[Item, ...]:
    """The first few items of each rule by name."""
    found: defaultdict[str, list[Item]] = defaultdict(list)
    for item in items:
        found[item.rule].append(item)
    return tuple(
        item
        for rule in sorted(found)
        for item in sorted(found[rule], key=lambda one: (one.location.key, one.location.version))[:SAMPLES]
    )


def write(plan: Plan, file: BinaryIO) -> None:
    """JSON Lines: the header, then the items; sealed. The file is written from its beginning."""
    encode = msgspec.json.Encoder().encode
    head = encode(replace(plan.header, seal=seal.OPEN)) + b"\n"
    found = hashlib.sha256(head)
    file.write(head)
    for item in plan.items():
        line = encode(item) + b"\n"
        file.write(line)
        found.update(line)
    end = file.tell()
    file.seek(0)
    file.write(encode(replace(plan.header, seal=f"sha256:{found.hexdigest()}")))
    file.seek(end)


def read(path: Path) -> Plan:
    """A plan from its file (`.jsonl` or `.parquet`); ConfigError where it is none, or of another format."""
    if path.suffix == ".parquet":
        from customhouse.lifecycle.planner import read_parquet  # noqa: PLC0415 -- DuckDB only where asked for

        return read_parquet(path)
    with path.open("rb") as file:
        header = parse_header(file.readline(), str(path))
    return Plan(header, lambda: _items(path), lambda: digest_of(path))


def digest_of(path: Path) -> str:
    """What the plan in a file must be sealed with."""
    with path.open("rb") as file:
        return seal.digest(file)


def parse_header(line: bytes, name: str) -> Header:
    """The header from its JSON."""
    try:
        if json.loads(line).get("format") == FORMAT:
            return msgspec.json.decode(line, type=Header)
    except (ValueError, AttributeError):  # msgspec's errors are ValueErrors
        pass
    raise ConfigError(f"{name}: not a lifecycle plan of format {FORMAT}: write one with `customhouse lifecycle plan`")


def _items(path: Path) -> Iterator[Item]:
    with path.open("rb") as file:
        file.readline()
        yield from parse_items(file, str(path))


def parse_items(lines: Iterable[bytes], name: str) -> Iterator[Item]:
    """The items from the lines behind the header; ConfigError at one that is none."""
    decode = msgspec.json.Decoder(Item).decode
    for number, line in enumerate(lines, start=2):
        if line == b"\n":  # what DuckDB writes behind no items
            continue
        try:
            yield decode(line)
        except msgspec.MsgspecError as error:
            raise ConfigError(f"{name}:{number}: not an item of a lifecycle plan ({error})") from None
