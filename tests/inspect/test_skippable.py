"""Skippable frames before, between and behind others."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import lz4.frame
import pytest
import zstandard

from customhouse.inspect.identify import HEAD, identify
from tests.inspect.support import MARKER, clean, found, look, rules, tarred

if TYPE_CHECKING:
    from collections.abc import Callable


def skippable(data: bytes) -> bytes:
    """A frame that readers of Zstandard and LZ4 pass over."""
    return b"\x50\x2a\x4d\x18" + struct.pack("<L", len(data)) + data


PACK = {"zst": zstandard.compress, "lz4": lz4.frame.compress}


@pytest.mark.parametrize("ending", PACK)
@pytest.mark.parametrize(
    "around",
    [
        lambda frame: skippable(MARKER) + frame,
        lambda frame: skippable(b"x") + skippable(MARKER) + frame,
        lambda frame: frame + skippable(MARKER),
        lambda frame: frame + skippable(MARKER) + frame,
        lambda frame: frame + skippable(MARKER) + skippable(b"") + skippable(b"y") + frame,
        lambda frame: frame + skippable(MARKER + bytes(1 << 20)),
    ],
)
def test_what_a_skippable_frame_holds_is_scanned(ending: str, around: Callable[[bytes], bytes]) -> None:
    inspection = look(around(PACK[ending](b"x")), f"a.{ending}")

    assert len(found(inspection)) == 1
    assert inspection.coverage.complete
    assert rules(inspection) == {"found"}


@pytest.mark.parametrize("ending", PACK)
def test_frames_with_their_sizes_between_them_are_one_file(ending: str) -> None:
    """As pzstd writes them."""
    tar = tarred(("a", MARKER))
    parts = [PACK[ending](tar[at : at + 700]) for at in range(0, len(tar), 700)]
    inspection = look(b"".join(skippable(struct.pack("<L", len(part))) + part for part in parts), f"a.tar.{ending}")
    assert found(inspection) == [f"a.tar.{ending}!/a"]
    assert inspection.coverage.complete
    assert rules(inspection) == {"found"}


@pytest.mark.parametrize("ending", PACK)
@pytest.mark.parametrize(
    "between", [skippable(bytes(65537)), skippable(bytes(40_000)) * 2, skippable(b"four")[:-1], skippable(b"")[:-1]]
)
def test_skippable_frames_that_are_cut_short_or_large_between_others_are_not_passed_over(
    ending: str, between: bytes
) -> None:
    frame = PACK[ending](b"x")

    assert not clean(look(frame + between + frame, f"a.{ending}"))


@pytest.mark.parametrize("frames", [skippable(b""), skippable(b"x") * 3, skippable(bytes(40_000))])
def test_a_file_of_skippable_frames_alone_is_one_of_zstandard(frames: bytes) -> None:
    assert identify(frames) == "zstd"
    assert identify((frames + b"\x04\x22\x4d\x18")[:HEAD]) == ("lz4" if len(frames) < HEAD else "zstd")
