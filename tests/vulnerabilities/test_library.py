"""What is published stays whole for whoever reads it, however often it is published anew and wherever a build dies."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.errors import Conflict, Gone, Malformed, Rejected
from customhouse.model import Location
from customhouse.vulnerabilities import shards
from customhouse.vulnerabilities.build import Shelved, build, publish, shelve
from customhouse.vulnerabilities.index import Index
from customhouse.vulnerabilities.library import Library
from customhouse.vulnerabilities.records import Advisory
from tests.stores.faults import Calls, FaultyStore, Killed
from tests.vulnerabilities.support import NOW, empty, record


def state(number: int) -> list[bytes]:
    """One of a few states of the world: which advisories there are."""
    return [
        record(f"X-{number}-{name}", ecosystem, name, ("introduced", "0"))
        for at, (ecosystem, name) in enumerate((("npm", "a"), ("npm", "b"), ("PyPI", "a")))
        if number >> at & 1
    ] or [record("X", "npm", "always", ("introduced", "0"))]


def said(index: Index) -> dict[tuple[str, str], tuple[Advisory, ...]]:
    """All that an index says of the names in question."""
    names = [("npm", "a"), ("npm", "b"), ("PyPI", "a"), ("npm", "always")]
    return {name: index.advisories(*name) for name in names}


def stored(library: Library) -> set[str]:
    prefix = f"{library.prefix}{shards.PREFIX}/shards/"
    return {stat.location.key.rpartition("/")[2] for stat in library.store.list(prefix)}


@given(st.lists(st.integers(0, 7), min_size=1, max_size=6))
def test_a_reader_finds_all_of_its_state_until_the_second_publication_after_it(states: list[int]) -> None:
    library = empty()
    before: tuple[Index, dict[tuple[str, str], tuple[Advisory, ...]]] | None = None
    for at, number in enumerate(states):
        build(state(number), library, NOW + at)
        if before:  # a function that began with the manifest before this one, and had read no shard yet
            reader, expected = before
            assert said(Index(library, reader.manifest)) == expected
        now = Index(library)
        assert said(now) == said(Index(_alone(number)))
        before = (now, said(now))


def _alone(number: int) -> Library:
    library = empty()
    build(state(number), library, NOW)
    return library


@given(st.lists(st.integers(0, 7), min_size=2, max_size=6))
def test_nothing_is_kept_that_no_reader_can_need(states: list[int]) -> None:
    library = empty()
    manifests = [build(state(number), library, NOW + at) for at, number in enumerate(states)]
    distinct = [one for at, one in enumerate(manifests) if at == 0 or one.shards != manifests[at - 1].shards]
    assert stored(library) == frozenset[str]().union(*(one.digests for one in distinct[-2:]))


def test_what_a_rematch_still_needs_is_kept() -> None:
    library = empty()
    first = build(state(1), library, NOW)
    for number in (2, 3, 4):
        publish(library, shelve(state(number), library), NOW + number, first.digests)
    assert first.digests <= stored(library)
    assert said(Index(library, first)) == said(Index(_alone(1)))


@pytest.mark.parametrize("mode", ["before", "after"])
def test_a_build_that_dies_anywhere_leaves_an_index_that_reads(mode: str) -> None:
    for number in range(1, 40):
        library = empty()
        build(state(3), library, NOW)
        calls = Calls(number, mode)  # type: ignore[arg-type]  # one of the two modes
        try:
            build(state(6), Library(FaultyStore(library.store, calls=calls)), NOW + 1)
        except Killed:
            assert said(Index(library)) in (said(Index(_alone(3))), said(Index(_alone(6))))
            build(state(6), library, NOW + 2)
            assert said(Index(library)) == said(Index(_alone(6)))
        else:
            assert number > 5
            return
    raise AssertionError("it never ended")


def test_two_libraries_in_one_store_do_not_touch_each_other() -> None:
    store = empty().store
    one, other = Library(store, "one/"), Library(store, "other/")
    build(state(1), one, NOW)
    build(state(2), other, NOW)
    build(state(4), other, NOW)
    build(state(7), other, NOW)
    assert said(Index(one)) == said(Index(_alone(1)))


def test_the_same_records_make_the_same_shards_in_any_order() -> None:
    one, other = empty(), empty()
    assert build(state(7), one, NOW).digest == build(state(7)[::-1], other, NOW + 5).digest
    assert stored(one) == stored(other)


@pytest.mark.parametrize(
    ("damage", "error"),
    [
        (
            lambda library, key: library.store.delete(library.store.stat(Location(library.store.root, key)).location),
            Gone,
        ),
        (lambda library, key: library.store.put(key, b"no zstd"), Malformed),
        (lambda library, key: library.store.put(key, b""), Malformed),
    ],
    ids=["gone", "damaged", "empty"],
)
def test_a_shard_that_is_not_there_is_an_error_and_never_no_advisory(
    damage: Callable[[Library, str], object], error: type[Exception]
) -> None:
    library = empty()
    manifest = build(state(1), library, NOW)
    (digest,) = manifest.digests
    damage(library, shards.shard_key(digest))
    with pytest.raises(error):
        said(Index(library))


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"built": "x"}', b'{"built": 1, "format": 2}', b"\xff"])
def test_a_manifest_that_does_not_read_is_an_error_and_never_an_empty_index(data: bytes) -> None:
    library = empty()
    library.write(shards.MANIFEST, data)
    with pytest.raises(Malformed, match="the vulnerability index"):
        Index(library)


def test_no_records_build_nothing() -> None:
    library = empty()
    with pytest.raises(Rejected, match="no OSV records"):
        build([], library, NOW)
    assert library.manifest() is None


def test_one_record_that_does_not_read_leaves_what_was_published() -> None:
    library = empty()
    build(state(3), library, NOW)
    with pytest.raises(Malformed):
        build([*state(6), b"{"], library, NOW + 1)
    assert said(Index(library)) == said(Index(_alone(3)))


def test_a_shard_that_stands_there_from_a_build_that_died_is_taken_as_it_is() -> None:
    library = empty()
    shelved = shelve(state(3), library)

    class Full(FaultyStore):
        def put(self, key: str, *data: object, **more: object) -> Location:  # type: ignore[override]  # passed on whole
            if "shards" in key:
                assert more == {"if_absent": True}
                raise Conflict(f"{key} exists")
            return super().put(key, *data, **more)  # type: ignore[arg-type]  # as above

    again = shelve(state(3), Library(Full(library.store)))
    assert isinstance(again, Shelved)
    assert again == shelved


@given(st.dictionaries(st.text(max_size=6), st.integers(0, 3), max_size=40), st.text(max_size=6))
def test_every_name_is_in_the_shard_where_it_is_looked_for(names: dict[str, int], absent: str) -> None:
    packages = {
        name: [shards.msgspec.msgpack.encode(Advisory(f"X-{at}", "low", "")) for at in range(count)]  # type: ignore[arg-type]  # a severity by its name
        for name, count in names.items()
    }
    made = list(shards.split(packages))
    assert len(made) & (len(made) - 1) == 0
    for name, count in names.items():
        read = shards.decode(shards.encode(made[shards.place_in(len(made), name)]))
        assert [advisory.rule for advisory in read[name]] == [f"X-{at}" for at in range(count)]
    assert sum(map(len, made)) == len(names)
    assert (absent in made[shards.place_in(len(made), absent)]) is (absent in names)
