"""Names of members: what is wrong with one, and what the members of one container do to each other."""

from __future__ import annotations

import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.inspect.book import Book
from customhouse.inspect.names import canonical, decode, printable, problems
from customhouse.inspect.probe import rooted_kind
from tests.inspect.support import END, block, clean, entry, look, rules, tarred, zipped


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("/etc/passwd", "path-traversal"),
        ("../a", "path-traversal"),
        ("a/../b", "path-traversal"),
        ("a/..", "path-traversal"),
        ("..", "path-traversal"),
        ("..\\a", "path-traversal"),
        ("a\\..\\b", "path-traversal"),
        ("C:a", "path-traversal"),
        ("a:b", "path-traversal"),
        ("c:\\windows", "path-traversal"),
        ("\\\\host\\share", "path-traversal"),
        ("a\0b", "nul-name"),
        ("a\u202egnp.exe", "deceptive-name"),
        ("a\u2066b", "deceptive-name"),
        ("a\nb", "control-characters"),
        ("a\x1b[31m", "control-characters"),
        ("a\x7f", "control-characters"),
        (decode(b"a\xff")[0], "bad-utf8"),
        ("a" * 5000, "long-name"),
    ],
)
def test_what_is_wrong_with_a_name(name: str, rule: str) -> None:
    assert [problem[0] for problem in problems(name)] == [rule]


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "a/b.c",
        "./a",
        "a..b",
        "...",
        "a/...b",
        "..a",
        ".git",
        "a b",
        "日本",
        "é",
        "ab:c",
        "a+b@1",
        "a" * 300,
        "a\\b",
    ],
)
def test_ordinary_names_are_no_problem(name: str) -> None:
    assert not list(problems(name))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a/b", "a/b"),
        ("a!/b", "a\\x21/b"),
        ("a\nb", "a\\x0ab"),
        ("a\u202eb", "a\\u202eb"),
        ("日本", "日本"),
        (decode(b"\xff")[0], "\\udcff"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_what_people_are_shown(name: str, shown: str) -> None:
    assert printable(name) == shown


@given(st.text())
def test_what_is_shown_fools_nobody(name: str) -> None:
    shown = printable(name)

    assert shown.isprintable() or shown == ""
    assert "!/" not in shown
    assert shown.encode().decode() == shown


@pytest.mark.parametrize(
    ("name", "plain"), [("./a", "a"), ("a//b", "a/b"), ("a/", "a"), ("/a", "a"), (".", ""), ("", ""), ("a/./b", "a/b")]
)
def test_the_name_that_is_unpacked(name: str, plain: str) -> None:
    assert canonical(name) == plain


def told(book: Book, *steps: str) -> list[str]:
    """The rules that `f name`, `d name`, `l name target`, `h name target` in this order break, and their end."""
    out: list[str] = []
    for step in steps:
        kind, name, *target = step.split()
        act = {"f": book.file, "d": book.folder, "l": book.link, "h": book.hard}[kind]
        out += [problem[0] for problem in act(name, *target)]
    return out + [problem[0] for _, problem in book.close()]


@pytest.mark.parametrize(
    ("steps", "rule"),
    [
        (("f a", "f a"), "duplicate-name"),
        (("f a", "f ./a"), "duplicate-name"),
        (("f a//b", "f a/b"), "duplicate-name"),
        (("f a", "d a/"), "duplicate-name"),
        (("d a/", "f a"), "duplicate-name"),
        (("f a", "f a/b"), "duplicate-name"),
        (("f a", "f a/b/c/d"), "duplicate-name"),
        (("f a/b/c", "f a/b"), "duplicate-name"),
        (("f a", "l a b"), "duplicate-name"),
        (("l a b", "l a c"), "duplicate-name"),
        (("d a", "l a c"), "duplicate-name"),
        (("f a", "f A"), "case-collision"),
        (("f straße", "f STRASSE"), "case-collision"),
        (("f e\u0301", "f \u00e9"), "case-collision"),
        (("l a /etc",), "link-escape"),
        (("l a C:\\x",), "link-escape"),
        (("l a ..",), "link-escape"),
        (("l a b/../..",), "link-escape"),
        (("l a ..\\..\\x",), "link-escape"),
        (("l a/b ../..",), "link-escape"),
        (("l x .", "l y x/.."), "link-escape"),
        (("l y x/..", "l x ."), "link-escape"),
        (("l x a/b", "l y x/../../..", "l z ./y"), "link-escape"),
        (("l x .", "l X/y .."), "link-trampoline"),
        (("l a b", "f a/c"), "link-trampoline"),
        (("l a b", "f A/c"), "link-trampoline"),
        (("l a b", "f a/c/d/e"), "link-trampoline"),
        (("l a b", "f a"), "link-trampoline"),
        (("l a b", "d a/c"), "link-trampoline"),
        (("l a b", "h c a"), "link-trampoline"),
        (("l a b", "h c a/d"), "link-trampoline"),
        (("h a /etc/passwd",), "link-escape"),
        (("h a ../x",), "link-escape"),
        (("h a missing",), "link-escape"),
    ],
)
def test_what_members_do_to_each_other(steps: tuple[str, ...], rule: str) -> None:
    assert rule in told(Book(), *steps)


@pytest.mark.parametrize(
    "steps",
    [
        ("d a", "f a/b", "d a/c/", "f a/c/d"),
        ("f a/b", "d a", "d a"),
        ("d ./", "f a"),
        ("d .", "l b a", "f a"),
        ("l lib lib64", "f lib64/x"),
        ("l a/b ../c", "f c"),
        ("l a/b/c ../../d", "l d e"),
        ("l a a",),
        ("l a b", "l b a"),
        ("f a", "h b a", "h c ./b"),
    ],
)
def test_ordinary_members_do_nothing_to_each_other(steps: tuple[str, ...]) -> None:
    assert not told(Book(), *steps)


def test_a_file_system_of_its_own_may_link_anywhere_in_it_but_not_out() -> None:
    assert not told(Book(rooted=True), "l lib usr/lib", "f lib/x", "l a /etc/x", "h b /etc/y", "f X", "f x")
    assert told(Book(rooted=True), "l a /../x") == ["link-escape"]
    assert told(Book(rooted=True), "l a ../x") == ["link-escape"]


def test_names_do_not_count_in_a_library_and_letters_not_in_a_jar() -> None:
    assert not told(Book(library=True), "f a.o", "f a.o", "f A.o", "f a.o/x")
    assert not told(Book(in_place=True), "f A.class", "f a.class", "f a", "f a/b")
    assert told(Book(in_place=True), "f META-INF/a", "f meta-inf/A") == ["case-collision"]
    assert told(Book(in_place=True), "f a", "f a") == ["duplicate-name"]


@given(st.lists(st.tuples(st.sampled_from("fdlh"), st.text("ab./\\", max_size=6), st.text("ab./\\", max_size=6))))
def test_any_names_in_any_order_come_to_an_end(steps: list[tuple[str, str, str]]) -> None:
    book = Book()
    for kind, name, target in steps:
        found = book.file(name) if kind == "f" else book.folder(name) if kind == "d" else None
        for problem in found or (book.link(name, target) if kind == "l" else book.hard(name, target)):
            assert problem[0]
    assert all(problem[0] == "link-escape" for _, problem in book.close())


@pytest.mark.parametrize(
    ("kind", "path", "expected"),
    [
        ("deb", "a", True),
        ("rpm", "in/a!/b", True),
        ("apk-alpine", "a-1.APK", True),
        ("apk-alpine", "a.tar.gz", False),
        ("pacman", "a.pkg.tar.zst", True),
        ("pacman", "a.tar.zst", False),
        ("docker-save", "a.tar", False),
        ("tar", "a.deb", False),
    ],
)
def test_only_packages_for_systems_are_file_systems_of_their_own(kind: str, path: str, *, expected: bool) -> None:
    assert rooted_kind(kind, path) is expected


@pytest.mark.parametrize("first", [b".PKGINFO", b"manifest.json", b"oci-layout"])
def test_no_manifest_lets_a_plain_tar_lead_out(first: bytes) -> None:
    data = (
        entry(first, b"pkgname = a\npkgver = 1\n") + block(b"x", flag=b"2", link=b"/etc") + entry(b"x/y", b"hi") + END
    )

    assert rules(look(data, "a.tar")) == {"link-escape", "link-trampoline"}


def test_a_link_through_a_link_is_told_in_a_real_archive() -> None:
    data = block(b"x", flag=b"2", link=b".") + block(b"x/y", flag=b"2", link=b"..") + entry(b"y/evil", b"hi") + END

    assert rules(look(data)) == {"link-trampoline"}


def test_a_folder_after_its_files_is_ordinary() -> None:
    assert clean(look(tarred(("a/b", b"b"), ("a/c/d", b"d")), "a.tar"))
    assert clean(look(zipped(("a/b", b"b"), ("a/", b"")), "a.zip"))
    assert clean(look(entry(b"a/b", b"b") + block(b"a/", flag=tarfile.DIRTYPE) + END, "a.tar"))
