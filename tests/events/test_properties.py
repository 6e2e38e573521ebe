"""Whatever comes, parsing ends in events or in Malformed; whatever a key is, it comes out as it went in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.errors import Malformed
from customhouse.events import as_json, parse, records
from tests.events import shapes

_FIELDS = [
    "Records",
    "eventSource",
    "eventName",
    "s3",
    "bucket",
    "object",
    "name",
    "key",
    "body",
    "messageId",
    "Sns",
    "Message",
    "Type",
    "TopicArn",
    "detail-type",
    "source",
    "detail",
    "tasks",
    "s3Key",
    "s3Bucket",
    "invocationSchemaVersion",
    "taskId",
    "specversion",
    "type",
    "data",
    "data_base64",
    "message",
    "attributes",
    "eventType",
    "bucketId",
    "objectId",
    "action",
    "digest",
    "tag",
    "target",
    "request",
    "host",
    "repository",
    "url",
    "api",
    "context",
    "events",
    "kind",
]
_TEXTS = [
    "aws:s3",
    "aws:sqs",
    "aws:sns",
    "aws.s3",
    "aws.ecr",
    "ObjectCreated:Put",
    "OBJECT_FINALIZE",
    "INSERT",
    "push",
    "storage#object",
    "Microsoft.Storage.BlobCreated",
    "Microsoft.ContainerRegistry.ImagePushed",
    "google.cloud.storage.object.v1.finalized",
    "google.cloud.pubsub.topic.v1.messagePublished",
    "https://acct.blob.core.windows.net/c/b",
    "gcr.io/p/i:v1",
    "e30=",
    "{}",
    "1.0",
]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(_TEXTS),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_FIELDS) | st.text(), inner, max_size=5)
    ),
    max_leaves=20,
)
_GOLDEN = [json.loads(path.read_text(encoding="utf-8")) for path in (Path(__file__).parent / "data").glob("*.json")]
_KEY = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)


def _survives(payload: object) -> None:
    try:
        events = parse(payload)
    except Malformed:
        return
    json.dumps([as_json(event) for event in events])


@given(_JSON)
def test_any_json_value_parses_or_is_malformed(value: object) -> None:
    _survives(value)
    _survives(json.dumps(value))


@given(st.binary() | st.text())
def test_any_bytes_and_any_text_parse_or_are_malformed(payload: bytes | str) -> None:
    _survives(payload)


@given(st.data())
def test_a_real_event_with_one_value_replaced_parses_or_is_malformed(data: st.DataObject) -> None:
    body = json.loads(json.dumps(data.draw(st.sampled_from(_GOLDEN))["body"]))
    place = body
    while isinstance(place, dict | list) and place:
        at = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[at], dict | list) or data.draw(st.booleans()):
            place[at] = data.draw(_JSON)
            break
        place = place[at]

    _survives(body)


@pytest.mark.parametrize(
    "shape",
    [
        shapes.s3,
        shapes.batch,
        shapes.eventbridge,
        shapes.gcs,
        shapes.pubsub,
        shapes.blob,
        lambda key: shapes.blob(key, "127.0.0.1:10000/acct"),
        lambda key: shapes.sqs(json.dumps(shapes.s3(key))),
        lambda key: shapes.sqs(json.dumps(shapes.sns(json.dumps(shapes.eventbridge(key))))),
    ],
    ids=["s3", "batch", "eventbridge", "gcs", "pubsub", "blob", "azurite", "sqs-s3", "sqs-sns-eventbridge"],
)
@given(key=_KEY)
def test_any_key_comes_out_as_it_went_in(shape: Callable[[str], object], key: str) -> None:
    [event] = parse(json.dumps(shape(key)).encode())

    assert event.location.key == key
    assert event.location.root in {"s3://intake", "gs://intake", "az://acct/intake"}


@given(st.lists(_KEY | st.none(), max_size=6))
def test_a_bad_message_never_costs_another_one(keys: list[str | None]) -> None:
    batch = shapes.sqs(*("{" if key is None else json.dumps(shapes.s3(key)) for key in keys))

    parts = records(batch)

    assert [part.id for part in parts] == [f"m{at}" for at in range(len(keys))]
    assert [part.events[0].location.key if part.events else None for part in parts] == keys
