"""Names as each cloud sends them: which encoding is undone, which is part of the name, and which is no name at all."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.errors import Malformed
from customhouse.events import parse, records
from customhouse.model import Event
from tests.events import shapes

Sent = Callable[[str], object]
"""A payload in which this text stands where the cloud writes the name, as it is."""


def _s3(sent: str) -> dict[str, object]:
    stored = {"key": sent, "size": 3}
    return {"Records": [{"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "intake"}, "object": stored}}]}


def _blob(sent: str) -> dict[str, object]:
    data = {"api": "PutBlob", "url": f"https://acct.blob.core.windows.net/intake/{sent}"}
    return {"eventType": "Microsoft.Storage.BlobCreated", "id": "b", "data": data}


def _gcs_audit(sent: str) -> dict[str, object]:
    entry = {"serviceName": "storage.googleapis.com", "methodName": "storage.objects.create"}
    return {"protoPayload": entry | {"resourceName": f"projects/_/buckets/intake/objects/{sent}"}}


FORM: dict[str, Sent] = {
    "s3": _s3,
    "s3 in sqs": lambda sent: shapes.sqs(json.dumps(_s3(sent))),
    "s3 in sns in sqs": lambda sent: shapes.sqs(json.dumps(shapes.sns(json.dumps(_s3(sent))))),
    "s3 batch": lambda sent: {
        "invocationSchemaVersion": "2.0",
        "tasks": [{"taskId": "t", "s3Key": sent, "s3Bucket": "intake"}],
    },
}
"""Where names are form-encoded."""
PERCENT: dict[str, Sent] = {"blob": _blob, "blob in a queue": lambda sent: [_blob(sent)]}
"""Where names are percent-encoded, and `+` is a plus."""
PLAIN: dict[str, Sent] = {
    "eventbridge": shapes.eventbridge,
    "eventbridge in sqs": lambda sent: shapes.sqs(json.dumps(shapes.eventbridge(sent))),
    "gcs": shapes.gcs,
    "pubsub": shapes.pubsub,
    "audit log": _gcs_audit,
}
"""Where names stand as they are."""
EVERY = {**FORM, **PERCENT, **PLAIN}

NAMES = [
    ("a+b", "a b", "a+b", "a+b"),
    ("a%2Bb", "a+b", "a+b", "a%2Bb"),
    ("a%2bb", "a+b", "a+b", "a%2bb"),
    ("a%252Bb", "a%2Bb", "a%2Bb", "a%252Bb"),
    ("a%20b", "a b", "a b", "a%20b"),
    ("a%00b", "a\0b", "a\0b", "a%00b"),
    ("a%0Ab", "a\nb", "a\nb", "a%0Ab"),
    ("a%2Fb", "a/b", "a/b", "a%2Fb"),
    ("%C3%A9.whl", "é.whl", "é.whl", "%C3%A9.whl"),
    ("é.whl", "é.whl", "é.whl", "é.whl"),
    ("e%CC%81", "e\u0301", "e\u0301", "e%CC%81"),
    ("%F0%9F%93%A6", "\U0001f4e6", "\U0001f4e6", "%F0%9F%93%A6"),
    ("100%", "100%", "100%", "100%"),
    ("a%zzb", "a%zzb", "a%zzb", "a%zzb"),
    ("a//b", "a//b", "a//b", "a//b"),
    ("../../etc/passwd", "../../etc/passwd", "../../etc/passwd", "../../etc/passwd"),
    ("folder/", "folder/", "folder/", "folder/"),
    ("a%3Fb%23c", "a?b#c", "a?b#c", "a%3Fb%23c"),
    ("%E2%80%AEgpj.exe", "\u202egpj.exe", "\u202egpj.exe", "%E2%80%AEgpj.exe"),
    ("x" * 1024, "x" * 1024, "x" * 1024, "x" * 1024),
]


def _only(payload: object) -> Event:
    (event,) = parse(json.dumps(payload))
    return event


@pytest.mark.parametrize(("sent", "form", "percent", "plain"), NAMES, ids=[name[0][:20] for name in NAMES])
def test_a_name_is_decoded_as_its_cloud_encodes_it_and_no_further(
    sent: str, form: str, percent: str, plain: str
) -> None:
    assert {_only(shape(sent)).location.key for shape in FORM.values()} == {form}
    assert {_only(shape(sent)).location.key for shape in PERCENT.values()} == {percent}
    assert {_only(shape(sent)).location.key for shape in PLAIN.values()} == {plain}


@pytest.mark.parametrize("sent", ["%FF", "a%C3%28", "%ED%A0%80", "%C0%AF", "%F5%80%80%80", "%E2%82"])
@pytest.mark.parametrize("shape", [*FORM.values(), *PERCENT.values()], ids=[*FORM, *PERCENT])
def test_an_encoded_name_that_is_no_utf8_is_refused_with_that_name(shape: Sent, sent: str) -> None:
    with pytest.raises(Malformed, match="UTF-8") as caught:
        parse(shape(sent))

    assert sent.lower() in str(caught.value).lower()


@pytest.mark.parametrize("shape", EVERY.values(), ids=EVERY)
@pytest.mark.parametrize("lone", ["\ud800", "a\udfffb"])
def test_half_a_character_is_refused_everywhere(shape: Sent, lone: str) -> None:
    with pytest.raises(Malformed, match=r"Unicode|UTF-8"):
        parse(json.dumps(shape(lone)))


@pytest.mark.parametrize("shape", EVERY.values(), ids=EVERY)
def test_a_name_of_nothing_is_refused_everywhere(shape: Sent) -> None:
    with pytest.raises(Malformed, match=r"no (key|s3Key|name|objectId|blob)|names no blob"):
        parse(shape(""))


@pytest.mark.parametrize("shape", [*FORM.values(), *PERCENT.values()], ids=[*FORM, *PERCENT])
def test_what_is_told_of_a_name_without_end_is_short(shape: Sent) -> None:
    with pytest.raises(Malformed) as caught:
        parse(shape("%FF" * 100_000))

    assert len(str(caught.value)) < 300


@given(st.sampled_from(sorted(EVERY)), st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60))
def test_whatever_a_name_decodes_to_is_one_event_or_one_error(shape: str, sent: str) -> None:
    (part,) = records(json.dumps(EVERY[shape](sent)))

    assert (len(part.events) == 1) is (part.error is None)


CONTAINERS = [
    ("https://acct.blob.core.windows.net/c/b", "az://acct/c", "b"),
    ("https://acct.dfs.core.windows.net/c/folder/b", "az://acct/c", "folder/b"),
    ("https://ACCT.BLOB.CORE.WINDOWS.NET/c/b", "az://acct/c", "b"),
    ("https://acct.z6.blob.storage.azure.net/c/b", "az://acct/c", "b"),
    ("https://acct-secondary.blob.core.windows.net/c/b", "az://acct/c", "b"),
    ("https://acct.blob.core.chinacloudapi.cn/c/b", "az://acct/c", "b"),
    ("https://acct.blob.core.windows.net/index.html", "az://acct/$root", "index.html"),
    ("https://acct.blob.core.windows.net/$web/index.html", "az://acct/$web", "index.html"),
    ("http://127.0.0.1:10000/devstoreaccount1/c/b", "az://devstoreaccount1/c", "b"),
    ("http://azurite:10000/devstoreaccount1/c/b", "az://devstoreaccount1/c", "b"),
    ("http://[::1]:10000/devstoreaccount1/c/b", "az://devstoreaccount1/c", "b"),
]


@pytest.mark.parametrize(("url", "root", "name"), CONTAINERS)
def test_account_and_container_of_a_blob_are_told_by_its_url(url: str, root: str, name: str) -> None:
    location = _only({"eventType": "Microsoft.Storage.BlobCreated", "data": {"url": url}}).location

    assert (location.root, location.key) == (root, name)


@pytest.mark.parametrize(
    "url",
    [
        "https://acct.blob.core.windows.net/",
        "https://acct.blob.core.windows.net",
        "https://acct.blob.core.windows.net/c/",
        "https://acct.blob.core.windows.net//b",
        "https://acct.blob.core.windows.net/UPPER/b",
        "https://user@acct.blob.core.windows.net/c/b",
        "https://storage.example.com/c/b",
        "http://127.0.0.1:10000/c",
        "not a url",
        "://",
    ],
)
def test_a_url_that_names_no_blob_is_refused(url: str) -> None:
    with pytest.raises(Malformed, match="names no blob"):
        parse({"eventType": "Microsoft.Storage.BlobCreated", "data": {"url": url}})


@pytest.mark.parametrize("name", ["a/b", "a?b", "a#b", "a b", "a\nb", "\0", "a\tb"])
@pytest.mark.parametrize(
    "shape",
    [
        lambda name: {
            "Records": [{"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": name}, "object": {"key": "k"}}}]
        },
        lambda name: {**shapes.eventbridge("k"), "detail": {"bucket": {"name": name}, "object": {"key": "k"}}},
        lambda name: {"invocationSchemaVersion": "2.0", "tasks": [{"taskId": "t", "s3Key": "k", "s3Bucket": name}]},
        lambda name: {**shapes.gcs("k"), "data": {"bucket": name, "name": "k"}},
        lambda name: {"message": {"attributes": {"eventType": "OBJECT_FINALIZE", "bucketId": name, "objectId": "k"}}},
    ],
    ids=["s3", "eventbridge", "batch", "gcs", "pubsub"],
)
def test_a_bucket_that_would_say_something_else_in_a_url_is_refused(shape: Sent, name: str) -> None:
    with pytest.raises(Malformed, match="no bucket has the name"):
        parse(shape(name))
