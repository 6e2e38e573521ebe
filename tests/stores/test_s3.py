from __future__ import annotations

import uuid

import botocore.session
import pytest
from botocore.client import BaseClient

from customhouse.errors import Rejected, Transient
from customhouse.model import VERDICT_TAG
from customhouse.ports import Store
from customhouse.stores import open_store
from tests.stores.contract import StoreContract

pytestmark = pytest.mark.emulator
SESSION = botocore.session.get_session()
SMALL = {"part_size": str(5 << 20), "single_size": str(5 << 20), "page_size": "2"}


@pytest.fixture
def client(s3_endpoint: str) -> BaseClient:
    return SESSION.create_client("s3", endpoint_url=s3_endpoint)


def bucket(client: BaseClient, endpoint: str, *, versioned: bool = False) -> Store:
    name = f"b-{uuid.uuid4()}"
    client.create_bucket(Bucket=name)
    if versioned:
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return open_store(f"s3://{name}", SMALL | {"endpoint": endpoint})


class TestS3(StoreContract):
    copy_conditions = False  # moto ignores If-Match and If-None-Match on the target of CopyObject

    @pytest.fixture
    def store(self, client: BaseClient, s3_endpoint: str) -> Store:
        return bucket(client, s3_endpoint)

    @pytest.fixture
    def other(self, client: BaseClient, s3_endpoint: str) -> Store:
        return bucket(client, s3_endpoint)

    def test_a_copy_of_an_overwritten_version_is_a_conflict_or_the_old_bytes(self, store: Store, other: Store) -> None:
        # moto ignores CopySourceIfMatch: the copy's verification is what notices, and takes the copy away.
        stat = store.stat(store.put("a", b"first"))
        store.put("a", b"other")
        with pytest.raises(Transient):
            other.copy(stat, "b", tags={})
        assert list(other.list()) == []

    def test_a_tag_for_which_there_is_no_room_is_refused_and_changes_nothing(self, store: Store) -> None:
        full = {f"t{at}": "v" for at in range(10)}
        location = store.put("a", b"bytes", tags=full)
        with pytest.raises(Rejected, match="cannot be greater than 10"):
            store.tag(location, {VERDICT_TAG: "quarantined"})
        assert store.tags(location) == full


class TestVersionedS3(TestS3):
    keeps_versions = True
    test_a_copy_of_an_overwritten_version_is_a_conflict_or_the_old_bytes = (
        StoreContract.test_a_copy_of_an_overwritten_version_is_a_conflict_or_the_old_bytes
    )

    @pytest.fixture
    def store(self, client: BaseClient, s3_endpoint: str) -> Store:
        return bucket(client, s3_endpoint, versioned=True)
