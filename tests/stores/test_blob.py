from __future__ import annotations

import gzip
import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest
from azure.storage.blob import BlobClient, BlobServiceClient, ContentSettings, StandardBlobTier

from customhouse.errors import ConfigError, Gone, Rejected
from customhouse.model import Location
from customhouse.ports import Store
from customhouse.stores import open_store
from tests.emulators.azurite import ACCOUNT
from tests.stores.contract import VERDICT, StoreContract, whole

pytestmark = pytest.mark.emulator
SMALL = {"part_size": str(256 << 10), "page_size": "2"}


@pytest.fixture(scope="module")
def service(azure_connection_string: str) -> Iterator[BlobServiceClient]:
    with BlobServiceClient.from_connection_string(azure_connection_string) as client:
        yield client


def container(service: BlobServiceClient, connection_string: str, **options: str) -> Store:
    name = f"c-{uuid.uuid4()}"
    service.create_container(name)
    return open_store(f"az://{ACCOUNT}/{name}", SMALL | {"azure_connection_string": connection_string} | options)


class TestBlob(StoreContract):
    part_size = 256 << 10
    # Azurite writes \x01 into its XML as it is (the service: Encoded="true"); both store a backslash as a slash.
    impossible_names = frozenset({"a\x01b", "back\\slash"})

    @pytest.fixture
    def store(self, service: BlobServiceClient, azure_connection_string: str) -> Store:
        return container(service, azure_connection_string)

    @pytest.fixture
    def other(self, service: BlobServiceClient, azure_connection_string: str) -> Store:
        return container(service, azure_connection_string)


class TestHierarchicalBlob(TestBlob):
    @pytest.fixture
    def store(self, service: BlobServiceClient, azure_connection_string: str) -> Store:
        return container(service, azure_connection_string, azure_hierarchical="yes")

    @pytest.fixture
    def other(self, service: BlobServiceClient, azure_connection_string: str) -> Store:
        return container(service, azure_connection_string, azure_hierarchical="yes")


@pytest.fixture
def store(service: BlobServiceClient, azure_connection_string: str) -> Store:
    return container(service, azure_connection_string)


def raw(service: BlobServiceClient, store: Store, name: str) -> BlobClient:
    return service.get_blob_client(store.root.rpartition("/")[2], name)


def test_a_name_with_dots_stays_in_its_container(service: BlobServiceClient, azure_connection_string: str) -> None:
    store, other = (container(service, azure_connection_string) for _ in range(2))
    secret = other.put("secret", b"theirs")
    escape = f"../{other.root.rpartition('/')[2]}/secret"
    with pytest.raises(Gone):
        store.read(Location(store.root, escape))
    store.put(escape, b"mine")
    assert whole(other, secret) == b"theirs"


def test_an_archived_blob_says_what_to_do(service: BlobServiceClient, store: Store) -> None:
    location = store.put("a", b"1")
    raw(service, store, "a").set_standard_blob_tier(StandardBlobTier.ARCHIVE)
    with pytest.raises(Rejected, match="rehydrate"):
        store.read(Location(location.root, location.key))


def test_content_stored_as_gzip_is_read_as_it_is_stored(service: BlobServiceClient, store: Store) -> None:
    packed = gzip.compress(b"text " * 1000)
    raw(service, store, "a").upload_blob(packed, content_settings=ContentSettings(content_encoding="gzip"))
    assert whole(store, Location(store.root, "a")) == packed


def test_a_folder_marker_is_not_listed(service: BlobServiceClient, store: Store) -> None:
    raw(service, store, "folder").upload_blob(b"", metadata={"hdi_isfolder": "true"})
    store.put("folder/a", b"1")
    assert [entry.location.key for entry in store.list()] == ["folder/a"]


def test_a_forged_verdict_in_metadata_does_not_reach_a_copy(
    service: BlobServiceClient, azure_connection_string: str
) -> None:
    store = container(service, azure_connection_string, azure_hierarchical="yes")
    raw(service, store, "a").upload_blob(b"1", metadata={"customhouse_verdict": "clean"})
    stat = store.stat(Location(store.root, "a"))
    assert stat.tags == {VERDICT: "clean"}
    assert store.tags(store.copy(stat, "b", tags={})) == {}


def test_a_large_blob_is_read_piece_by_piece(store: Store) -> None:
    data = bytes(range(256)) * (33 << 10)
    assert whole(store, store.put("big", data)) == data


def test_a_blob_with_snapshots_is_not_deleted_with_them(service: BlobServiceClient, store: Store) -> None:
    location = store.put("a", b"1")
    raw(service, store, "a").create_snapshot()
    with pytest.raises(Rejected):
        store.delete(location)
    assert whole(store, location) == b"1"


def test_a_copy_into_another_account_is_rejected(store: Store) -> None:
    stat = store.stat(store.put("a", b"1"))
    elsewhere = replace(stat, location=Location("az://elsewhere/container", "a", etag=stat.location.etag))
    with pytest.raises(Rejected, match="account"):
        store.copy(elsewhere, "b", tags={})


@pytest.mark.parametrize(
    "text", ["no connection string", "AccountName=other;AccountKey=a2V5;EndpointSuffix=core.windows.net"]
)
def test_a_connection_string_that_does_not_fit_stops_the_start(text: str) -> None:
    with pytest.raises(ConfigError, match="azure_connection_string"):
        open_store(f"az://{ACCOUNT}/c", {"azure_connection_string": text})
