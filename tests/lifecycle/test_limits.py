"""What a person is asked, and what is refused without an answer, agree; what is counted adds up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customhouse.lifecycle.classes import LADDERS
from customhouse.lifecycle.limits import Limits, RefusedPlan, radius, refuse
from customhouse.lifecycle.plan import Header, Item, Total, totals
from customhouse.lifecycle.rules import TRASH
from customhouse.lifecycle.summary import by_class, closing, render, saving, summarise
from customhouse.lifecycle.words import DAY, Action
from customhouse.model import Location
from tests.lifecycle.support import NOW

SCHEMES = sorted(LADDERS)


@st.composite
def total(draw: st.DrawFn) -> Total:
    scheme = draw(st.sampled_from(SCHEMES))
    action = draw(st.sampled_from([Action.DELETE, Action.DELETE, Action.CLASS, Action.TAG, Action.HOLD]))
    ladder = LADDERS[scheme]
    return Total(
        rule=draw(st.sampled_from(["a", "b", "undo-7d"] if action is Action.DELETE else ["c", "d"])),
        action=action,
        detail=draw(st.sampled_from(ladder[1:])) if action is Action.CLASS else "",
        scheme=scheme,
        storage_class=draw(st.sampled_from(["", *ladder])),
        cloud=draw(st.booleans()),
        undo=draw(st.sampled_from([0, 7 * int(DAY)])) if action is Action.DELETE else 0,
        items=draw(st.integers(1, 50)),
        size=draw(st.integers(0, 10**14)),
    )


headers = st.builds(
    Header,
    policy=st.just("sha256:0"),
    inventory=st.just("s3://b"),
    clock=st.just(NOW),
    scanned=st.integers(1, 400),
    scanned_size=st.just(10**15),
    kept=st.just(0),
    totals=st.lists(total(), max_size=6).map(tuple),
)
limits = st.builds(
    Limits,
    max_items=st.integers(0, 200),
    max_bytes=st.integers(0, 10**14),
    max_share=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
)


def refused(header: Header, asked: Limits, now: float = NOW, **known: Any) -> str:
    try:
        refuse(header, now, asked, **known)
    except RefusedPlan as reason:
        return str(reason)
    return ""


@given(headers, limits)
@settings(max_examples=200)
def test_a_yes_is_asked_for_exactly_where_apply_would_refuse_and_is_enough(header: Header, asked: Limits) -> None:
    asks = any("--accept" in line for line in closing(summarise(header), asked))
    assert asks == bool(refused(header, asked))
    assert not refused(header, asked, accept=True)


@given(headers, limits, total())
@settings(max_examples=200)
def test_one_more_total_never_makes_a_refused_plan_pass(header: Header, asked: Limits, more: Total) -> None:
    if refused(header, asked):
        assert refused(replace(header, totals=(*header.totals, more)), asked)


@given(headers)
@settings(max_examples=200)
def test_lines_classes_and_totals_add_up(header: Header) -> None:
    found = summarise(header)
    assert found.items == sum(one.items for one in header.totals)
    assert found.size == sum(one.size for one in header.totals)
    assert found.saving == pytest.approx(sum(map(saving, header.totals)))
    assert sum(by_class(header).values()) == pytest.approx(found.saving)
    assert radius(header)[0] <= found.items
    assert 0 <= found.cloud <= 1
    assert f"{found.items:,}" in render(found)


@pytest.mark.parametrize(
    ("age", "reason"), [(0, ""), (DAY, ""), (DAY + 1, "older than 1d"), (-300, ""), (-301, "in the future")]
)
def test_a_plan_is_good_for_a_day_and_five_minutes_of_a_clock_that_is_ahead(age: float, reason: str) -> None:
    header = Header("sha256:0", "s3://b", NOW, 1, 1, 0, ())
    for accept in (False, True):
        said = refused(header, Limits(), NOW + age, accept=accept)
        assert said.startswith("the plan") is bool(reason)
        assert reason in said


@pytest.mark.parametrize(("items", "few", "fine"), [(10, 10, True), (11, 10, False), (1, 0, False)])
def test_a_few_deletes_need_not_be_a_small_share_but_are_bounded_otherwise(items: int, few: int, *, fine: bool) -> None:
    one = Total("a", Action.DELETE, "", "s3", "", cloud=False, undo=0, items=items, size=items)
    header = Header("sha256:0", "s3://b", NOW, items, items, 0, (one,))
    assert (not refused(header, Limits(few=few))) is fine
    assert "more than 0 B" in refused(header, Limits(few=few, max_bytes=0))


places = st.builds(
    Location,
    st.sampled_from(["s3://b", "gs://b"]),
    st.sampled_from(["k", "x/y", f"{TRASH}7d/z"]),
    st.sampled_from("12"),
)
items = st.builds(
    Item,
    places,
    st.sampled_from([Action.DELETE, Action.TAG]),
    st.sampled_from(["a", "b"]),
    st.just("age"),
    size=st.integers(0, 9),
    undo=st.sampled_from([0, 60]),
    cloud=st.booleans(),
)


@given(st.lists(items, max_size=12))
def test_every_item_is_counted_once_whatever_their_order(found: list[Item]) -> None:
    counted = totals(found)
    assert totals(found[::-1]) == counted
    assert sum(one.items for one in counted) == len(found)
    assert sum(one.size for one in counted) == sum(one.size for one in found)
