from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from azure.storage.blob import BlobServiceClient

from customhouse.ports import Store
from customhouse.stores import open_store
from tests.emulators.azurite import ACCOUNT
from tests.emulators.fixtures import azure_connection_string
from tests.stores.contract import StoreContract

__all__ = ["azure_connection_string"]
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

    @pytest.fixture
    def store(self, service: BlobServiceClient, azure_connection_string: str) -> Store:
        return container(service, azure_connection_string)

    @pytest.fixture
    def other(self, service: BlobServiceClient, azure_connection_string: str) -> Store:
        return container(service, azure_connection_string)


class TestHierarchicalBlob(StoreContract):
    part_size = 256 << 10

    @pytest.fixture
    def store(self, service: BlobServiceClient, azure_connection_string: str) -> Store:
        return container(service, azure_connection_string, azure_hierarchical="yes")

    @pytest.fixture
    def other(self, service: BlobServiceClient, azure_connection_string: str) -> Store:
        return container(service, azure_connection_string, azure_hierarchical="yes")
