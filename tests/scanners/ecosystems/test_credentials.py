from __future__ import annotations

import pytest

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
