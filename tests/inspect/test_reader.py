"""The reader against plain bytes: whatever the chunks are, it gives what a file would give."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from customhouse.inspect.reader import BLOCK, Reader

CHUNKS = st.lists(st.binary(min_size=1, max_size=40), max_size=12)
SIZES = st.integers(0, 100)


class ReaderAgainstBytes(RuleBasedStateMachine):
    """Every call does to the reader what slicing does to the bytes."""

    @initialize(chunks=CHUNKS)
    def begin(self, chunks: list[bytes]) -> None:
        self.data = b"".join(chunks)
        self.reader = Reader(chunks)
        self.place = 0

    def _next(self, size: int) -> bytes:
        return self.data[self.place : self.place + size]

    @rule(size=SIZES)
    def peeking_takes_nothing(self, size: int) -> None:
        assert self.reader.peek(size) == self._next(size)

    @rule(size=SIZES)
    def reading_takes_what_is_asked_for(self, size: int) -> None:
        expected = self._next(size)
        assert self.reader.read(size) == expected
        self.place += len(expected)

    @rule(size=SIZES, behind=st.binary(max_size=5))
    def what_is_read_comes_behind_what_is_given(self, size: int, behind: bytes) -> None:
        expected = self._next(size)
        assert self.reader.read(size, behind=behind) == behind + expected
        self.place += len(expected)

    @rule(size=SIZES)
    def skipping_says_how_much_there_was(self, size: int) -> None:
        expected = len(self._next(size))
        assert self.reader.skip(size) == expected
        self.place += expected

    @rule(size=SIZES)
    def blocks_are_together_what_reading_gives(self, size: int) -> None:
        expected = self._next(size)
        assert b"".join(self.reader.blocks(size)) == expected
        self.place += len(expected)

    @rule(size=SIZES, taken=st.integers(1, 3))
    def blocks_that_are_left_off_take_only_what_they_gave(self, size: int, taken: int) -> None:
        got = b"".join(block for _, block in zip(range(taken), self.reader.blocks(size), strict=False))
        assert self._next(size).startswith(got)
        self.place = self.reader.position
        assert self.data[self.place - len(got) : self.place] == got

    @rule(size=SIZES)
    def what_is_given_back_comes_again(self, size: int) -> None:
        back = self.data[max(0, self.place - size) : self.place]
        self.reader.give_back(back)
        self.place -= len(back)

    @rule()
    def skipping_all_ends_it(self) -> None:
        self.reader.skip_all()
        self.place = len(self.data)
        assert self.reader.peek(1) == b""

    @rule(size=st.integers(-50, 0))
    def nothing_is_taken_where_nothing_is_asked_for(self, size: int) -> None:
        assert list(self.reader.blocks(size)) == []
        assert self.reader.skip(size) == 0

    @invariant()
    def position_counts_what_was_taken(self) -> None:
        if hasattr(self, "reader"):
            assert self.reader.position == self.place


TestReaderAgainstBytes = ReaderAgainstBytes.TestCase
TestReaderAgainstBytes.settings = settings(max_examples=150, stateful_step_count=30)


@given(CHUNKS)
def test_blocks_without_a_size_are_everything(chunks: list[bytes]) -> None:
    assert b"".join(Reader(chunks).blocks()) == b"".join(chunks)


@pytest.mark.parametrize("size", [BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 3 * BLOCK + 7])
@pytest.mark.parametrize("chunk", [BLOCK // 2 + 1, BLOCK, 4 * BLOCK])
def test_no_block_is_larger_than_a_mebibyte(size: int, chunk: int) -> None:
    data = bytes(size)
    reader = Reader(data[at : at + chunk] for at in range(0, size, chunk))
    reader.peek(3)

    sizes = [len(block) for block in reader.blocks()]

    assert sum(sizes) == size
    assert max(sizes) <= BLOCK


def counted(chunks: list[bytes], taken: list[int]) -> Iterator[bytes]:
    for chunk in chunks:
        taken.append(len(chunk))
        yield chunk


@pytest.mark.parametrize(("size", "expected"), [(0, 0), (1, 1), (10, 1), (11, 2), (20, 2), (21, 3), (999, 3)])
def test_no_more_chunks_are_taken_than_are_needed(size: int, expected: int) -> None:
    peeked, read = list[int](), list[int]()

    Reader(counted([b"x" * 10] * 3, peeked)).peek(size)
    Reader(counted([b"x" * 10] * 3, read)).read(size)

    assert (len(peeked), len(read)) == (expected, expected)


def test_what_the_source_raises_goes_up_and_what_came_before_is_not_lost() -> None:
    def chunks() -> Iterator[bytes]:
        yield b"first"
        raise OSError("gone")

    reader = Reader(chunks())

    assert reader.read(3) == b"fir"
    assert reader.peek(2) == b"st"
    with pytest.raises(OSError, match="gone"):
        reader.peek(3)


def test_giving_back_before_the_beginning_of_a_chunk_is_possible() -> None:
    reader = Reader([b"abc", b"def"])
    assert reader.read(4) == b"abcd"

    reader.give_back(b"bcd")

    assert reader.position == 1
    assert reader.read(99) == b"bcdef"


def test_an_empty_source_is_at_its_end() -> None:
    reader = Reader(())

    assert (reader.peek(1), reader.read(1), reader.skip(1), list(reader.blocks())) == (b"", b"", 0, [])
    assert reader.position == 0
