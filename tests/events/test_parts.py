"""Records are independent: a bad one fails alone, under the identifier that its platform wants back."""

from __future__ import annotations

import json

import pytest

from customhouse.errors import Malformed
from customhouse.events import Part, parse, records
from tests.events import shapes

_UNNAMED = {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "b"}, "object": {}}}


def _told(parts: list[Part]) -> list[tuple[str, list[str], bool]]:
    return [(part.id, [event.location.key for event in part.events], part.error is not None) for part in parts]


def test_each_sqs_message_is_a_part_under_its_message_id() -> None:
    batch = shapes.sqs(json.dumps(shapes.s3("a", "b")), "not json", json.dumps(shapes.eventbridge("c")))

    assert _told(records(batch)) == [("m0", ["a", "b"], False), ("m1", [], True), ("m2", ["c"], False)]


def test_a_bad_record_inside_a_message_keeps_the_good_ones_and_is_told() -> None:
    message = {"Records": [shapes.s3_record("good"), _UNNAMED]}

    assert _told(records(shapes.sqs(json.dumps(message)))) == [("m0", ["good"], True)]


def test_each_record_of_a_direct_notification_is_a_part_without_an_id() -> None:
    payload = {"Records": [shapes.s3_record("a"), _UNNAMED, shapes.s3_record("b", "ObjectRemoved:Delete")]}

    assert _told(records(payload)) == [("", ["a"], False), ("", [], True)]


def test_each_batch_operations_task_is_a_part_under_its_task_id() -> None:
    payload = shapes.batch("a", "b")
    payload["tasks"][1]["s3BucketArn"] = "arn:aws:s3:eu-west-1:123456789012:accesspoint/ap"

    assert _told(records(payload)) == [("t0", ["a"], False), ("t1", [], True)]


def test_each_event_of_an_event_grid_batch_is_a_part() -> None:
    payload = [shapes.blob("a"), {"eventType": "Microsoft.Storage.BlobCreated", "data": {}}, "text", shapes.blob("b")]

    assert _told(records(payload)) == [("", ["a"], False), ("", [], True), ("", [], True), ("", ["b"], False)]


def test_each_push_of_a_registry_batch_is_a_part() -> None:
    payload = {"events": [shapes.acr(), shapes.acr(target={}), {"action": "push", "target": "text"}, shapes.acr()]}

    assert [bool(part.error) for part in records(payload)] == [False, True, True, False]


def test_parse_gives_the_good_ones_of_a_mixed_payload() -> None:
    payload = shapes.sqs("not json", json.dumps(shapes.s3("a")))

    assert [event.location.key for event in parse(payload)] == ["a"]


def test_parse_raises_the_first_error_where_nothing_else_came() -> None:
    with pytest.raises(Malformed, match="not JSON"):
        parse(shapes.sqs("not json", "{}"))


def test_envelopes_open_at_any_order_of_nesting() -> None:
    innermost = json.dumps(shapes.eventbridge("deep"))

    payload = shapes.sqs(json.dumps(shapes.sns(json.dumps(shapes.sns(innermost)))))

    assert [event.location.key for event in parse(json.dumps([payload]))] == ["deep"]


def test_a_payload_wrapped_without_end_is_refused() -> None:
    payload: object = shapes.s3("a")
    for _ in range(20):
        payload = shapes.sns(json.dumps(payload)) if len(str(payload)) < 10_000 else [payload]

    with pytest.raises(Malformed, match="too deeply"):
        parse(payload)
