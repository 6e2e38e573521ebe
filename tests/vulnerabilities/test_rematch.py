from __future__ import annotations

from customhouse.model import Package
from customhouse.vulnerabilities.index import Index, findings
from customhouse.vulnerabilities.rematch import Change, Difference, rematch
from tests.vulnerabilities.support import empty, index, record

OLD = record("X-1", "npm", "a", ("introduced", "0"), ("fixed", "1.5.0"))
NARROWED = record("X-1", "npm", "a", ("introduced", "0"), ("fixed", "1.2.0"))
KEPT = record("X-2", "npm", "b", ("introduced", "0"))
ADDED = record("X-3", "Debian:12", "glibc", ("introduced", "0"), ("fixed", "2-10"))
SBOMS = [
    ("one", [Package("pkg:npm/a@1.3.0", "m"), Package("pkg:npm/b@1.0.0", "n")]),
    ("two", [Package("pkg:npm/a@1.0.0", "m")]),
    ("three", [Package("pkg:npm/c@1.0.0", "m"), Package("pkg:helm/a@1", "m")]),
    (
        "four",
        [
            Package("pkg:deb/debian/libc6@2-9?upstream=glibc", "s"),
            Package("pkg:generic/debian@12?distro=debian-12", "o"),
        ],
    ),
]


def rules(change: Change) -> tuple[list[str], list[str]]:
    return [finding.rule for finding in change.appeared], [finding.rule for finding in change.vanished]


def test_only_what_the_new_index_says_differently_is_told() -> None:
    old, new = index(OLD, KEPT), index(NARROWED, KEPT, ADDED)
    assert Difference(old, new).names == {("npm", "a"), ("Debian:12", "glibc")}
    changes = {change.key: rules(change) for change in rematch(SBOMS, old, new)}
    assert changes == {"one": ([], ["X-1"]), "two": (["X-1"], ["X-1"]), "four": (["X-3"], [])}


def test_a_remedy_that_changed_is_a_change_of_words_only() -> None:
    (two,) = [change for change in rematch(SBOMS, index(OLD), index(NARROWED)) if change.key == "two"]
    assert [finding.message for finding in two.appeared + two.vanished] == [
        "a 1.0.0: X-1 (fixed in 1.2.0)",
        "a 1.0.0: X-1 (fixed in 1.5.0)",
    ]


def test_nothing_is_read_of_indexes_that_are_equal() -> None:
    assert list(rematch(iter([("x", None)]), index(OLD), index(OLD))) == []  # type: ignore[list-item]


def test_changes_are_exactly_the_difference_of_two_full_matches() -> None:
    records = [
        record(f"X-{n}", "npm", f"a{n % 50}", ("introduced", f"{n % 7}.0.0"), ("fixed", f"{n % 7 + 2}.0.0"))
        for n in range(150)
    ]
    old, new = index(*records[:120]), index(*records[30:])
    sboms = [(str(n), [Package(f"pkg:npm/a{(n + k) % 60}@{k}.1.0", "m") for k in range(9)]) for n in range(60)]
    told = {change.key: (set(change.appeared), set(change.vanished)) for change in rematch(sboms, old, new)}
    for key, packages in sboms:
        before, after = set(findings(packages, old)), set(findings(packages, new))
        assert told.get(key, (set(), set())) == (after - before, before - after)


def test_an_old_manifest_serves_after_the_new_index_was_built_over_it() -> None:
    library = empty()
    old = index(OLD, library=library)
    new = index(NARROWED, library=library)
    assert isinstance(new, Index)
    assert [change.key for change in rematch(SBOMS, old, new)] == ["one", "two"]
