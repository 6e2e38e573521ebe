from __future__ import annotations

import gzip
import hashlib
import uuid
from collections.abc import Iterator

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client

from customhouse.errors import Rejected
from customhouse.model import Location
from customhouse.ports import Store
from customhouse.stores import open_store
from tests.emulators.gcs import Emulator
from tests.stores.contract import VERDICT, StoreContract, whole

pytestmark = pytest.mark.emulator
SMALL = {"part_size": str(256 << 10), "page_size": "2"}


@pytest.fixture(scope="module")
def client(gcs_emulator: Emulator) -> Iterator[Client]:
    options = {"api_endpoint": gcs_emulator.url}
    client = Client("demo-project", credentials=AnonymousCredentials(), client_options=options)
    yield client
    client.close()


def bucket(client: Client, *, versioned: bool = False) -> Store:
    made = client.bucket(f"b-{uuid.uuid4()}")
    made.versioning_enabled = versioned
    client.create_bucket(made)
    return open_store(f"gs://{made.name}", SMALL | {"endpoint": client.api_endpoint})


class TestGcs(StoreContract):
    part_size = 256 << 10

    @pytest.fixture
    def store(self, client: Client) -> Store:
        return bucket(client)

    @pytest.fixture
    def other(self, client: Client) -> Store:
        return bucket(client)


class TestVersionedGcs(TestGcs):
    keeps_versions = True

    @pytest.fixture
    def store(self, client: Client) -> Store:
        return bucket(client, versioned=True)


@pytest.fixture
def store(client: Client) -> Store:
    return bucket(client)


def test_a_copy_is_rewritten_until_it_is_done(gcs_emulator: Emulator, store: Store) -> None:
    stat = store.stat(store.put("a", b"x" * 1000, tags={"team": "build"}))
    gcs_emulator.api.rewrite_step = 300
    try:
        copied = store.copy(stat, "b", tags={VERDICT: "clean"})
    finally:
        gcs_emulator.api.rewrite_step = None
    assert whole(store, copied) == b"x" * 1000
    assert store.tags(copied) == {"team": "build", VERDICT: "clean"}


def test_content_stored_as_gzip_is_read_as_it_is_stored(client: Client, store: Store) -> None:
    packed = gzip.compress(b"text " * 1000)
    blob = client.bucket(store.root.removeprefix("gs://")).blob("a")
    blob.content_encoding = "gzip"
    blob.upload_from_string(packed)
    with store.read(Location(store.root, "a")) as body:
        data = b"".join(body)
    assert data == packed
    assert body.stat.digests["md5"] == hashlib.md5(packed, usedforsecurity=False).hexdigest()
    store.copy(body.stat, "b", tags={})
    assert client.bucket(store.root.removeprefix("gs://")).get_blob("b").content_encoding == "gzip"


@pytest.mark.parametrize(("version", "etag"), [("", "CAE="), ("abc", "")])
def test_a_location_that_is_pinned_by_no_generation_is_rejected(store: Store, version: str, etag: str) -> None:
    store.put("a", b"1")
    with pytest.raises(Rejected, match="generation"):
        store.read(Location(store.root, "a", version, etag))
