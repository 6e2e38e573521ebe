"""What a person needs to say yes to a plan: per rule how much, what it saves, who does it, and a few names."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import yaml

from customhouse.lifecycle.classes import LADDERS
from customhouse.lifecycle.limits import Limits, radius
from customhouse.lifecycle.plan import Header, Item, Total
from customhouse.lifecycle.units import show_duration, show_size
from customhouse.lifecycle.words import Action

GB = 1000**3
HEAD = ("rule", "does", "items", "bytes", "saves/month", "by the cloud", "undo")


@dataclass(frozen=True, slots=True)
class Line:
    """One rule's part of a plan; `saving` is US dollars a month, `cloud` how many items native rules do for free."""

    rule: str
    action: str
    items: int
    size: int
    saving: float
    cloud: int
    undo: int
    samples: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """A plan at a glance; `share` is the part of the inventory that the function itself would delete."""

    header: Header
    lines: tuple[Line, ...]
    items: int
    size: int
    saving: float
    cloud: float
    share: float
    dated: str


@functools.cache
def prices() -> Mapping[str, Any]:
    """US dollars per GB and month by scheme and class, and the month they are of (`dated`)."""
    text = resources.files("customhouse.lifecycle").joinpath("prices.yaml").read_text(encoding="utf-8")
    loaded: Mapping[str, Any] = yaml.safe_load(text)
    return loaded


def price(scheme: str, storage_class: str) -> float:
    """What a GB costs a month; an unknown class costs as the dearest, a folder nothing."""
    table: Mapping[str, float] = prices().get(scheme, {})
    return table.get(storage_class, table.get(LADDERS[scheme][0], 0.0)) if table else 0.0


def saving(total: Total) -> float:
    """US dollars a month that one total takes off the bill, once the undo window has passed."""
    before = price(total.scheme, total.storage_class)
    if total.action is Action.DELETE:
        return total.size / GB * before
    if total.action is Action.CLASS:
        return total.size / GB * (before - price(total.scheme, total.detail))
    return 0.0


def summarise(header: Header) -> Summary:
    """The summary of a plan, from its header alone."""
    rules = sorted({(total.rule, _does(total)) for total in header.totals})
    lines = tuple(_line(header, rule, does) for rule, does in rules)
    items = sum(line.items for line in lines)
    return Summary(
        header=header,
        lines=lines,
        items=items,
        size=sum(line.size for line in lines),
        saving=sum(line.saving for line in lines),
        cloud=sum(line.cloud for line in lines) / items if items else 0.0,
        share=radius(header)[0] / header.scanned if header.scanned else 0.0,
        dated=str(prices()["dated"]),
    )


def by_class(header: Header) -> dict[str, float]:
    """US dollars saved a month by the class that artifacts are in, or are moved from and to."""
    found: defaultdict[str, float] = defaultdict(float)
    for total in header.totals:
        moved = f" to {total.detail}" if total.action is Action.CLASS else ""
        found[(total.storage_class or "no class") + moved] += saving(total)
    return {name: money for name, money in sorted(found.items()) if money}


def _does(total: Total) -> str:
    return f"{total.action} {total.detail}".strip()


def _line(header: Header, rule: str, does: str) -> Line:
    mine = [total for total in header.totals if (total.rule, _does(total)) == (rule, does)]
    return Line(
        rule=rule,
        action=does,
        items=sum(total.items for total in mine),
        size=sum(total.size for total in mine),
        saving=sum(map(saving, mine)),
        cloud=sum(total.items for total in mine if total.cloud),
        undo=max(total.undo for total in mine),
        samples=tuple(item for item in header.samples if item.rule == rule),
    )


def render(summary: Summary, limits: Limits | None = None) -> str:
    """The summary as plain text, at most a screen for a handful of rules."""
    header = summary.header
    out = [*opening(header), ""]
    if not summary.lines:
        return "\n".join([*out, header.note or "Nothing is due.", ""])
    rows = [cells(line) for line in summary.lines]
    rows.append(total_cells(summary))
    out += [*_aligned([HEAD, *rows]), ""]
    for line in summary.lines:
        out += [f"{line.rule}: for example", *(f"  {shown(item)}" for item in line.samples)]
    return "\n".join([*out, "", *closing(summary, limits or Limits())])


def opening(header: Header) -> Sequence[str]:
    """What was looked at, by which policy."""
    return (
        f"{header.inventory or 'inventory'}: {header.scanned:,} versions, {show_size(header.scanned_size)}",
        f"policy {header.policy[:19]}, {header.kept:,} explicitly kept",
    )


def cells(line: Line) -> tuple[str, ...]:
    """One rule's row under `HEAD`."""
    undo = show_duration(line.undo) if line.undo else "none" if line.action == Action.DELETE else ""
    part = f"{line.cloud / line.items:.0%}"
    return line.rule, line.action, f"{line.items:,}", show_size(line.size), f"${line.saving:,.2f}", part, undo


def total_cells(summary: Summary) -> tuple[str, ...]:
    """The last row."""
    money = f"${summary.saving:,.2f}"
    return "total", "", f"{summary.items:,}", show_size(summary.size), money, f"{summary.cloud:.0%}", ""


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterable[str]:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        left = [row[at].ljust(widths[at]) for at in (0, 1)]
        right = [row[at].rjust(widths[at]) for at in range(2, len(row))]
        yield "  ".join([*left, *right]).rstrip()


def shown(item: Item) -> str:
    """One sample on one line; a name may hold anything, so it is shown as Python would write it where it must."""
    name = item.location.key if item.location.key.isprintable() else ascii(item.location.key)
    return f"{name}  {show_size(item.size)}  {item.clause}"


def closing(summary: Summary, limits: Limits) -> Iterable[str]:
    """What applying it would do, and whether that needs a yes."""
    items, size = radius(summary.header)
    yield f"The function itself deletes {items:,} ({summary.share:.0%} of the inventory, {show_size(size)})."
    if items > limits.max_items or size > limits.max_bytes or summary.share > limits.max_share:
        yield "That is beyond the blast radius: apply needs --accept."
    if saved := by_class(summary.header):
        yield "Saves a month by class: " + ", ".join(f"{name} ${money:,.2f}" for name, money in saved.items()) + "."
    yield f"Savings are estimates from list prices of {summary.dated}."
