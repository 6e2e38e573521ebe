from __future__ import annotations

from pathlib import Path

import pytest

from customhouse.lifecycle import plan
from customhouse.lifecycle.classes import LADDERS
from customhouse.lifecycle.describe import page
from customhouse.lifecycle.limits import Limits
from customhouse.lifecycle.plan import Item
from customhouse.lifecycle.summary import price, prices, render, summarise
from customhouse.lifecycle.vocabulary import KEEP, PROTECT, SELECT, TERMS, load
from customhouse.lifecycle.words import DAY, Artifact
from customhouse.model import Location
from tests.lifecycle import demo

TB = 1000**4
RULES = load(
    [
        {"id": "old", "do": "delete", "age": "30d", "select": {"prefix": "old/"}},
        {"id": "cool", "do": {"class": "archive"}, "age": "10d", "select": {"prefix": "cool/"}},
    ]
)


def inventory(scheme: str = "s3") -> list[Artifact]:
    return [
        Artifact(Location(f"{scheme}://bucket", name, version="1"), TB, 0.0, storage_class="STANDARD")
        for name in ("old/a", "old/evil\x1b[2J\n", "cool/c", "other")
    ]


def test_a_plan_at_a_glance_counts_saves_and_says_who_does_it() -> None:
    found = summarise(plan.make(RULES, inventory(), 100 * DAY, source="s3://bucket", marks={"cool": "exact"}).header)
    old, cool = sorted(found.lines, key=lambda line: line.rule, reverse=True)
    assert (old.items, old.size, old.cloud) == (2, 2 * TB, 0)
    assert old.saving == pytest.approx(2000 * 0.023)
    assert cool.saving == pytest.approx(1000 * (0.023 - 0.00099))
    assert (found.items, found.cloud, found.share) == (3, pytest.approx(1 / 3), 0.5)


def test_the_rendered_plan_shows_what_a_yes_needs() -> None:
    text = render(summarise(plan.make(RULES, inventory(), 100 * DAY, source="s3://bucket").header), Limits(max_items=1))
    for part in ("s3://bucket: 4 versions, 4.0 TB", "$46.00", "age >= 30d", "beyond the blast radius", "50%", "7d"):
        assert part in text
    assert "\x1b" not in text
    assert "Saves a month by class: STANDARD $46.00, STANDARD to DEEP_ARCHIVE $22.01." in text


def test_an_empty_plan_says_why() -> None:
    assert "no lifecycle rules" in render(summarise(plan.make((), inventory(), 0.0).header))
    assert "Nothing is due." in render(summarise(plan.make(RULES, inventory(), 0.0).header))


def test_every_class_of_every_cloud_has_a_price_and_cheaper_ones_come_later() -> None:
    for scheme, ladder in LADDERS.items():
        costs = [price(scheme, name) for name in ladder]
        assert costs == sorted(costs, reverse=True)
        assert set(prices()[scheme]) == set(ladder)
    assert price("file", "") == 0
    assert price("s3", "NEW_CLASS") == price("s3", "STANDARD")


def test_the_vocabulary_page_is_current_and_names_every_term() -> None:
    there = Path(__file__).parents[2] / "docs" / "lifecycle-vocabulary.md"
    assert there.read_text(encoding="utf-8") == page()
    for name in (*TERMS, *SELECT, *KEEP, *PROTECT):
        assert f"| `{name}` |" in page()


def test_samples_are_few_and_of_every_rule() -> None:
    header = plan.make(RULES, inventory(), 100 * DAY).header
    assert {item.rule for item in header.samples} == {"old", "cool"}
    assert all(isinstance(item, Item) for item in header.samples)


def test_the_page_quotes_the_plan_of_a_hundred_thousand_objects_as_it_is() -> None:
    found = demo.QUOTED.search(demo.PAGE.read_text(encoding="utf-8"))
    assert found
    assert found[1] == demo.output()
