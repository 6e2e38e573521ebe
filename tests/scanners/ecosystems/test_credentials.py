from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packageurl import PackageURL

from customhouse.scanners.ecosystems import Found

PLACE = "git.acme.test/team/lib.git"


@pytest.mark.parametrize("user", ["build:hunter2", "x-access-token:hunter2", "hunter2", ":hunter2"])
def test_credentials_of_urls_are_in_no_purl(user: str) -> None:
    url = f"git+https://{user}@{PLACE}#v1"
    for found in (Found("npm", "a", url), Found("npm", url), Found("pypi", "a", "1", qualifiers={"vcs_url": url})):
        assert "hunter2" not in found.purl
        assert "git.acme.test" in found.purl


@pytest.mark.parametrize("version", ["1.0", f"ssh://git@{PLACE}", f"https://{PLACE}", "a@b"])
def test_all_else_is_told_as_it_is_written(version: str) -> None:
    assert Found("npm", "a", version).purl == Found("npm", "a").purl + "@" + version.replace("@", "%40")


TYPES = "alpm apk cargo cocoapods composer conan conda cpan cran deb docker gem generic github golang hackage helm hex"
TYPES += " huggingface julia luarocks maven npm nuget oci opam pub pypi rpm swift terraform"
TEXT = st.text("abZ09._-/+~ @:%é", max_size=8)


@given(st.sampled_from(TYPES.split()), TEXT, TEXT, TEXT, st.dictionaries(st.sampled_from(["arch", "b", "B_"]), TEXT))
def test_a_purl_is_what_the_library_makes_of_its_parts(
    kind: str, name: str, version: str, namespace: str, qualifiers: dict[str, str]
) -> None:
    qualifiers = {key: value for key, value in qualifiers.items() if value.strip()}
    bare = name.strip().strip("/").strip()
    found = Found(kind, name, version, namespace, qualifiers=qualifiers).purl
    if not bare:
        assert not found
        return
    parts = (kind, namespace.strip() or None, bare, version.strip() or None, qualifiers)
    assert found == PackageURL(*parts, normalize_purl=False).to_string()
