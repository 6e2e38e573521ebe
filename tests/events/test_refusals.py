"""What is no event at all, or names an artifact that cannot be, raises one error of one clear line."""

from __future__ import annotations

import json

import pytest

from customhouse.errors import Malformed
from customhouse.events import parse
from tests.events import shapes

_AR = "europe-docker.pkg.dev/p/r/i"
_ECR = {
    "detail-type": "ECR Image Action",
    "source": "aws.ecr",
    "account": "123456789012",
    "region": "eu-west-1",
    "detail": {"action-type": "PUSH", "result": "SUCCESS", "repository-name": "r", "image-digest": "sha256:7f5b"},
}

_REFUSED = {
    "empty": (b"", "not JSON"),
    "text": ("hello", "not JSON"),
    "broken": (b"{invalid json}", "not JSON"),
    "not-utf8": (b'{"a": "\xff"}', "not JSON"),
    "endless": ("[" * 100_000, "not JSON"),
    "number": (b"7", "no event is a int"),
    "null": (None, "no event is a NoneType"),
    "unknown-object": ({"hello": "world"}, r"\['hello'\]"),
    "no-fields": ({}, r"\[\]"),
    "object-lambda": ({"getObjectContext": {}, "userRequest": {}}, "no event known"),
    "records-no-list": ({"Records": "x"}, "no list"),
    "tasks-no-list": ({"invocationSchemaVersion": "1.0", "tasks": 1}, "no list"),
    "registry-events-no-list": ({"events": {}}, "no list"),
    "s3-no-bucket": ({"Records": [{"eventName": "ObjectCreated:Put", "s3": {"object": {"key": "k"}}}]}, "no bucket"),
    "s3-empty-key": (shapes.s3(""), "no key"),
    "s3-key-not-utf8": (
        {"Records": [{"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "b"}, "object": {"key": "%FF"}}}]},
        "not form-encoded UTF-8",
    ),
    "surrogate": (json.dumps(shapes.eventbridge("\ud800")), "not Unicode text"),
    "bucket-with-a-path": ({**shapes.gcs("k"), "data": {"bucket": "a/b", "name": "k"}}, "no bucket has the name"),
    "gcs-no-name": ({**shapes.gcs("k"), "data": {"bucket": "b"}}, "no name"),
    "gcs-data-is-text": ({**shapes.gcs("k"), "data": "text"}, "no bucket"),
    "cloudevent-no-type": ({"specversion": "1.0", "data": {}}, "no type"),
    "pubsub-empty": ({"message": {"messageId": "1"}, "subscription": "s"}, "neither data nor attributes"),
    "pubsub-not-base64": ({"message": {"data": "%%%"}}, "not base64"),
    "pubsub-broken-json": ({"message": {"data": "e2ludmFsaWR9"}}, "not JSON"),
    "registry-elsewhere": (shapes.published({"action": "INSERT", "digest": "evil.example/r@sha256:a"}), "of Google's"),
    "registry-lookalike": (shapes.published({"action": "INSERT", "tag": "evilgcr.io/r:v1"}), "of Google's"),
    "registry-two-images": (
        {"action": "INSERT", "digest": f"{_AR}@sha256:a", "tag": f"{_AR}2:v1"},
        "name different images",
    ),
    "registry-no-image": ({"action": "INSERT", "digest": f"{_AR}@sha256:abc123"}, "neither a sha256 digest nor a tag"),
    "ecr-no-image": (_ECR, "neither a sha256 digest nor a tag"),
    "ecr-host-of-the-sender": ({**_ECR, "account": "evil.example/x"}, "names no repository"),
    "acr-repository-with-query": (shapes.acr(target={"repository": "a?b", "tag": "v1"}), "names no repository"),
    "blob-no-account": (
        {**shapes.blob("k", "files.example.com"), "topic": "/subscriptions/S"},
        "names no blob",
    ),
    "blob-no-name": (shapes.blob(""), "names no blob"),
    "blob-not-utf8": (
        {"eventType": "Microsoft.Storage.BlobCreated", "data": {"url": "https://a.blob.core.windows.net/c/%FF"}},
        "not UTF-8",
    ),
}


@pytest.mark.parametrize(("payload", "reason"), _REFUSED.values(), ids=_REFUSED.keys())
def test_what_is_no_event_is_refused_in_one_line(payload: object, reason: str) -> None:
    with pytest.raises(Malformed, match=reason) as caught:
        parse(payload)

    assert len(str(caught.value).splitlines()) == 1


def test_an_error_shows_hostile_text_escaped_and_short() -> None:
    with pytest.raises(Malformed) as caught:
        parse({"a\nb": 1, "c" * 10_000: 2})

    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_binary_cloudevent_of_another_type_names_nothing_whatever_its_body() -> None:
    headers = {"ce-specversion": "1.0", "ce-id": "1", "ce-type": "my.thing", "ce-source": "x"}

    assert parse(b"\xff\x00 no json", headers) == []
