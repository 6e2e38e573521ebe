from __future__ import annotations

import uuid

import pytest

from customhouse.errors import Conflict, Rejected
from customhouse.model import Location
from customhouse.stores.memory import MemoryStore
from tests.stores.contract import StoreContract


def fresh(*, versioned: bool = False) -> MemoryStore:
    return MemoryStore(f"memory://{uuid.uuid4()}", versioned=versioned)


class TestMemory(StoreContract):
    part_size = 1 << 10

    @pytest.fixture
    def store(self) -> MemoryStore:
        return fresh()

    @pytest.fixture
    def other(self) -> MemoryStore:
        return fresh()


class TestVersionedMemory(TestMemory):
    keeps_versions = True

    @pytest.fixture
    def store(self) -> MemoryStore:
        return fresh(versioned=True)

    def test_deleting_the_name_keeps_the_version(self, store: MemoryStore) -> None:
        location = store.put("a", b"1")
        store.delete(Location(store.root, "a"))
        assert list(store.list()) == []
        assert [entry.location for entry in store.list(versions=True)] == [location]


def test_two_clients_of_one_name_see_one_bucket() -> None:
    first = fresh()
    location = first.put("a", b"1")
    assert MemoryStore(first.root).stat(location).size == 1


def test_an_unversioned_delete_of_a_replaced_object_is_a_conflict() -> None:
    store = fresh()
    first = store.put("a", b"1")
    store.put("a", b"2")
    with pytest.raises(Conflict):
        store.delete(first)


def test_an_object_needs_a_name() -> None:
    with pytest.raises(Rejected):
        fresh().put("", b"1")
