"""However the bytes arrive, the inspection is one; and wherever they break off, what is gone is never clean."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator, Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customhouse.inspect import Limits, inspect, inspect_parts
from customhouse.model import Finding, Inspection, Package, Skip
from customhouse.scanners import Member
from tests.inspect.mutations import SEEDS, SMALL, lost, over_budget
from tests.inspect.support import MARKER, MarkerScanner, Recorder, found, look, nested, tarred, zipped
from tests.inspect.wraps import COMPRESSORS, LIBARCHIVE, PACKS, WRAPS

Said = tuple[str, int, Mapping[str, str], Sequence[Finding], Sequence[Package], object, Sequence[Skip]]


def said(inspection: Inspection) -> Said:
    """All of an inspection but how long it took."""
    one, seen = inspection, inspection.coverage
    numbers = (seen.members, seen.opened, seen.bytes)
    return one.kind, one.size, one.digests, one.findings, one.packages, numbers, seen.skipped


CARRIERS = frozenset({"crx", "exe", "run"})
"""What is no archive and carries one: opened only where all of it is in one window."""


def several(kind: str) -> bytes:
    """Three members, the marker in the last, in a container that holds several; else the marker alone."""
    members = [("first", b"1" * 700), ("empty", b""), ("last", b"x" * 300 + MARKER)]
    return PACKS[kind](members) if kind in PACKS else WRAPS[kind](b"x" * 900 + MARKER, "last")


@pytest.mark.parametrize("chunk", [1, 511, 512, 513])
@pytest.mark.parametrize("kind", WRAPS)
def test_chunks_of_any_size_give_what_the_whole_gives(kind: str, chunk: int) -> None:
    data = several(kind)
    data = data[:3000] if chunk == 1 else data  # one byte at a time: the first ones, which also break off

    assert said(look(data, f"a.{kind}", chunk=chunk)) == said(look(data, f"a.{kind}"))


@settings(max_examples=3)
@pytest.mark.parametrize("kind", WRAPS)
@given(cuts=st.lists(st.integers(0, 3000), max_size=8))
def test_chunks_of_different_sizes_give_what_the_whole_gives(kind: str, cuts: list[int]) -> None:
    data = several(kind)
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    chunks = [data[start:end] for start, end in itertools.pairwise(places)]

    assert b"".join(chunks) == data
    inspection = inspect(f"a.{kind}", chunks, [MarkerScanner()], Limits())

    assert said(inspection) == said(look(data, f"a.{kind}"))


@pytest.mark.parametrize("kind", WRAPS)
def test_a_file_gives_what_chunks_give(kind: str) -> None:
    data = several(kind)
    with tempfile.TemporaryFile() as file:
        file.write(data)
        from_file = inspect(f"a.{kind}", (), [MarkerScanner()], Limits(), file=file)

    assert said(from_file) == said(look(data, f"a.{kind}"))


@pytest.mark.parametrize("kind", WRAPS)
def test_what_is_kept_on_disk_gives_what_is_kept_in_memory(kind: str) -> None:
    data = several(kind)

    assert said(look(data, f"a.{kind}", limits=Limits(spool=0))) == said(look(data, f"a.{kind}"))


@pytest.mark.parametrize("kind", WRAPS)
@pytest.mark.parametrize("workers", [1, 3])
def test_any_number_of_threads_says_the_same(kind: str, workers: int) -> None:
    data = several(kind)

    assert said(look(data, f"a.{kind}", limits=Limits(workers=workers))) == said(look(data, f"a.{kind}"))


@pytest.mark.parametrize("kind", [kind for kind in WRAPS if kind not in CARRIERS - {"crx"}])
def test_every_byte_of_a_member_is_shown_once_whatever_the_window_is(kind: str) -> None:
    def shown(limits: Limits) -> dict[str, bytes]:
        recorder = Recorder()
        look(several(kind), f"a.{kind}", scanners=[recorder], limits=limits)
        seen: dict[str, bytearray] = {}
        for member in recorder.seen:
            held = seen.setdefault(member.path, bytearray())
            held[member.offset : member.offset + len(member.data)] = member.data
        return {path: bytes(data) for path, data in seen.items()}

    large = shown(Limits())

    assert shown(Limits(window=100)) == large
    assert any(MARKER in data for data in large.values()) or kind in LIBARCHIVE


class Kept(Recorder):
    """Keeps what it reads from a member that it may seek in."""

    def scan(self, member: Member) -> Iterator[Finding]:
        if member.stream is not None:
            member.stream.seek(0)
            self.seen.append(Member(member.path, member.name, member.kind, member.size, member.stream.read()))
        return iter(())


@pytest.mark.parametrize("kind", COMPRESSORS)
def test_a_scanner_that_seeks_is_given_the_bytes_that_others_are_shown(kind: str) -> None:
    recorder, kept = Recorder(), Kept(name="kept", reads="stream")
    limits = Limits(window=600)

    look(several(kind), f"a.{kind}", scanners=[recorder, kept], limits=limits)

    whole = {member.path: member.data for member in recorder.seen if len(member.data) > 600}
    assert {member.path: member.data for member in kept.seen} == whole


class Held:
    """An artifact in a store, read in parts."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read(self, start: int, length: int) -> bytes:
        return self._data[start : start + length]


@pytest.mark.parametrize("kind", WRAPS)
def test_ranges_of_a_file_see_what_reading_it_whole_sees(kind: str) -> None:
    data, name = several(kind), f"a.{kind}"

    parts, whole = inspect_parts(name, Held(data), [MarkerScanner()], Limits()), look(data, name)

    assert found(parts) == ([] if kind in CARRIERS else found(whole))
    assert parts.kind == whole.kind
    assert set(whole.coverage.skipped) <= set(parts.coverage.skipped)
    assert not parts.coverage.complete
    assert kind not in CARRIERS or any("not opened" in skip.detail for skip in parts.coverage.skipped)


def places(data: bytes) -> list[int]:
    """Where to break off: everywhere, but of what is large only near its borders and its ends."""
    if len(data) <= 700:
        return list(range(len(data)))
    near = {at + off for at in range(0, len(data), 512) for off in (-1, 0, 1)} | {*range(0, 520, 7)}
    step = 1 if len(data) < 3000 else 4
    return [at for at in sorted(near) if 0 <= at < len(data)][::step]


WHOLE = {"deb": {8}, "alpine.apk": {97}, "oci.tar": {*range(2049)}, "run": {*range(36)}}
"""Where what is left is a shorter archive, whole by itself: without members, the control segment, without blobs, …."""


@pytest.mark.parametrize("kind", SEEDS)
def test_an_archive_that_breaks_off_anywhere_is_never_clean_without_its_marker(kind: str) -> None:
    data = SEEDS[kind]
    for cut in places(data):
        inspection = look(data[:cut], f"a.{kind}", limits=SMALL)

        assert not lost(kind, data[:cut], inspection) or cut in WHOLE.get(kind, ()), cut
        assert over_budget(inspection) == "", cut
        assert inspection.size == cut


@pytest.mark.parametrize("kind", [kind for kind in SEEDS if len(SEEDS[kind]) < 700])
def test_an_archive_without_its_beginning_is_never_clean_without_its_marker(kind: str) -> None:
    data = SEEDS[kind]
    for cut in range(0, len(data), 5):
        inspection = look(data[cut:], f"a.{kind}", limits=SMALL)

        assert not lost(kind, data[cut:], inspection), cut
        assert over_budget(inspection) == "", cut


OUTER = ("zip", "tar", "tar.gz", "7z", "cpio", "a", "iso", "asar", "zst", "xz", "deb", "oci.tar", "exe")


@pytest.mark.parametrize("outer", OUTER)
@pytest.mark.parametrize("inner", OUTER)
def test_any_container_in_any_other_shows_its_marker(outer: str, inner: str) -> None:
    data = WRAPS[outer](WRAPS[inner](MARKER, "inner"), f"inner.{inner}")

    inspection = look(data, f"a.{outer}")

    assert len(found(inspection)) == 1
    assert inspection.coverage.complete


BROKEN = [
    kind
    for kind in SEEDS
    if kind not in LIBARCHIVE | {"exe", "br", "zz", "tar.zz", "alpine.apk", "docker.tar", "oci.tar"}
]


@pytest.mark.parametrize("kind", BROKEN)
def test_what_breaks_off_in_another_archive_is_said_there_and_what_follows_is_seen(kind: str) -> None:
    data = SEEDS[kind]
    cut = len(data) * 2 // 3 if len(data) < 700 else data.rindex(MARKER) + 3 if MARKER in data else 1600
    outer = zipped((f"a.{kind}", data[:cut]), ("marked", MARKER))

    inspection = look(outer, "x.zip")

    assert "x.zip!/marked" in found(inspection)
    assert inspection.coverage.skipped
    assert all(skip.member.startswith(f"x.zip!/a.{kind}") for skip in inspection.coverage.skipped)


@pytest.mark.parametrize("depth", [0, 1, 7, 15])
def test_members_know_how_deep_they_are(depth: int) -> None:
    recorder = Recorder()
    look(nested(depth, b"x"), scanners=[recorder])

    assert [member.depth for member in recorder.seen] == [depth]
    assert recorder.seen[0].path.count("!/") == depth


def test_the_same_artifact_twice_is_the_same_inspection() -> None:
    data = tarred(("a", MARKER), ("../b", b"x"), ("c.zip", zipped(("d", MARKER), ("d/e", b""))))

    assert said(look(data)) == said(look(data))
