"""Rust programs that say what they were linked from."""

from __future__ import annotations

import io
import json
import zlib

import pytest

from customhouse.scanners.ecosystems.rustbinary import crates
from tests.scanners.ecosystems.programs import elf
from tests.scanners.ecosystems.support import complaint, purls

CRATES = {
    "packages": [
        {"name": "own", "version": "0.1.0", "root": True},
        {"name": "serde", "version": "1.0.2"},
        {"name": "cc", "version": "1.0.0", "kind": "build"},
        {"version": "nameless"},
    ]
}
PACKED = zlib.compress(json.dumps(CRATES).encode())


def program(section: bytes, *, name: str = ".dep-v0", wide: bool = True, order: str = "<") -> bytes:
    """An ELF file with one section of this name."""
    return elf({name: (0, section)}, wide=wide, order=order)


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_rust_program_names_its_crates_but_not_what_built_it(order: str, *, wide: bool) -> None:
    assert purls("bin/tool", program(PACKED, wide=wide, order=order)) == {"cargo/own@0.1.0", "cargo/serde@1.0.2"}


@pytest.mark.parametrize(
    "data",
    [program(PACKED, name=".dep-v1"), program(b""), program(PACKED)[:70], b"\x7fELF", b"\x7fELF" + b"\xff" * 80],
)
def test_other_programs_name_nothing(data: bytes) -> None:
    assert not purls("bin/tool", data)


@pytest.mark.parametrize(
    "section",
    [b"no zlib", PACKED[:-9], zlib.compress(b"[]"), zlib.compress(b"{"), zlib.compress(bytes(9 << 20))],
)
def test_a_broken_list_of_crates_is_one_clear_skip(section: bytes) -> None:
    assert complaint("bin/tool", program(section))


@pytest.mark.parametrize("place", range(16, 64, 3))
def test_a_program_whose_table_lies_never_raises(place: int) -> None:
    data = bytearray(program(PACKED))
    data[place] ^= 0xFF

    assert len(list(crates(io.BytesIO(bytes(data))))) in {0, 2}


class _Counted(io.BytesIO):
    """How many bytes were asked for at most, of a file that may be larger than memory."""

    most = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.most = max(self.most, -1 if size is None else size)
        return super().read(size)


def test_a_table_of_sections_that_would_fill_the_memory_is_not_read() -> None:
    data = bytearray(program(PACKED))
    data[58:62] = b"\xff" * 4  # size and count of its rows
    file = _Counted(bytes(data))

    assert not list(crates(file))
    assert 0 < file.most <= 16 << 20
