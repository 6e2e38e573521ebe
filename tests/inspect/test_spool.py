"""Bytes on their way in: hashed once whatever happens, kept within budgets, and given back on every path."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import zipfile
from collections.abc import Callable, Iterable, Iterator

import crc32c
import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.errors import Transient
from customhouse.inspect import Limits, inspect
from customhouse.inspect.feed import Feed
from customhouse.inspect.ledger import Ledger
from customhouse.inspect.limits import Budget, LimitHit
from customhouse.inspect.reader import BLOCK, Reader
from customhouse.inspect.spool import Crc32c, Hasher, Intake, Spool, file_chunks
from customhouse.inspect.walk import Node, Walker
from customhouse.model import Fact, SkipReason
from customhouse.scanners import Member
from tests.inspect.support import MARKER, MarkerScanner, Recorder, look, reasons, tarred, zipped
from tests.inspect.wraps import PACKS, seven

NAMES = ("crc32c", "md5", "sha1", "sha256", "sha512")


def digests(data: bytes) -> dict[str, str]:
    plain = {name: hashlib.new(name, data).hexdigest() for name in NAMES if name != "crc32c"}
    return {"crc32c": f"{crc32c.crc32c(data):08x}", **plain}


@given(st.lists(st.binary(max_size=99), max_size=9))
def test_digests_of_parts_are_those_of_the_whole(parts: list[bytes]) -> None:
    hasher = Hasher(NAMES)
    for part in parts:
        hasher.update(part)

    assert hasher.close() == digests(b"".join(parts))


@pytest.mark.parametrize("size", [0, 65_535, 65_536, 65_537, 3 << 20])
def test_digests_are_the_same_with_a_thread_and_without(size: int) -> None:
    data = b"abc" * (size // 3) + b"d" * (size % 3)
    hasher = Hasher(NAMES)
    hasher.update(data)
    hasher.update(b"small behind large")

    assert hasher.close() == digests(data + b"small behind large")


def test_closing_twice_says_the_same() -> None:
    hasher = Hasher(("sha256",))
    hasher.update(bytes(100_000))

    assert hasher.close() == hasher.close()


@pytest.mark.parametrize(("data", "text"), [(b"", "00000000"), (b"123456789", "e3069283"), (b"\0" * 32, "8a9136aa")])
def test_crc32c_has_the_values_of_its_rfc_in_big_endian_hex(data: bytes, text: str) -> None:
    digest = Crc32c()
    digest.update(data)

    assert digest.hexdigest() == text


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
def test_an_intake_gives_pieces_of_at_most_a_mebibyte_and_counts_them(size: int) -> None:
    budget = Budget(Limits())
    intake = Intake([bytes(size)], ("sha256",), budget)

    pieces = [len(piece) for piece in intake]

    assert max(pieces, default=0) <= BLOCK
    assert sum(pieces) == intake.size == budget.received == size
    assert intake.finish({}) == {"sha256": hashlib.sha256(bytes(size)).hexdigest()}


def test_empty_chunks_are_no_end() -> None:
    intake = Intake([b"", b"a", b"", b"", b"b", b""], ("sha256",), Budget(Limits()))

    assert b"".join(intake) == b"ab"


@pytest.mark.parametrize("taken", range(4))
def test_finishing_reads_what_nobody_took(taken: int) -> None:
    intake = Intake([b"one", b"two", b"three"], ("sha256",), Budget(Limits()))
    for _, _ in zip(range(taken), intake, strict=False):
        pass

    assert intake.finish({})["sha256"] == hashlib.sha256(b"onetwothree").hexdigest()
    assert intake.size == 11


@pytest.mark.parametrize("algorithm", NAMES)
@pytest.mark.parametrize("spelt", [str.lower, str.upper])
def test_what_the_store_reported_is_compared_in_either_case(algorithm: str, spelt: Callable[[str], str]) -> None:
    expect = {algorithm: spelt(digests(b"hello")[algorithm])}

    assert inspect("a", [b"hello"], [], Limits(), expect=expect).digests[algorithm] == digests(b"hello")[algorithm]
    with pytest.raises(Transient, match=algorithm):
        inspect("a", [b"hellO"], [], Limits(), expect=expect)


@pytest.mark.parametrize("at", [0, 1, 2])
def test_what_a_source_raises_is_raised_by_finish_too(at: int) -> None:
    def chunks() -> Iterator[bytes]:
        for number in range(3):
            if number == at:
                raise Transient(f"chunk {number}")
            yield b"x"

    intake = Intake(chunks(), ("sha256",), Budget(Limits()))
    with contextlib.suppress(Transient):
        list(intake)

    with pytest.raises(Transient, match=f"chunk {at}"):
        intake.finish({})


@pytest.mark.parametrize("kind", ["tar", "zip", "7z", "tar.gz", "bin"])
def test_a_source_that_breaks_off_is_never_an_inspection(kind: str) -> None:
    data = PACKS[kind]([("a", MARKER)]) if kind in PACKS else MARKER

    def chunks() -> Iterator[bytes]:
        yield data[: len(data) // 2]
        raise Transient("the connection was reset")

    with pytest.raises(Transient, match="reset"):
        inspect(f"a.{kind}", chunks(), [MarkerScanner()], Limits())


@pytest.mark.parametrize("size", [0, 4, 6])
def test_another_size_than_the_store_reported_is_transient(size: int) -> None:
    assert inspect("a", [b"hello"], [], Limits(), size=5).size == 5
    with pytest.raises(Transient, match="5 bytes"):
        inspect("a", [b"hello"], [], Limits(), size=size)


@pytest.mark.parametrize("size", [0, 1, BLOCK, BLOCK + 1])
def test_a_file_is_read_from_its_beginning(size: int) -> None:
    file = io.BytesIO(bytes(size))
    file.read(5)

    assert b"".join(file_chunks(file)) == bytes(size)


def spent(budget: Budget, limits: Limits) -> bool:
    """Whether something of the room to keep bytes in is still taken."""
    with Spool(budget) as spool:
        try:
            spool.write(bytes(limits.spool))
            if not isinstance(spool.file, io.BytesIO):
                return True
            spool.write(bytes(limits.disk))
        except LimitHit:
            return True
    return False


ROOM = Limits(spool=1000, disk=5000, window=64)


@pytest.mark.parametrize(
    ("writes", "memory"), [((1000,), True), ((999, 1), True), ((1001,), False), ((1000, 1), False), ((0,), True)]
)
def test_memory_is_used_to_its_last_byte_and_disk_from_the_next(writes: tuple[int, ...], *, memory: bool) -> None:
    budget = Budget(ROOM)
    with Spool(budget) as spool:
        spool.fill(bytes([at]) * size for at, size in enumerate(writes))
        assert isinstance(spool.file, io.BytesIO) == memory
        spool.file.seek(0)
        assert spool.file.read() == b"".join(bytes([at]) * size for at, size in enumerate(writes))
        assert spool.size == sum(writes)

    assert not spent(budget, ROOM)


@pytest.mark.parametrize(("size", "fits"), [(4999, True), (5000, True), (5001, False)])
def test_disk_is_used_to_its_last_byte(size: int, *, fits: bool) -> None:
    budget = Budget(ROOM)
    with Spool(budget) as spool:
        spool.write(bytes(1000))
        with contextlib.nullcontext() if fits else pytest.raises(LimitHit, match="5,000 bytes"):
            spool.write(bytes(size))

    assert not spent(budget, ROOM)


def test_a_spool_that_went_to_disk_does_not_come_back_to_memory() -> None:
    with Spool(Budget(ROOM)) as spool:
        spool.fill([bytes(900), bytes(200), bytes(50)])

        assert (spool._memory, spool._disk) == (900, 250)


def test_all_spools_share_one_budget() -> None:
    budget = Budget(ROOM)
    with Spool(budget) as first, Spool(budget) as second:
        first.write(bytes(1000))
        second.write(bytes(3000))
        with pytest.raises(LimitHit):
            first.write(bytes(2001))
        second.close()
        first.write(bytes(2001))

    assert not spent(budget, ROOM)


def test_closing_twice_gives_back_once() -> None:
    budget = Budget(ROOM)
    with Spool(budget) as kept, Spool(budget) as closed:
        kept.write(bytes(600))
        closed.write(bytes(400))
        closed.close()
        closed.close()
        with Spool(budget) as other:
            other.write(bytes(401))
            assert not isinstance(other.file, io.BytesIO)


class Failing(Recorder):
    def scan(self, member: Member) -> Iterable[Fact]:
        raise ValueError(member.path)


def random(size: int) -> bytes:
    """Bytes that nothing packs."""
    return hashlib.shake_128(b"x").digest(size)


WAYS = {
    "zip": (zipped(("a", MARKER * 9)), MarkerScanner()),
    "zip in zip": (zipped(("b.zip", zipped(("a", MARKER * 9), method=zipfile.ZIP_STORED))), MarkerScanner()),
    "broken zip": (zipped(("a", MARKER * 9))[:-20], MarkerScanner()),
    "7z": (seven([("a", MARKER * 9)]), MarkerScanner()),
    "broken 7z": (seven([("a", MARKER * 9)])[:-1], MarkerScanner()),
    "no room": (zipped(("a", bytes(9000)), method=zipfile.ZIP_STORED), MarkerScanner()),
    "bomb": (zipped(("zeros", bytes(300_000)), ("x", MARKER)), MarkerScanner()),
    "seeking scanner": (b"x" * 3000, MarkerScanner("stream")),
    "seeking scanner of what is inflated": (gzip.compress(b"x" * 3000), MarkerScanner("stream")),
    "seeking scanner without room": (b"x" * 9000, MarkerScanner("stream")),
    "seeking scanner of a broken member": (gzip.compress(random(3000))[:2000], MarkerScanner("stream")),
    "failing scanner": (b"x" * 3000, Failing(reads="stream")),
    "program with a zip": (b"MZ" + bytes(500) + zipped(("a", MARKER)), MarkerScanner()),
    "program with no room": (b"MZ" + bytes(9000) + zipped(("a", MARKER)), MarkerScanner()),
    "iso": (PACKS["iso"]([("a", MARKER)]), MarkerScanner()),
    "asar": (PACKS["asar"]([("a", MARKER)]), MarkerScanner()),
}


@pytest.mark.parametrize("way", WAYS)
def test_however_an_inspection_ends_all_room_is_given_back(way: str) -> None:
    data, scanner = WAYS[way]
    limits = Limits(spool=1000, disk=5000, window=64, ratio_floor=1000)
    budget, ledger = Budget(limits), Ledger()
    budget.received = len(data)
    feed = Feed([scanner], budget, ledger)
    node, walker = Node("x", "x"), Walker(budget, ledger, feed)

    walker.artifact(node, lambda: walker.walk(node, Reader([data])))
    feed.close()

    assert not spent(budget, limits)


def test_a_file_on_disk_ends_with_its_spool() -> None:
    with Spool(Budget(Limits(spool=0))) as spool:
        spool.write(b"secret")
        file = spool.file
        assert not isinstance(file, io.BytesIO)

    assert file.closed
    assert spool.size == 0


def test_a_member_that_finds_no_room_is_a_limit_and_the_next_is_opened() -> None:
    large = zipped(("l", bytes(9000)), method=zipfile.ZIP_STORED)
    data = tarred(("large.zip", large), ("small.zip", zipped(("a", MARKER))))

    inspection = look(data, "x.tar", limits=Limits(spool=500, disk=1000))

    assert reasons(inspection) == {SkipReason.LIMIT}
    assert [one.member for one in inspection.findings if one.rule == "found"] == ["x.tar!/small.zip!/a"]


def test_names_of_digests_are_those_of_hashlib() -> None:
    with pytest.raises(ValueError, match="unsupported"):
        Hasher(("sha0",))
