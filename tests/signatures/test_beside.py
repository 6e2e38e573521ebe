from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Self

import pytest

from customhouse.errors import Denied
from customhouse.model import Location, Stat
from customhouse.ports import Body, Store
from customhouse.signatures.beside import Surroundings, look, read
from customhouse.signatures.hashing import Hashing
from customhouse.signatures.names import Names
from customhouse.stores.memory import MemoryStore
from tests.app.world import memory
from tests.stores.faults import Calls, FaultyStore

MOST = 100
KEY = "in/a.whl"


@pytest.fixture
def store() -> Store:
    return memory()("intake")


def around(store: Store, key: str = KEY) -> Surroundings:
    return look(store, Location(store.root, key), Names(), MOST)


def test_files_beside_are_read_and_others_are_not(store: Store) -> None:
    for name in ("a.whl", "a.whl.sha256", "a.whl.sigstore", "a.whl.txt", "a.whlx.sha256", "b.whl.sha256", "SHA256SUMS"):
        store.put(f"in/{name}", name.encode())
    found = around(store).files
    assert [file.data for file in found] == [b"a.whl.sha256", b"a.whl.sigstore", b"SHA256SUMS"]
    assert all(file.location.pinned for file in found)


def test_nothing_beside_costs_a_listing_and_one_miss(store: Store) -> None:
    calls = Calls()
    assert look(FaultyStore(store, calls=calls), Location(store.root, KEY), Names(), MOST) == Surroundings()
    assert calls.made == ["list", "read"]


def test_large_file_is_not_read(store: Store) -> None:
    store.put(f"{KEY}.sha256", b"x" * (MOST + 1))
    (file,) = around(store).files
    assert (file.data, file.why) == (None, "larger than 100 bytes")


class Lying(MemoryStore):
    """A store whose objects are longer than it says, and endless."""

    def read(self, location: Location, start: int = 0, length: int | None = None) -> Body:
        return Endless(super().read(location, start, length))


class Endless:
    """A body without an end."""

    def __init__(self, body: Body) -> None:
        self.body = body
        self.stat = body.stat

    def __iter__(self) -> Iterator[bytes]:
        while True:
            yield b"x" * 10

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


def test_file_longer_than_its_store_says_is_not_read_on() -> None:
    store = Lying("memory://lying")
    store.put("a.sha256", b"x")
    file = read(store, Location(store.root, "a.sha256"), MOST)
    assert file is not None
    assert file.data is None


class Refusing(MemoryStore):
    """A store that refuses one read."""

    def read(self, location: Location, start: int = 0, length: int | None = None) -> Body:
        if location.key.endswith(".sha256"):
            raise Denied("no access")
        return super().read(location, start, length)


def test_file_that_may_not_be_read_is_told() -> None:
    store = Refusing("memory://refusing")
    store.put(f"{KEY}.sha256", b"x")
    (file,) = around(store).files
    assert (file.data, file.why) == (None, "no access")


class Chunks:
    """A body of three chunks that counts how many were taken."""

    def __init__(self) -> None:
        self.stat = Stat(Location("memory://x", "a", "1"), 6, 0.0)
        self.taken = self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in (b"ab", b"cd", b"ef"):
            self.taken += 1
            yield chunk

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed += 1


@pytest.mark.parametrize("taken", [0, 1, 3])
def test_digests_are_of_all_bytes_however_many_were_taken(taken: int) -> None:
    body = Chunks()
    with Hashing(body, ["md5", "sha512"]) as hashed:
        pieces = iter(hashed)
        assert [next(pieces) for _ in range(taken)] == [b"ab", b"cd", b"ef"][:taken]
        assert hashed.digests() == {name: hashlib.new(name, b"abcdef").hexdigest() for name in ("md5", "sha512")}
    assert (hashed.stat, body.taken, body.closed) == (body.stat, 3, 1)


def test_without_a_digest_to_compute_nothing_is_read() -> None:
    body = Chunks()
    assert Hashing(body, ()).digests() == {}
    assert body.taken == 0
