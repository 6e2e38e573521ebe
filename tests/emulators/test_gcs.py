"""The emulator, seen through Google's own client."""

from __future__ import annotations

import base64
import datetime as dt
import gzip
import io
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from google.api_core.exceptions import (
    BadRequest,
    Forbidden,
    GoogleAPICallError,
    NotFound,
    NotModified,
    PreconditionFailed,
)
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from tests.emulators import gcs
from tests.emulators.gcs.notify import Message

pytestmark = pytest.mark.emulator
DATA = b"0123456789" * 10


class Heard:
    """A subscriber that remembers."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def __call__(self, message: Message) -> None:
        self.messages.append(message)


def connect(url: str) -> storage.Client:
    options = {"api_endpoint": url}
    return storage.Client("demo-project", credentials=AnonymousCredentials(), client_options=options)


@pytest.fixture(scope="module")
def heard() -> Heard:
    return Heard()


@pytest.fixture(scope="module")
def emulator(heard: Heard) -> Iterator[gcs.Emulator]:
    with gcs.running(0, heard) as running:
        yield running


@pytest.fixture(scope="module")
def client(emulator: gcs.Emulator) -> Iterator[storage.Client]:
    client = connect(emulator.url)
    yield client
    client.close()


@pytest.fixture
def bucket(client: storage.Client) -> storage.Bucket:
    return client.create_bucket(f"b-{uuid.uuid4()}")


def put(bucket: storage.Bucket, name: str, data: bytes = DATA, **metadata: str) -> storage.Blob:
    blob = bucket.blob(name)
    blob.metadata = metadata or None
    blob.upload_from_string(data, content_type="text/plain")
    return blob


def test_an_upload_comes_back_with_its_metadata_and_digests(bucket: storage.Bucket) -> None:
    put(bucket, "d/a.txt", k="v")
    blob = bucket.get_blob("d/a.txt")
    assert (blob.size, blob.content_type, blob.metadata, blob.metageneration) == (100, "text/plain", {"k": "v"}, 1)
    assert blob.download_as_bytes(checksum="crc32c") == DATA
    assert blob.download_as_bytes(start=3, end=6) == b"3456"
    assert blob.download_as_bytes(start=95) == b"56789"


def test_a_resumable_upload_arrives_in_chunks(bucket: storage.Bucket) -> None:
    data = bytes(range(256)) * (9 << 10)
    blob = bucket.blob("big", chunk_size=1 << 20)
    blob.upload_from_file(io.BytesIO(data))
    assert bucket.get_blob("big").size == len(data)
    assert blob.download_as_bytes() == data


def test_content_that_does_not_match_its_digest_is_refused(bucket: storage.Bucket) -> None:
    blob = bucket.blob("a")
    blob.md5_hash = "1B2M2Y8AsgTpgAmY7PhCfg=="
    with pytest.raises(BadRequest):
        blob.upload_from_string(b"not empty")


@pytest.mark.parametrize(
    ("error", "call"),
    [
        (PreconditionFailed, lambda b: b.blob("a").upload_from_string(b"z", if_generation_match=0)),
        (PreconditionFailed, lambda b: b.blob("a").upload_from_string(b"z", if_generation_match=1)),
        (
            PreconditionFailed,
            lambda b: b.blob("a", chunk_size=1 << 18).upload_from_file(
                io.BytesIO(bytes(1 << 19)), if_generation_match=1
            ),
        ),
        (PreconditionFailed, lambda b: b.blob("a").download_as_bytes(if_generation_match=1)),
        (PreconditionFailed, lambda b: b.blob("a").reload(if_generation_match=1)),
        (NotModified, lambda b: b.blob("a").reload(if_metageneration_not_match=1)),
        (PreconditionFailed, lambda b: b.blob("a").delete(if_generation_match=1)),
        (PreconditionFailed, lambda b: b.blob("a").patch(if_metageneration_match=9)),
        (PreconditionFailed, lambda b: b.blob("a").patch(if_generation_match=9)),
        (PreconditionFailed, lambda b: b.blob("c").rewrite(b.blob("a"), if_source_generation_match=1)),
        (PreconditionFailed, lambda b: b.blob("a").rewrite(b.blob("a"), if_generation_match=0)),
        (NotFound, lambda b: b.blob("a", generation=7).download_as_bytes()),
        (NotFound, lambda b: b.blob("nowhere").download_as_bytes()),
        (NotFound, lambda b: b.blob("c").rewrite(b.blob("a", generation=7))),
    ],
)
def test_a_condition_that_does_not_hold_is_refused(
    bucket: storage.Bucket, error: type[GoogleAPICallError], call: Callable[[storage.Bucket], object]
) -> None:
    put(bucket, "a")
    with pytest.raises(error):
        call(bucket)
    assert bucket.blob("a").download_as_bytes() == DATA


def test_metadata_is_merged_null_removes_and_the_metageneration_counts(bucket: storage.Bucket) -> None:
    put(bucket, "a", k="v", x="y")
    patch = bucket.blob("a")
    patch.metadata = {"scan": "clean", "x": None}
    patch.patch(if_metageneration_match=1)
    blob = bucket.get_blob("a")
    assert (blob.metadata, blob.metageneration) == ({"k": "v", "scan": "clean"}, 2)


def test_of_concurrent_creations_one_wins(emulator: gcs.Emulator, bucket: storage.Bucket) -> None:
    def create(number: int) -> bool:
        client = connect(emulator.url)
        try:
            client.bucket(bucket.name).blob("race").upload_from_string(str(number), if_generation_match=0)
        except PreconditionFailed:
            return False
        finally:
            client.close()
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(create, range(8))) == [False] * 7 + [True]


def test_a_rewrite_keeps_metadata_and_may_take_several_calls(emulator: gcs.Emulator, bucket: storage.Bucket) -> None:
    source = put(bucket, "a", k="v")
    target = bucket.blob("b")
    emulator.api.rewrite_step = 40
    try:
        token, done, size = target.rewrite(source)
        assert (done, size) == (40, 100)
        while token is not None:
            token, done, size = target.rewrite(source, token=token)
    finally:
        emulator.api.rewrite_step = None
    assert bucket.get_blob("b").metadata == {"k": "v"}
    assert target.download_as_bytes() == DATA


def test_a_rewrite_with_new_metadata_replaces_all_of_it(bucket: storage.Bucket) -> None:
    source, target = put(bucket, "a", k="v"), bucket.blob("b")
    target.metadata = {"n": "w"}
    target.rewrite(source)
    blob = bucket.get_blob("b")
    assert (blob.metadata, blob.content_type) == ({"n": "w"}, "application/octet-stream")


@pytest.mark.parametrize("hold", ["temporary_hold", "event_based_hold"])
def test_what_is_held_cannot_be_deleted_or_replaced(bucket: storage.Bucket, hold: str) -> None:
    blob = put(bucket, "a")
    setattr(blob, hold, True)
    blob.patch()
    for call in (blob.delete, lambda: bucket.blob("a").upload_from_string(b"z")):
        with pytest.raises(Forbidden):
            call()
    setattr(blob, hold, False)
    blob.patch()
    blob.delete()


def test_custom_time_only_moves_forward(bucket: storage.Bucket) -> None:
    blob = put(bucket, "a")
    blob.custom_time = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    blob.patch()
    blob.custom_time = dt.datetime(2020, 1, 2, tzinfo=dt.UTC)
    with pytest.raises(BadRequest):
        blob.patch()
    assert bucket.get_blob("a").custom_time.year == 2026


def test_versioning_keeps_old_generations(client: storage.Client, bucket: storage.Bucket) -> None:
    bucket.versioning_enabled = True
    bucket.patch()
    first = put(bucket, "a", b"1").generation
    put(bucket, "a", b"22")
    assert [blob.size for blob in client.list_blobs(bucket, versions=True)] == [1, 2]
    assert bucket.blob("a", generation=first).download_as_bytes() == b"1"
    bucket.blob("a").delete()
    assert list(client.list_blobs(bucket)) == []
    bucket.blob("a", generation=first).delete()
    assert [blob.size for blob in client.list_blobs(bucket, versions=True)] == [2]


def test_a_listing_pages_with_prefix_and_offset(client: storage.Client, bucket: storage.Bucket) -> None:
    for name in ("a", "b/1", "b/2", "b/3", "c"):
        put(bucket, name)
    pages = client.list_blobs(bucket, prefix="b/", page_size=2).pages
    assert [[blob.name for blob in page] for page in pages] == [["b/1", "b/2"], ["b/3"]]
    assert [blob.name for blob in client.list_blobs(bucket, start_offset="b/3")] == ["b/3", "c"]


def test_a_lifecycle_document_is_kept(client: storage.Client, bucket: storage.Bucket) -> None:
    bucket.add_lifecycle_delete_rule(age=30, matches_prefix=["d/"])
    bucket.add_lifecycle_set_storage_class_rule("COLDLINE", days_since_custom_time=5)
    bucket.patch()
    assert [rule["action"]["type"] for rule in client.get_bucket(bucket.name).lifecycle_rules] == [
        "Delete",
        "SetStorageClass",
    ]
    with pytest.raises(PreconditionFailed):
        bucket.patch(if_metageneration_match=1)


def test_content_stored_as_gzip_is_inflated_for_who_does_not_ask_for_gzip(bucket: storage.Bucket) -> None:
    packed = gzip.compress(DATA)
    blob = bucket.blob("a")
    blob.content_encoding = "gzip"
    blob.upload_from_string(packed)
    assert blob.download_as_bytes(raw_download=True) == packed
    assert blob.download_as_bytes() == DATA


def test_names_are_opaque(client: storage.Client, bucket: storage.Bucket) -> None:
    name = "d/ü a%2Fb#?//..\x01"
    put(bucket, name)
    assert [blob.name for blob in client.list_blobs(bucket)] == [name]
    assert bucket.blob(name).download_as_bytes() == DATA


def notify(bucket: storage.Bucket, **wanted: object) -> None:
    bucket.notification("topic1", topic_project="demo-project", payload_format="JSON_API_V1", **wanted).create()


def test_what_happens_to_a_bucket_is_told_as_its_configuration_asks(
    emulator: gcs.Emulator, bucket: storage.Bucket, heard: Heard
) -> None:
    heard.messages.clear()
    notify(bucket, event_types=["OBJECT_FINALIZE"], blob_name_prefix="in/")
    put(bucket, "out/a")
    blob = put(bucket, "in/a")
    blob.delete()
    emulator.dispatcher.drain()
    [message] = heard.messages
    assert message["attributes"]["eventType"] == "OBJECT_FINALIZE"
    assert message["attributes"]["objectGeneration"] == str(blob.generation)
    assert json.loads(base64.b64decode(message["data"]))["name"] == "in/a"


@contextmanager
def endpoint(answers: list[int]) -> Iterator[tuple[str, list[dict[str, Message]]]]:
    """A push endpoint that gives these statuses in turn."""
    received: list[dict[str, Message]] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_arguments: object) -> None:
            pass

        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(answers[len(received) - 1])
            self.end_headers()

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_push_that_fails_is_made_again() -> None:
    with endpoint([500, 204]) as (url, received), gcs.running(0, gcs.push(url)) as emulator:
        client = connect(emulator.url)
        bucket = client.create_bucket("pushed")
        notify(bucket)
        put(bucket, "a")
        emulator.dispatcher.drain()
        client.close()
    assert [entry["message"]["attributes"]["objectId"] for entry in received] == ["a", "a"]
    assert received[0] == received[1]
