"""Many records in one payload: nothing is lost beside a bad one, and nothing that anybody sends stops the batch."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.errors import Malformed
from customhouse.events import Part, parse, records
from tests.events import shapes

BAD: list[object] = [
    None,
    7,
    "text",
    [],
    {},
    {"eventName": "ObjectCreated:Put", "s3": None},
    {"eventName": "ObjectCreated:Put", "s3": {"bucket": {}, "object": {"key": "k"}}},
    {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "b"}, "object": {"key": "%FF"}}},
    {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "b"}, "object": {"key": 7}}},
    {"eventName": None, "s3": {"bucket": {"name": "b"}, "object": {"key": "k"}}},
]
"""Records of S3 that are none."""
HARMLESS = {"eventSource": "aws:s3", "eventName": "ObjectRemoved:Delete", "s3": {}}
"""A record that names nothing to inspect."""


def _messages(bodies: Sequence[object]) -> dict[str, object]:
    listed = [{"messageId": f"m{at}", "eventSource": "aws:sqs", "body": body} for at, body in enumerate(bodies)]
    return {"Records": listed}


def _keys(parts: Sequence[Part]) -> list[str]:
    return [event.location.key for part in parts for event in part.events]


@pytest.mark.parametrize("bad", BAD, ids=repr)
def test_a_bad_record_of_s3_costs_none_of_its_neighbours(bad: object) -> None:
    parts = records({"Records": [shapes.s3_record("a"), bad, HARMLESS, shapes.s3_record("b")]})

    assert _keys(parts) == ["a", "b"]
    assert len([part for part in parts if part.error]) == (0 if bad == [] else 1)


@pytest.mark.parametrize("bad", BAD, ids=repr)
def test_a_bad_record_in_one_message_is_told_under_that_message_alone(bad: object) -> None:
    bodies = [
        json.dumps(shapes.s3("a")),
        json.dumps({"Records": [shapes.s3_record("b"), bad]}),
        json.dumps(shapes.s3("c")),
    ]

    parts = records(_messages(bodies))

    assert [part.id for part in parts] == ["m0", "m1", "m2"]
    assert _keys(parts) == ["a", "b", "c"]
    assert [bool(part.error) for part in parts] == [False, bad != [], False]


@pytest.mark.parametrize("body", ["", None, 7, {}, "{", "null", "[1]", '"text"', "\ud800", "e30", "=" * 50], ids=repr)
def test_a_message_whose_body_is_no_event_comes_back_under_its_own_id(body: object) -> None:
    parts = records(_messages([json.dumps(shapes.s3("a")), body, json.dumps(shapes.s3("b"))]))

    assert [part.id for part in parts] == ["m0", "m1", "m2"]
    assert [part.error is None for part in parts] == [True, False, True]
    assert _keys(parts) == ["a", "b"]


def test_a_message_without_a_body_comes_back_under_its_own_id() -> None:
    (part,) = records({"Records": [{"messageId": "m", "eventSource": "aws:sqs"}]})

    assert part.id == "m"
    assert part.error


@pytest.mark.parametrize(
    ("body", "keys"),
    [
        (json.dumps({"Records": []}), []),
        (json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "intake"}), []),
        (json.dumps({"Records": [HARMLESS]}), []),
        (json.dumps(shapes.sns(json.dumps({"Event": "s3:TestEvent"}))), []),
        (json.dumps([shapes.eventbridge("a"), shapes.eventbridge("b")]), ["a", "b"]),
        ("\ufeff" + json.dumps(shapes.s3("a")), ["a"]),
        (" \n\t" + json.dumps(shapes.s3("a")) + "\r\n", ["a"]),
    ],
    ids=["no records", "test", "delete", "test in sns", "pipes", "mark", "blanks"],
)
def test_a_message_that_names_nothing_or_many_is_done_without_an_error(body: str, keys: list[str]) -> None:
    (part,) = records(_messages([body]))

    assert part == Part("m0", part.events, None)
    assert _keys([part]) == keys


ENVELOPES: dict[str, tuple[Callable[[list[object]], object], Callable[[str], object], object]] = {
    "s3": (lambda listed: {"Records": listed}, shapes.s3_record, BAD[5]),
    "sns of lambda": (
        lambda listed: {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": json.dumps(one)}} for one in listed]},
        shapes.s3,
        {},
    ),
    "eventbridge": (list, shapes.eventbridge, {"detail-type": "Object Created", "source": "aws.s3", "detail": {}}),
    "batch operations": (
        lambda listed: {"invocationSchemaVersion": "1.0", "tasks": listed},
        lambda key: shapes.batch(key)["tasks"][0],
        {"taskId": "t", "s3Key": "k"},
    ),
    "event grid": (list, shapes.blob, {"eventType": "Microsoft.Storage.BlobCreated", "data": {"url": "x"}}),
    "cloud events": (list, shapes.gcs, {**shapes.gcs("x"), "data": {}}),
}


@pytest.mark.parametrize("envelope", ENVELOPES)
@given(plan=st.lists(st.text("abc+%é", min_size=1, max_size=5) | st.none(), max_size=8))
def test_every_good_one_comes_out_in_its_order_whatever_stands_between(envelope: str, plan: list[str | None]) -> None:
    wrap, good, bad = ENVELOPES[envelope]
    payload = wrap([bad if key is None else good(key) for key in plan])

    parts = records(json.dumps(payload))

    assert [part.events[0].location.key if part.events else None for part in parts] == plan
    assert [part.error is not None for part in parts] == [key is None for key in plan]


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


@given(st.lists(ANY, max_size=6), st.sampled_from(["Records", "tasks", "events", ""]))
def test_a_list_of_anything_is_taken_apart_and_never_refused_as_a_whole(listed: list[object], name: str) -> None:
    document = {name: listed, "invocationSchemaVersion": "1.0"} if name else listed

    parts = records(document)

    assert all(isinstance(part, Part) for part in parts)
    assert len([part for part in parts if part.error]) <= len(json.dumps(listed))


@given(st.lists(ANY, min_size=1, max_size=6))
def test_every_message_of_a_queue_is_answered_once_whatever_is_in_it(bodies: list[object]) -> None:
    parts = records(_messages(bodies))

    assert [part.id for part in parts] == [f"m{at}" for at in range(len(bodies))]


def test_ten_thousand_records_are_ten_thousand_parts() -> None:
    keys = [f"in/{number}" for number in range(10_000)]

    assert _keys(records(shapes.s3(*keys))) == keys


def test_a_record_with_fields_without_end_is_read() -> None:
    record = {f"field{number}": number for number in range(20_000)} | shapes.s3_record("k")

    assert _keys(records({"Records": [record]})) == ["k"]


def test_a_number_that_python_refuses_to_read_is_no_event() -> None:
    with pytest.raises(Malformed, match="not JSON"):
        parse('{"Records": [' + "9" * 10_000 + "]}")


@pytest.mark.parametrize("depth", [1, 3, 6])
def test_envelopes_within_envelopes_lose_nothing(depth: int) -> None:
    payload: object = shapes.s3("a", "b")
    for _ in range(depth):
        payload = shapes.sns(json.dumps(payload)) if depth < 5 else [payload]

    assert [event.location.key for event in parse(payload)] == ["a", "b"]


def test_two_errors_of_one_message_are_one_part_with_the_first() -> None:
    (part,) = records(_messages([json.dumps({"Records": [{"a": 1}, {"b": 2}]})]))

    assert "['a']" in str(part.error)
