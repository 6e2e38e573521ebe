from __future__ import annotations

import os
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from customhouse.errors import Rejected
from customhouse.stores.local_names import HIDDEN, continued, to_path, to_segment


def encoded(raw: bytes, levels: int) -> str:
    for _ in range(levels):
        raw = b"%" + quote_from_bytes(raw, safe="").encode()
    return raw.decode()


ENCODED = st.builds(encoded, st.binary(max_size=280) | st.just(b"../\xff"), st.integers(1, 3))
SEGMENTS = st.one_of(
    ENCODED,
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/")),
    st.text(alphabet="%+.25EFab\0"),
    st.sampled_from(["", ".", "..", HIDDEN, ".Customhouse", "%", "%%FF", f"%{HIDDEN}", "é" * 300]),
)
NAMES = st.one_of(
    ENCODED.map(str.encode).filter(lambda name: len(name) <= 255),
    st.binary(min_size=1, max_size=60),
    st.text(alphabet="%+.25EFab", min_size=1, max_size=50).map(str.encode),
)


def to_key(names: list[str]) -> str:
    segments: list[str] = []
    before = ""
    for place, name in enumerate(names, 1):
        if place < len(names) and continued(name):
            before += continued(name)
        else:
            segments.append(to_segment(name, first=not segments, before=before))
            before = ""
    return "/".join(segments)


@given(st.lists(SEGMENTS, min_size=1).map("/".join))
def test_every_key_has_a_safe_path_and_comes_back_from_it(key: str) -> None:
    names = to_path(key)
    for name in names:
        assert name not in {"", ".", ".."}
        assert not set(name) & {"/", "\0"}
        assert len(os.fsencode(name)) <= 255
    assert names[0] != HIDDEN
    assert to_key(names) == key


@given(NAMES, st.booleans())
def test_every_file_name_has_a_key_and_comes_back_from_it(raw: bytes, first: bool) -> None:  # noqa: FBT001 -- drawn
    assume(not set(raw) & set(b"/\0") and raw not in {b".", b".."})
    name = os.fsdecode(raw)
    assume(name.casefold() != HIDDEN)
    segment = to_segment(name, first=first)
    segment.encode()
    assert to_path(segment if first else f"x/{segment}")[-1] == name


@pytest.mark.parametrize("key", ["in/app-1.2.3.whl", "a b/ü+c%20d.txt", "x/.customhouse", "tab\there", "100%"])
def test_ordinary_paths_stay_as_they_are(key: str) -> None:
    assert "/".join(to_path(key)) == key


@pytest.mark.parametrize("key", ["%..%2F..%2F%FF", "%%2Fetc%2F%FF", "x/%%00%FF"])
def test_bytes_that_no_file_can_be_named_are_no_file_name(key: str) -> None:
    assert "/".join(to_path(key)) == key


def test_a_file_named_like_the_key_of_another_has_a_key_of_its_own() -> None:
    assert to_segment("\udca0", first=True) == "%%A0"
    assert to_segment("%%A0", first=True) == "%%25%25A0"


@pytest.mark.parametrize(
    ("key", "path"),
    [("../x", "%../x"), ("a//b", "a/%/b"), ("a/", "a/%"), (".customhouse/x", "%.customhouse/x"), ("%..", "%%25..")],
)
def test_odd_segments_are_encoded(key: str, path: str) -> None:
    assert "/".join(to_path(key)) == path


def test_text_that_is_no_unicode_is_rejected() -> None:
    with pytest.raises(Rejected):
        to_path("a\ud800")
