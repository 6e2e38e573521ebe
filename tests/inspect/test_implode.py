from __future__ import annotations

import contextlib
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customhouse.inspect.formats.entry import Corrupt
from customhouse.inspect.formats.implode import explode
from tests.inspect.imploder import FLAT, LARGE_WINDOW, LITERAL_TREE, described, implode
from tests.inspect.support import MARKER, Part, clean, found, handmade, look, reasons

TEXT = b"the rain in spain stays mainly in the plain; " * 30
FLAGS = [0, LARGE_WINDOW, LITERAL_TREE, LARGE_WINDOW | LITERAL_TREE]


@st.composite
def trees(draw: st.DrawFn, size: int) -> list[int]:
    """Code lengths of a whole binary tree with `size` leaves, at most 16 deep."""
    leaves = [0]
    picks = draw(st.randoms(use_true_random=False))
    while len(leaves) < size:
        at = picks.choice([index for index, depth in enumerate(leaves) if depth < 16])
        leaves[at : at + 1] = [leaves[at] + 1] * 2
    return leaves


def member(data: bytes, flags: int = 0, body: bytes | None = None) -> bytes:
    return handmade(Part(data=data, method=6, flags=flags, body=implode(data, flags) if body is None else body))


@pytest.mark.parametrize("flags", FLAGS)
def test_imploded_data_comes_out_as_it_was(flags: int) -> None:
    assert b"".join(explode([implode(TEXT, flags)], len(TEXT), flags)) == TEXT


@settings(max_examples=30)
@given(st.data(), st.sampled_from(FLAGS), st.lists(st.sampled_from([b"ab", b"abc", b"\0", b"xyz" * 99]), max_size=30))
def test_any_trees_and_any_data_come_out_as_they_were(draw: st.DataObject, flags: int, words: list[bytes]) -> None:
    data = b"".join(words)
    packed = implode(data, flags, draw.draw(trees(256)), draw.draw(trees(64)), draw.draw(trees(64)))
    assert b"".join(explode([packed[:7], packed[7:]], len(data), flags)) == data


@pytest.mark.parametrize("flags", FLAGS)
def test_unzip_reads_what_we_build(flags: int, tmp_path: Path) -> None:
    unzip = shutil.which("unzip")
    if unzip is None:
        pytest.skip("there is no unzip here to compare with")
    (tmp_path / "a.zip").write_bytes(member(TEXT, flags))
    assert subprocess.run([unzip, "-p", tmp_path / "a.zip"], check=True, capture_output=True).stdout == TEXT


def test_long_data_keeps_only_a_window() -> None:
    zeros = list(explode([described(FLAT[64]) * 2 + _run(300_000)], 300_000, 0))
    assert b"".join(zeros) == b"\0" * 300_000
    assert max(map(len, zeros)) < 70_000


def _run(size: int) -> bytes:
    """Matches of 320 bytes at distance 1: before the beginning there are zeros."""
    one = "0" + "000000" + "111111" + "000000" + "11111111"  # distance 1 is the last of the codes, length 63 the first
    bits = one * (size // 320 + 1)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[at : at + 8][::-1], 2) for at in range(0, len(bits), 8))


@pytest.mark.parametrize(
    "packed",
    [b"", b"\0", described([8] * 255), described(FLAT[64]) + described([5] * 64), described(FLAT[64]) * 2 + b"\1"],
    ids=["nothing", "no-runs", "too-many", "overfull", "breaks-off"],
)
def test_malformed_streams_are_corrupt(packed: bytes) -> None:
    with pytest.raises(Corrupt):
        list(explode([packed], 10, 0))


@given(st.binary(max_size=200), st.sampled_from(FLAGS))
def test_hostile_bytes_end_in_corrupt_or_in_the_stated_size(packed: bytes, flags: int) -> None:
    with contextlib.suppress(Corrupt):
        assert len(b"".join(explode([packed], 500, flags))) == 500


def test_an_imploded_member_is_seen() -> None:
    inspection = look(member(MARKER + TEXT))
    assert found(inspection)
    assert not reasons(inspection)


def test_an_imploded_member_with_another_checksum_is_never_clean() -> None:
    assert not clean(look(member(TEXT, body=implode(TEXT.upper()))))
