from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.scanners.ecosystems import MODULES, parser_for

PATTERNS = {pattern: parser for module in MODULES for pattern, parser in module.PARSERS.items()}
PIECES = st.sampled_from(
    [piece for pattern in PATTERNS for piece in pattern.replace("*", "/").split("/")] + ["x", ".", "/"]
)


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("folder", ["", "a/b/"])
def test_every_pattern_leads_to_a_parser(pattern: str, folder: str) -> None:
    assert parser_for(folder + pattern.replace("*", "some")) is not None


@given(st.lists(PIECES, max_size=6).map("".join))
def test_a_path_without_a_parser_fits_no_pattern(path: str) -> None:
    fits = [p for p in PATTERNS if fnmatch.fnmatchcase(path, p) or fnmatch.fnmatchcase(path, f"*/{p}")]
    assert (parser_for(path) is not None) == bool(fits)
