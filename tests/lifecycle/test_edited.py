"""A plan that was edited by hand: whatever its first line does not count is refused before it is done."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customhouse.errors import ConfigError
from customhouse.lifecycle import plan as planning
from customhouse.lifecycle import planner, seal
from customhouse.lifecycle.apply import apply
from customhouse.lifecycle.execute import Bucket
from customhouse.lifecycle.inventory import table
from customhouse.lifecycle.limits import Limits, RefusedPlan, counted, refuse_edited
from customhouse.lifecycle.plan import Plan
from customhouse.lifecycle.rules import TRASH
from customhouse.lifecycle.vocabulary import load
from customhouse.stores.memory import MemoryStore
from tests.lifecycle.support import NOW, contents, listed, memory, planned, written

RULES = (
    {"id": "old", "do": "delete", "undo": "7d", "age": "30d", "select": {"prefix": "a"}},
    {"id": "mark", "do": {"tag": {"tier": "old"}}, "age": "30d", "select": {"prefix": "b"}},
)


def saved(folder: Path) -> tuple[MemoryStore, Path, list[dict[str, Any]]]:
    """A bucket, its plan's file, and the lines of that."""
    store = memory()
    for key in ("a", "b", "stays", "stays too"):
        store.put(key, key.encode())
    path = folder / "plan.jsonl"
    written(planned(store, *RULES), path)
    return store, path, [json.loads(line) for line in path.read_text().splitlines()]


def reread(path: Path, lines: list[dict[str, Any]]) -> Plan:
    """The plan with other lines, by somebody who knows to seal it anew."""
    head = json.dumps(lines[0] | {"seal": seal.OPEN}, separators=(",", ":"))
    path.write_text("".join(f"{line}\n" for line in (head, *map(json.dumps, lines[1:]))))
    with path.open("r+b") as file:
        seal.seal(file)
    return planning.read(path)


def attempt(plan: Plan, store: MemoryStore) -> None:
    list(apply(plan, {store.root: Bucket(store)}, NOW, limits=Limits(max_share=1), workers=1))


@pytest.mark.parametrize("name", ["plan.jsonl", "plan.parquet"])
def test_what_a_planner_writes_is_sealed_and_read_back_whole(name: str, tmp_path: Path) -> None:
    source, path = tmp_path / "inventory.jsonl", tmp_path / name
    with source.open("wb") as file:
        table.export(listed(saved(tmp_path)[0]), file)
    with table.connect() as database:
        table.load_export(database, source)
        made = planner.make(database, load(list(RULES)), NOW, path)
    assert made.header.seal == planning.digest_of(path) != seal.OPEN
    assert len(list(made.items())) == 2
    refuse_edited(made)
    whole = path.read_bytes()
    for at in (*range(0, len(whole), 31), *range(len(whole) - 8, len(whole))):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises((ConfigError, RefusedPlan)):
            refuse_edited(planning.read(path))
    for length in range(0, len(whole), 31):
        path.write_bytes(whole[:length])
        with pytest.raises((ConfigError, RefusedPlan)):
            refuse_edited(planning.read(path))


def test_an_object_that_is_called_like_an_open_seal_breaks_none(tmp_path: Path) -> None:
    store, path = memory(), tmp_path / "plan.jsonl"
    for key in (f'a"seal":"{seal.OPEN}"', f"a{seal.OPEN}", "stays", "stays too"):
        store.put(key, b"x")
    made = written(planned(store, *RULES), path)
    assert made.header.seal == planning.digest_of(path)
    attempt(made, store)
    assert {key for key in contents(store) if not key.startswith(TRASH)} == {"stays", "stays too"}


@pytest.mark.parametrize(
    "edit",
    [
        lambda items: items.replace(b'"key":"a"', b'"key":"stays"'),
        lambda items: items.replace(b'"live":true', b'"live":false', 1),
        lambda items: items.replace(b"age >= 30d", b"age >= 31d", 1),
        lambda items: items.replace(b'"size":1', b'"size":2', 1),
        lambda items: items + b"\n",
        lambda items: items[: items.index(b"\n") + 1],
        lambda items: b"".join(reversed(items.splitlines(keepends=True))),
        lambda items: items[:0],
    ],
)
def test_a_plan_whose_items_are_others_is_refused_before_the_first_of_them(
    edit: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    store, path, _ = saved(tmp_path)
    head, _, items = path.read_bytes().partition(b"\n")
    assert edit(items) != items
    path.write_bytes(head + b"\n" + edit(items))
    with pytest.raises(RefusedPlan, match="edited or cut off"):
        attempt(planning.read(path), store)
    assert set(contents(store)) == {"a", "b", "stays", "stays too"}


@pytest.mark.parametrize(
    "edit",
    [
        {"clock": NOW + 1},
        {"protect": {"old": {"a": "b"}}},
        {"dated": ["old"]},
        {"scanned": 9000},
        {"policy": "sha256:x"},
    ],
)
def test_a_plan_whose_first_line_says_something_else_is_refused(edit: dict[str, Any], tmp_path: Path) -> None:
    store, path, _ = saved(tmp_path)
    head, _, items = path.read_bytes().partition(b"\n")
    path.write_bytes(json.dumps(json.loads(head) | edit, separators=(",", ":")).encode() + b"\n" + items)
    with pytest.raises(RefusedPlan, match="edited or cut off"):
        refuse_edited(planning.read(path))
    assert set(contents(store)) == {"a", "b", "stays", "stays too"}


def test_a_plan_without_a_seal_is_refused(tmp_path: Path) -> None:
    store, path, [head, *items] = saved(tmp_path)
    del head["seal"]
    path.write_text("".join(json.dumps(line) + "\n" for line in (head, *items)))
    with pytest.raises(RefusedPlan, match="edited or cut off"):
        attempt(planning.read(path), store)


@pytest.mark.parametrize(
    "edit",
    [
        {"undo": 0},
        {"undo": 60},
        {"action": "tag", "detail": "tier=old"},
        {"rule": "mark"},
        {"rule": "nobody's"},
        {"rule": "undo-7d"},
        {"detail": "x"},
        {"storage_class": "GLACIER"},
        {"cloud": True},
    ],
)
def test_an_item_that_the_first_line_does_not_count_is_refused_before_it_is_done(
    edit: dict[str, Any], tmp_path: Path
) -> None:
    store, path, [head, delete, mark] = saved(tmp_path)
    with pytest.raises(RefusedPlan, match="it was edited"):
        attempt(reread(path, [head, delete | edit, mark]), store)
    assert set(contents(store)) == {"a", "b", "stays", "stays too"}


def test_what_a_plan_tags_cannot_be_made_a_delete(tmp_path: Path) -> None:
    store, path, [head, delete, mark] = saved(tmp_path)
    with pytest.raises(RefusedPlan, match="it was edited"):
        attempt(reread(path, [head, mark | {"action": "delete"}, delete]), store)
    assert set(contents(store)) == {"a", "b", "stays", "stays too"}


def test_a_delete_outside_the_trash_does_not_pass_for_emptying_it_even_where_the_first_line_counts_it(
    tmp_path: Path,
) -> None:
    store, path, [head, delete, mark] = saved(tmp_path)
    for total in head["totals"]:
        total["rule"] = total["rule"].replace("old", "undo-7d")
    with pytest.raises(RefusedPlan, match="it was edited"):
        attempt(reread(path, [head, delete | {"rule": "undo-7d"}, mark]), store)
    assert "a" in contents(store)


def test_a_line_that_is_there_twice_is_refused_and_one_that_was_taken_out_is_not_done(tmp_path: Path) -> None:
    store, path, [head, delete, mark] = saved(tmp_path)
    with pytest.raises(RefusedPlan, match="it was edited"):
        attempt(reread(path, [head, delete, delete]), store)
    store, path, [head, delete, mark] = saved(tmp_path)
    attempt(reread(path, [head, mark]), store)
    assert "a" in contents(store)


@pytest.mark.parametrize(
    "edit", [{"location": {"root": "memory://x", "key": "a", "version": 7}}, {"action": "purge"}, {"undo": "7d"}]
)
def test_a_line_that_is_no_item_any_more_stops_in_one_line_that_names_it(edit: dict[str, Any], tmp_path: Path) -> None:
    store, path, [head, delete, _] = saved(tmp_path)
    with pytest.raises(ConfigError, match=r"plan\.jsonl:2: not an item of a lifecycle plan [^\n]+$"):
        attempt(reread(path, [head, delete | edit]), store)
    assert "a" in contents(store)


def test_an_item_that_names_another_object_finds_no_such_version(tmp_path: Path) -> None:
    store, path, [head, delete, _] = saved(tmp_path)
    delete["location"]["key"] = "stays"
    attempt(reread(path, [head, delete]), store)
    assert contents(store)["stays"] == b"stays"


@given(st.lists(st.integers(0, 3), max_size=6), st.permutations(range(3)))
@settings(max_examples=100)
def test_exactly_the_items_that_are_counted_pass_in_any_order(extra: list[int], order: list[int]) -> None:
    store = memory()
    for key in ("a1", "a2", "b"):
        store.put(key, b"x")
    plan = planned(store, *RULES)
    items = list(plan.items())
    shuffled = [items[at] for at in order]
    assert list(counted(plan.header, shuffled)) == shuffled
    more = [items[at] for at in extra if at < len(items)]
    if more:
        with pytest.raises(RefusedPlan):
            list(counted(plan.header, [*shuffled, *more]))
