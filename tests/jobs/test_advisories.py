from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from customhouse.errors import Gone, Rejected, Transient
from customhouse.jobs import advisories
from customhouse.model import Location
from customhouse.policy.load import default
from customhouse.stores import open_store
from customhouse.vulnerabilities import shards
from customhouse.vulnerabilities.index import Index
from customhouse.vulnerabilities.library import Library
from tests.app.world import World, memory
from tests.jobs.support import DAY, NOW, Mirror, advisory, archived
from tests.stores.faults import Calls, FaultyStore, Killed
from tests.vulnerabilities.support import record

if TYPE_CHECKING:
    from customhouse.ports import Body

FLASK = record("PYSEC-1", "PyPI", "flask", ("introduced", "0"), ("fixed", "2.0"))
BOTH = ("npm", "PyPI")


@pytest.fixture
def mirror() -> Mirror:
    return Mirror(World.of(memory()))


def library(mirror: Mirror) -> Library:
    return Library(mirror.world.stores["records"])


def known(mirror: Mirror, ecosystem: str, name: str) -> list[str]:
    return [advisory.rule for advisory in Index(library(mirror)).advisories(ecosystem, name)]


def test_the_index_is_made_of_every_archive(mirror: Mirror) -> None:
    mirror.hold(npm=archived(advisory()), PyPI=archived(FLASK))
    done = mirror.run("advisories", ecosystems=BOTH)
    assert done == {"job": "advisories", "complete": True, "changed": 2, "failed": {}}
    assert (known(mirror, "npm", "a"), known(mirror, "PyPI", "flask")) == (["GHSA-1"], ["PYSEC-1"])
    assert Index(library(mirror)).manifest.built == NOW


def test_an_unchanged_archive_is_not_read_but_makes_the_index_young_again(mirror: Mirror) -> None:
    mirror.hold(npm=archived(advisory()))
    mirror.run("advisories")
    shelved = {
        stat.location.key: stat.modified for stat in mirror.world.stores["records"].list("vulnerabilities/shards")
    }
    done = mirror.run("advisories", now=NOW + DAY)
    assert done == {"job": "advisories", "complete": True, "unchanged": 1, "failed": {}}
    assert Index(library(mirror)).manifest.built == NOW + DAY
    assert shelved == {
        stat.location.key: stat.modified for stat in mirror.world.stores["records"].list("vulnerabilities/shards")
    }


def test_what_an_archive_says_of_another_ecosystem_is_left_to_that_ones_archive(mirror: Mirror) -> None:
    mirror.hold(npm=archived(advisory(), FLASK))
    mirror.run("advisories")
    assert Index(library(mirror)).manifest.shards.keys() == {"npm"}


def test_releases_belong_to_the_archive_of_their_distribution(mirror: Mirror) -> None:
    mirror.hold(Debian=archived(record("D-1", "Debian:12", "glibc", ("introduced", "0"))))
    mirror.run("advisories", ecosystems=("Debian",))
    assert Index(library(mirror)).manifest.shards.keys() == {"Debian:12"}


def test_out_of_time_the_next_run_begins_with_what_was_looked_at_longest_ago(mirror: Mirror) -> None:
    mirror.hold(npm=archived(advisory()), PyPI=archived(FLASK))
    mirror.run("advisories", ecosystems=("npm",))
    assert mirror.run("advisories", seconds=0, now=NOW + 1, ecosystems=BOTH)["later"] == 2
    reads: list[str] = []

    class Watched(FaultyStore):
        def read(self, location: Location, start: int = 0, length: int | None = None) -> Body:
            reads.append(location.key)
            return super().read(location, start, length)

    mirror.run("advisories", now=NOW + 2, ecosystems=BOTH, wrap=Watched)
    assert reads == ["osv/PyPI/all.zip", "osv/npm/all.zip"]


def test_an_archive_that_is_never_reached_makes_the_index_old(mirror: Mirror) -> None:
    mirror.hold(npm=archived(advisory()), PyPI=archived(FLASK))
    mirror.run("advisories", ecosystems=BOTH)
    mirror.hold(npm=b"broken")
    done = mirror.run("advisories", now=NOW + DAY, ecosystems=BOTH)
    assert done["complete"] is False
    assert "no archive" in done["failed"]["npm"]  # type: ignore[index]
    assert Index(library(mirror)).manifest.built == NOW
    assert known(mirror, "npm", "a") == ["GHSA-1"]


def test_time_that_ends_within_an_archive_leaves_what_was_there(mirror: Mirror) -> None:
    mirror.hold(npm=archived(advisory()))
    mirror.run("advisories")
    mirror.hold(npm=archived(*(advisory(f"GHSA-{number}") for number in range(2, 9))))
    left = iter([False, False, False, False])
    app = mirror.app(now=NOW + 1)
    with pytest.raises(Transient, match="time was up"):
        advisories.run(app, lambda: next(left, True))
    assert known(mirror, "npm", "a") == ["GHSA-1"]


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (None, Gone, "nothing|no such|not"),
        (archived(), Rejected, "no OSV records"),
        (archived(b"{}"), Rejected, "no OSV record"),
        (archived(FLASK), Rejected, "none of its 1 records is about npm"),
    ],
)
def test_where_every_archive_fails_the_error_is_raised_and_nothing_published(
    mirror: Mirror, data: bytes | None, error: type[Exception], words: str
) -> None:
    if data is not None:
        mirror.hold(npm=data)
    with pytest.raises(error, match=words):
        mirror.run("advisories")
    assert library(mirror).manifest() is None


def test_without_the_scanner_nothing_is_fetched(mirror: Mirror) -> None:
    app = replace(mirror.app(), policy=default())
    assert app.run_schedule("advisories", 60) == {"job": "advisories", "complete": True, "unused": True}


def test_a_folder_of_this_machine_is_a_mirror(mirror: Mirror, tmp_path: Path) -> None:
    (tmp_path / "npm").mkdir()
    (tmp_path / "npm" / "all.zip").write_bytes(archived(advisory()))
    app = mirror.app()
    inner = app.open_store
    app = replace(
        app,
        settings=replace(app.settings, advisories=str(tmp_path)),
        open_store=lambda root: open_store(root) if root.startswith("file:") else inner(root),
    )
    assert app.run_schedule("advisories", 60)["changed"] == 1
    assert app.run_schedule("advisories", 60)["unchanged"] == 1


@pytest.mark.emulator
def test_a_url_of_the_web_is_asked_over_the_web(mirror: Mirror) -> None:
    app = mirror.app()
    app = replace(app, settings=replace(app.settings, advisories="http://127.0.0.1:1/osv"))
    with pytest.raises(Transient, match=r"127\.0\.0\.1:1/osv/npm/all\.zip"):
        app.run_schedule("advisories", 60)


def test_killed_anywhere_readers_see_the_old_index_or_the_new_one(mirror: Mirror) -> None:
    mirror.hold(npm=archived(advisory()))
    mirror.run("advisories")
    mirror.hold(npm=archived(advisory("GHSA-2")))
    for number in range(1, 50):
        calls = Calls(number, "after")
        app = mirror.app(now=NOW + number)
        inner = app.open_store
        app = replace(app, open_store=lambda root, inner=inner, calls=calls: FaultyStore(inner(root), calls=calls))
        try:
            app.run_schedule("advisories", 60)
        except Killed:
            assert known(mirror, "npm", "a") in (["GHSA-1"], ["GHSA-2"])
        else:
            break
    assert known(mirror, "npm", "a") == ["GHSA-2"]
    assert number > 5


def test_a_state_that_does_not_read_is_built_anew(mirror: Mirror) -> None:
    mirror.hold(npm=archived(advisory()))
    mirror.run("advisories")
    library(mirror).write(f"{shards.PREFIX}/archives/npm.json", b"{")
    assert mirror.run("advisories")["changed"] == 1
    assert known(mirror, "npm", "a") == ["GHSA-1"]
