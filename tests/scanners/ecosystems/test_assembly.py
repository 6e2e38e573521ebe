from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from customhouse.errors import Malformed
from customhouse.scanners.ecosystems.assembly import assembly
from tests.scanners.ecosystems import pe
from tests.scanners.ecosystems.support import SCANNER, complaint, member, purls

NAMED = {"InternalName": "Newtonsoft.Json.dll", "ProductVersion": "13.0.3+0a2e291c0d"}


def named(**strings: str) -> bytes:
    return pe.program(pe.resources(pe.version_resource(**strings)))


@pytest.mark.parametrize("wide", [False, True])
def test_an_assembly_is_named_by_its_version_resource(*, wide: bool) -> None:
    data = pe.program(pe.resources(pe.version_resource(**NAMED)), wide=wide)
    assert purls("app.zip!/lib/net6.0/Newtonsoft.Json.dll", data) == {"nuget/Newtonsoft.Json@13.0.3"}


@pytest.mark.parametrize(
    ("strings", "expected"),
    [
        ({"OriginalFilename": "A.exe", "ProductVersion": "1.0"}, {"nuget/A@1.0"}),
        ({"InternalName": "A.B", "FileVersion": "1.2.3.4"}, {"nuget/A.B@1.2.3.4"}),
        ({"InternalName": "A.dll", "ProductVersion": "8.0.1 release", "FileVersion": "9"}, {"nuget/A@8.0.1"}),
        ({"InternalName": "A.dll"}, set()),
        ({"ProductVersion": "1.0"}, set()),
        ({}, set()),
    ],
)
def test_what_the_resource_lacks_is_not_made_up(strings: dict[str, str], expected: set[str]) -> None:
    assert purls("a.exe", named(**strings)) == expected


@pytest.mark.parametrize(
    "data",
    [
        pe.program(pe.resources(pe.version_resource(**NAMED)), cli=False),
        pe.program(),
        pe.program(pe.resources(pe.version_resource(**NAMED), kind=3)),
        pe.program(pe.resources(pe.version_resource(**NAMED), directories=4)),
        b"MZ" + bytes(62),
        b"MZ",
    ],
    ids=["native", "no resources", "another type", "another level", "dos", "cut"],
)
def test_other_programs_name_nothing(data: bytes) -> None:
    assert purls("tool.exe", data) == set()


def test_a_library_that_is_no_program_is_one_clear_skip() -> None:
    assert complaint("Empty.dll", b"") == complaint("Text.DLL", b"text") == "a library that is no program"


@pytest.mark.parametrize("cut", [100, 30, 1])
def test_an_assembly_whose_resources_are_cut_off_is_one_clear_skip(cut: int) -> None:
    assert "program" in complaint("a.dll", named(**NAMED)[:-cut])


def test_resources_outside_every_section_are_one_clear_skip() -> None:
    data = bytearray(named(**NAMED))
    place = data.find((pe.BASE).to_bytes(4, "little"))
    data[place : place + 4] = (1 << 30).to_bytes(4, "little")
    assert "sections" in complaint("a.dll", bytes(data))


def test_a_large_assembly_is_read_in_its_stream() -> None:
    data = named(**NAMED)
    first = replace(member("a.dll", data[:64]), size=len(data), last=False, stream=io.BytesIO(data))
    assert len(list(SCANNER.scan(first))) == 1


@given(st.binary(max_size=40), st.integers(0, 900))
def test_any_bytes_are_read_or_refused(noise: bytes, place: int) -> None:
    data = named(**NAMED)
    broken = io.BytesIO(data[:place] + noise + data[place + len(noise) :])
    try:
        found = list(assembly(broken))
    except Malformed:
        return
    assert len(found) <= 1
