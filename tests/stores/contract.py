"""What every store must do: one suite, run by a subclass per adapter that gives `store` and `other`."""

from __future__ import annotations

import hashlib
import io
from contextlib import suppress
from dataclasses import replace

import pytest

from customhouse.errors import Conflict, Gone
from customhouse.model import Location
from customhouse.ports import Store

VERDICT = "customhouse-verdict"
ODD_NAMES = [
    "a//b",
    "/leading",
    "../up",
    "a/../b",
    "./here",
    "a/.",
    "trailing/",
    "a\tb",
    "a\x01b",
    "a\x7fb",
    "sp ace",
    "+ %2B é",
    "%",
    "%2e%2e/x",
    "?versionId=1#2&a=b;c",
    "back\\slash",
    "quotes'\"<&>",
    ".customhouse/tags/x",
    "日本/🎉",
    "é" * 512,
    "long/" + "n" * 300,
]


def whole(store: Store, location: Location, start: int = 0, length: int | None = None) -> bytes:
    with store.read(location, start, length) as body:
        return b"".join(body)


class StoreContract:
    """`keeps_versions`: an overwritten version stays readable. `copy_conditions`: the copy's target is guarded."""

    keeps_versions = False
    copy_conditions = True
    impossible_names: frozenset[str] = frozenset()
    part_size = 5 << 20

    @pytest.fixture
    def store(self) -> Store:
        raise NotImplementedError

    @pytest.fixture
    def other(self) -> Store:
        raise NotImplementedError

    # reading

    def test_what_was_put_is_read_back_with_its_stat_before_the_first_byte(self, store: Store) -> None:
        location = store.put("in/a.bin", b"0123456789", content_type="text/plain")
        with store.read(location) as body:
            assert (body.stat.location, body.stat.size, body.stat.content_type) == (location, 10, "text/plain")
            assert b"".join(body) == b"0123456789"

    def test_a_location_is_pinned_by_put_stat_and_list_alike(self, store: Store) -> None:
        location = store.put("a", b"1")
        assert location.pinned
        assert store.stat(Location(store.root, "a")).location == location
        [listed] = store.list()
        assert whole(store, listed.location) == b"1"

    def test_the_store_s_own_digests_are_right(self, store: Store) -> None:
        data = b"digest me"
        digests = store.stat(store.put("a", data)).digests
        for name in digests.keys() & {"md5", "sha256"}:
            assert digests[name] == hashlib.new(name, data).hexdigest()

    def test_an_object_that_is_not_there_is_gone(self, store: Store) -> None:
        nowhere = Location(store.root, "nowhere")
        for call in (store.stat, store.read, store.tags):
            with pytest.raises(Gone):
                call(nowhere)
        with pytest.raises(Gone):
            store.tag(nowhere, {VERDICT: "clean"})

    def test_an_empty_object_is_read_as_empty(self, store: Store) -> None:
        location = store.put("empty", b"")
        assert store.stat(location).size == 0
        assert whole(store, location) == b""

    @pytest.mark.parametrize(
        ("start", "length", "expected"),
        [(0, 3, b"012"), (7, None, b"789"), (3, 100, b"3456789"), (10, None, b""), (99, 5, b""), (2, 0, b"")],
    )
    def test_ranges(self, store: Store, start: int, length: int | None, expected: bytes) -> None:
        location = store.put("a", b"0123456789")
        assert whole(store, location, start, length) == expected

    def test_chunks_are_at_most_a_mebibyte_and_a_range_tells_the_whole_size(self, store: Store) -> None:
        data = bytes(range(256)) * (10 << 10)
        location = store.put("a", data)
        with store.read(location) as body:
            chunks = list(body)
        assert max(map(len, chunks)) <= 1 << 20
        assert b"".join(chunks) == data
        with store.read(location, 5, 10) as body:
            assert (body.stat.size, b"".join(body)) == (len(data), data[5:15])

    # versions

    def test_an_overwritten_version_is_never_read_as_the_new_one(self, store: Store) -> None:
        first = store.put("a", b"first")
        second = store.put("a", b"second")
        assert first != second
        if self.keeps_versions:
            assert whole(store, first) == b"first"
        else:
            with pytest.raises(Conflict):
                store.read(first)
            with pytest.raises(Conflict):
                store.stat(first)
        assert whole(store, second) == b"second"

    def test_a_deleted_version_is_gone(self, store: Store) -> None:
        location = store.put("a", b"1")
        store.delete(location)
        with pytest.raises(Gone):
            store.stat(location)
        assert list(store.list(versions=True)) == []

    def test_deleting_twice_is_no_error(self, store: Store) -> None:
        location = store.put("a", b"1")
        store.delete(location)
        store.delete(location)

    def test_deleting_an_overwritten_version_spares_the_new_one(self, store: Store) -> None:
        first = store.put("a", b"first")
        second = store.put("a", b"second")
        with suppress(Conflict):
            store.delete(first)
        assert whole(store, second) == b"second"

    def test_deleting_without_a_version_deletes_what_is_there(self, store: Store) -> None:
        store.put("a", b"1")
        store.delete(Location(store.root, "a"))
        assert list(store.list()) == []

    def test_all_versions_are_listed_on_request_only(self, store: Store) -> None:
        store.put("a", b"first")
        store.put("a", b"second")
        assert [entry.size for entry in store.list()] == [6]
        sizes = sorted(entry.size for entry in store.list(versions=True))
        assert sizes == ([5, 6] if self.keeps_versions else [6])

    # conditions on writing

    def test_creating_only_if_absent(self, store: Store) -> None:
        location = store.put("lease", b"mine", if_absent=True)
        with pytest.raises(Conflict):
            store.put("lease", b"theirs", if_absent=True)
        assert whole(store, location) == b"mine"

    def test_replacing_only_what_was_seen(self, store: Store) -> None:
        first = store.put("record", b"1")
        second = store.put("record", b"2", if_match=first)
        with pytest.raises(Conflict):
            store.put("record", b"3", if_match=first)
        assert whole(store, second) == b"2"

    def test_replacing_what_was_deleted_is_a_conflict(self, store: Store) -> None:
        location = store.put("record", b"1")
        store.delete(location)
        with pytest.raises(Conflict):
            store.put("record", b"2", if_match=location)

    # tags

    def test_tags_are_written_with_the_object(self, store: Store) -> None:
        location = store.put("a", b"1", tags={"team": "build", "why": "a b+c=d/e:f"})
        assert store.tags(location) == {"team": "build", "why": "a b+c=d/e:f"}

    def test_tagging_keeps_other_people_s_tags(self, store: Store) -> None:
        location = store.put("a", b"1", tags={"team": "build", VERDICT: "clean"})
        pinned = store.tag(location, {VERDICT: "quarantined", "customhouse-lifecycle": "armed"})
        expected = {"team": "build", VERDICT: "quarantined", "customhouse-lifecycle": "armed"}
        assert store.tags(pinned) == expected
        assert whole(store, pinned) == b"1"

    def test_none_removes_a_tag_and_only_that(self, store: Store) -> None:
        location = store.put("a", b"1", tags={"team": "build", VERDICT: "clean"})
        assert store.tags(store.tag(location, {VERDICT: None, "absent": None})) == {"team": "build"}

    def test_the_last_tag_can_be_removed(self, store: Store) -> None:
        location = store.put("a", b"1", tags={VERDICT: "clean"})
        assert store.tags(store.tag(location, {VERDICT: None})) == {}

    def test_known_tags_in_a_stat_are_all_tags(self, store: Store) -> None:
        bare, tagged = store.put("bare", b"1"), store.put("tagged", b"1", tags={"team": "build"})
        assert store.stat(bare).tags in ({}, None)
        assert store.stat(tagged).tags in ({"team": "build"}, None)
        with store.read(tagged) as body:
            assert body.stat.tags in ({"team": "build"}, None)

    def test_an_overwritten_object_is_never_tagged_with_the_old_verdict(self, store: Store) -> None:
        first = store.put("a", b"first")
        second = store.put("a", b"second", tags={"team": "build"})
        if self.keeps_versions:
            store.tag(first, {VERDICT: "clean"})
        else:
            with pytest.raises(Conflict):
                store.tag(first, {VERDICT: "clean"})
        assert store.tags(second) == {"team": "build"}

    def test_overwriting_drops_the_tags(self, store: Store) -> None:
        store.put("a", b"first", tags={VERDICT: "clean"})
        assert store.tags(store.put("a", b"second")) == {}

    # copies

    def test_a_copy_carries_bytes_type_and_foreign_tags_but_no_forged_verdict(self, store: Store, other: Store) -> None:
        forged = {"team": "build", VERDICT: "clean", "customhouse-lifecycle": "keep"}
        location = store.put("in/a", b"data", tags=forged, content_type="text/x-odd")
        copied = other.copy(store.stat(location), "out/a", tags={VERDICT: "quarantined"})
        assert copied == other.stat(Location(other.root, "out/a")).location
        assert whole(other, copied) == b"data"
        assert other.stat(copied).content_type == "text/x-odd"
        assert other.tags(copied) == {"team": "build", VERDICT: "quarantined"}
        assert store.tags(location) == forged

    def test_an_uploader_who_uses_every_tag_keeps_no_verdict_off_a_copy(self, store: Store, other: Store) -> None:
        full = {f"t{at}": "v" for at in range(10)}
        stat = store.stat(store.put("a", b"1", tags=full))
        copied = other.tags(other.copy(stat, "b", tags={VERDICT: "quarantined"}))
        assert copied[VERDICT] == "quarantined"
        assert len(copied) >= 10
        assert {name: value for name, value in copied.items() if name != VERDICT}.items() <= full.items()

    def test_a_copy_from_what_a_read_told_needs_no_more(self, store: Store, other: Store) -> None:
        location = store.put("a", b"data", tags={"team": "build"})
        with store.read(location) as body:
            stat = body.stat
        assert other.tags(other.copy(stat, "b", tags={VERDICT: "clean"})) == {"team": "build", VERDICT: "clean"}

    def test_a_copy_of_an_overwritten_version_is_a_conflict_or_the_old_bytes(self, store: Store, other: Store) -> None:
        stat = store.stat(store.put("a", b"first"))
        store.put("a", b"other")
        try:
            copied = other.copy(stat, "b", tags={})
        except Conflict:
            assert list(other.list()) == []
        else:
            assert self.keeps_versions
            assert whole(other, copied) == b"first"

    def test_a_copy_does_not_replace_what_must_be_absent(self, store: Store, other: Store) -> None:
        if not self.copy_conditions:
            pytest.skip("the emulator ignores conditions on the target of a copy")
        stat = store.stat(store.put("a", b"new"))
        there = other.put("a", b"old")
        with pytest.raises(Conflict):
            other.copy(stat, "a", tags={}, if_absent=True)
        assert whole(other, there) == b"old"
        replaced = other.copy(stat, "a", tags={}, if_match=there)
        with pytest.raises(Conflict):
            other.copy(stat, "a", tags={}, if_match=there)
        assert whole(other, replaced) == b"new"

    def test_a_copy_of_an_empty_object(self, store: Store, other: Store) -> None:
        copied = other.copy(store.stat(store.put("a", b"")), "a", tags={VERDICT: "clean"})
        assert other.stat(copied).size == 0

    # size

    def test_a_stream_of_several_parts_is_put_and_copied_whole(self, store: Store, other: Store) -> None:
        data = hashlib.sha256(b"seed").digest() * ((2 * self.part_size + 1000) // 32)
        location = store.put("big", io.BytesIO(data), tags={"team": "build"}, content_type="text/x-odd")
        assert store.stat(location).size == len(data)
        copied = other.copy(store.stat(location), "big", tags={VERDICT: "clean"})
        assert hashlib.sha256(whole(other, copied)).digest() == hashlib.sha256(data).digest()
        assert other.stat(copied).content_type == "text/x-odd"
        assert other.tags(copied) == {"team": "build", VERDICT: "clean"}

    def test_a_large_stream_keeps_its_condition(self, store: Store) -> None:
        store.put("big", b"there")
        with pytest.raises(Conflict):
            store.put("big", io.BytesIO(bytes(2 * self.part_size + 1)), if_absent=True)
        assert store.stat(Location(store.root, "big")).size == 5

    # names

    def test_names_are_opaque(self, store: Store, other: Store) -> None:
        names = [name for name in ODD_NAMES if name not in self.impossible_names]
        put = {name: store.put(name, name.encode()) for name in names}
        assert {name: location.key for name, location in put.items()} == {name: name for name in names}
        assert {entry.location.key for entry in store.list()} == set(names)
        for name, location in put.items():
            tagged = store.tag(location, {VERDICT: "clean"})
            assert whole(store, tagged) == name.encode()
            copied = other.copy(store.stat(tagged), name, tags={})
            assert whole(other, copied) == name.encode()
            store.delete(tagged)
        assert list(store.list()) == []
        assert {entry.location.key for entry in other.list()} == set(names)

    # listing

    def test_a_listing_pages_in_key_order_from_after_under_a_prefix(self, store: Store) -> None:
        names = ["a", "b/1", "b/2", "b/3", "b/4", "b-0", "c"]
        for name in names:
            store.put(name, name.encode())
        assert [entry.location.key for entry in store.list()] == sorted(names)
        assert [entry.location.key for entry in store.list("b/")] == ["b/1", "b/2", "b/3", "b/4"]
        assert [entry.location.key for entry in store.list("b/", after="b/2")] == ["b/3", "b/4"]
        assert [entry.location.key for entry in store.list(after="b/4")] == ["c"]
        assert [entry.location.key for entry in store.list(after="b/25")] == ["b/3", "b/4", "c"]
        assert list(store.list("nothing/")) == []

    def test_a_listed_stat_agrees_with_the_store(self, store: Store) -> None:
        location = store.put("a", b"12345")
        [listed] = store.list()
        stat = store.stat(location)
        assert listed.size == stat.size == 5
        assert listed.modified == pytest.approx(stat.modified, abs=1)
        assert replace(listed.location, version="") == replace(stat.location, version="")
