"""How tags combine: nobody's are lost, ours are never somebody else's, and a copy's fit the store that takes it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from customhouse.model import VERDICT_TAG
from customhouse.stores.tagging import METADATA, TAGS, carried, merged

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
SETS = st.dictionaries(
    NAMES | st.sampled_from([VERDICT_TAG, "customhouse-lifecycle", "customhouse-x"]), NAMES, max_size=14
)
CHANGES = st.dictionaries(NAMES | st.sampled_from([VERDICT_TAG]), NAMES | st.none(), max_size=4)
OURS = {VERDICT_TAG: "quarantined"}


@given(SETS, CHANGES)
def test_a_change_touches_what_it_names_and_nothing_else(
    current: dict[str, str], changes: dict[str, str | None]
) -> None:
    after = merged(current, changes)
    assert {name: after.get(name) for name in changes} == changes
    assert {name: value for name, value in after.items() if name not in changes} == {
        name: value for name, value in current.items() if name not in changes
    }


@given(SETS, CHANGES)
def test_a_change_made_twice_is_made_once(current: dict[str, str], changes: dict[str, str | None]) -> None:
    once = merged(current, changes)
    assert merged(once, changes) == once


@given(SETS)
def test_a_copy_carries_everything_but_what_claims_to_be_ours(source: dict[str, str]) -> None:
    foreign = {name: value for name, value in source.items() if not name.startswith("customhouse-")}
    assert carried(source, OURS) == foreign | OURS


@given(SETS, st.integers(1, 12), st.integers(40, 200))
def test_an_uploader_who_fills_every_tag_leaves_room_for_the_verdict(
    source: dict[str, str], most: int, size: int
) -> None:
    copy = carried(source, OURS, most=most, size=size)
    assert copy[VERDICT_TAG] == "quarantined"
    assert len(copy) <= most
    assert sum(len((name + value).encode()) for name, value in copy.items()) <= size
    assert {name: source[name] for name in copy if name not in OURS}.items() <= source.items()


def test_of_what_does_not_fit_no_more_is_left_out_than_must_be() -> None:
    full = {f"t{n}": "v" for n in range(TAGS)}
    assert carried(full, OURS, most=TAGS) == dict(list(full.items())[: TAGS - 1]) | OURS
    large = {"a": "x" * METADATA, "b": "kept"}
    assert carried(large, OURS, size=METADATA) == {"b": "kept"} | OURS


def test_what_fits_is_carried_whole() -> None:
    nine = {f"t{n}": "v" for n in range(TAGS - 1)} | {VERDICT_TAG: "clean"}
    assert len(carried(nine, OURS, most=TAGS)) == TAGS
