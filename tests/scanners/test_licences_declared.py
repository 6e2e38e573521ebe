"""Where licences are declared, and how they are hidden there."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.errors import ConfigError
from customhouse.model import Finding, Package, Severity, Skip, SkipReason
from customhouse.scanners import Concluding, licences
from customhouse.scanners.licences_names import expression, identifier, pattern, recognised, understood
from tests.scanners.support import findings, member, rules, skips
from tests.scanners.test_licences import DENY_GPL, GPL, MIT, POM, WHEEL

STRICT = licences.build({"allow": ["MIT", "Apache-2.0", "BSD-*"], "unknown": True})
MANY = licences.build({"deny": ["GPL-*", "AGPL-*", "LGPL-*", "MPL-*", "CC-BY-NC-*", "LicenseRef-*"]})
BSD3 = (
    "Redistribution and use in source and binary forms, with or without modification, are permitted provided that the"
)
BSD3 += " following conditions are met: Neither the name of the author"
APACHE = "Apache License\n Version 2.0, January 2004"
MPL = "Mozilla Public License Version 2.0\n==================================\n1. Definitions"


def npm(**entries: object) -> bytes:
    return json.dumps({"name": "x"} | entries).encode()


@pytest.mark.parametrize(
    "stated",
    [
        "GPL-3.0-only AND FooBar",
        "FooBar OR GPL-3.0-only AND FooBar2 AND GPL-2.0-only",
        "GPL-3.0-only AND (see LICENSE file)",
        "GPL-3.0-only AND LicenseRef-Ours",
        "LicenseRef-Ours",
        "DocumentRef-a:LicenseRef-b AND GPL-2.0-only",
        "MIT AND LicenseRef-Ours",
        "GPL-2.0-only WITH Own-exception-1.0",
        "GPL-2.0-only WITH Classpath-exception-2.0",
        "MPL-1.1+",
        "MPL-1.1+ AND MIT",
        "GPLv3 AND MIT",
        "MIT AND GPLv2+",
        "gpl-3.0-OR-later",
        "GPL-3.0",
        "GPL",
        "LGPL",
        "GNU General Public License (GPL)",
        "GPL (>= 2)",
        "GNU Lesser General Public License v3 (LGPLv3)",
        "CC-BY-NC-4.0",
    ],
)
def test_what_nobody_knows_hides_no_licence_beside_it(stated: str) -> None:
    for one in (
        member(npm(license=stated), "package.json"),
        member(WHEEL.format(f"License: {stated}").encode(), "METADATA"),
    ):
        denied = [fact.rule for fact in MANY.scan(one) if isinstance(fact, Finding)]
        assert denied == (["licence-denied"] if "FooBar OR" not in stated else []), stated


@pytest.mark.parametrize(
    "stated", ["MIT AND FooBar", "FooBar AND Zork", "FooBar", "MIT OR", "MIT AND LicenseRef-X AND FooBar"]
)
def test_each_licence_that_nobody_knows_is_told_where_that_is_asked_for(stated: str) -> None:
    asked = licences.build({"unknown": True})
    found = findings(asked, member(npm(license=stated), "package.json"))
    assert {hit.rule for hit in found} == {"licence-unknown"}
    assert any("FooBar" in hit.message or stated in hit.message for hit in found)
    assert findings(licences.build({"deny": ["GPL-*"]}), member(npm(license=stated), "package.json")) == []


@pytest.mark.parametrize("stated", ["MIT AND FooBar", "LicenseRef-Ours", "FooBar AND Apache-2.0", "MIT AND Zlib"])
def test_an_allow_list_denies_what_nobody_knows_in_an_expression(stated: str) -> None:
    assert "licence-denied" in rules(STRICT, member(npm(license=stated), "package.json"))


@pytest.mark.parametrize(
    "stated", ["MIT OR FooBar", "FooBar OR Apache-2.0", "MIT+", "Apache 2.0 AND MIT", "BSD-3-Clause AND MIT"]
)
def test_an_allow_list_lets_a_choice_of_its_own_pass(stated: str) -> None:
    assert "licence-denied" not in rules(STRICT, member(npm(license=stated), "package.json"))


@pytest.mark.parametrize(
    ("wanted", "stated"),
    [
        ("gpl-*", "GPL-3.0-only"),
        ("GPL-3.0", "GPL-3.0-only"),
        ("gpl-3.0-only", "GPLv3"),
        ("GPLv3", "GPL-3.0-only"),
        ("GPL-2.0+", "GPL-2.0-or-later"),
        ("AGPL-3.0", "AGPL-3.0-only"),
        ("MIT License", "MIT"),
        ("*-nc-*", "CC-BY-NC-4.0"),
        ("LicenseRef-Ours", "LicenseRef-Ours"),
        ("licenseref-*", "LicenseRef-Ours"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"),
        ("MPL-1.1", "MPL-1.1+"),
    ],
)
def test_a_list_may_name_a_licence_in_any_way_that_is_understood(wanted: str, stated: str) -> None:
    one = member(npm(license=stated), "package.json")
    assert rules(licences.build({"deny": [wanted]}), one) == {"licence-denied"}
    assert rules(licences.build({"allow": [wanted]}), one) == set()


@pytest.mark.parametrize("option", ["deny", "allow"])
@pytest.mark.parametrize(
    "wanted", ["GLP-*", "GPL 4", "MIT OR ISC", "MIT AND", "", "no such licence", "nothing-like-it-*"]
)
def test_a_list_with_a_name_that_no_licence_has_stops_the_start(option: str, wanted: str) -> None:
    """It would deny nothing, and nobody would know."""
    with pytest.raises(ConfigError, match=rf"scanners\.licences\.{option}"):
        licences.build({option: ["MIT", wanted]})


def test_with_an_exception_the_whole_is_allowed_or_the_licence_denied() -> None:
    lists = {"allow": ["GPL-2.0-only WITH Classpath-exception-2.0"], "deny": ["GPL-3.0-*"]}
    scanner = licences.build(lists)
    stated = {
        "GPL-2.0-only WITH Classpath-exception-2.0": False,
        "GPL-2.0-only": True,
        "GPL-2.0-only WITH GCC-exception-2.0": True,
        "GPL-3.0-only WITH GCC-exception-3.1": True,
    }
    told = {text: bool(rules(scanner, member(npm(license=text), "package.json"))) for text in stated}
    assert told == stated


def test_what_is_denied_is_denied_though_it_is_allowed_too() -> None:
    scanner = licences.build({"allow": ["*"], "deny": ["GPL-3.0-only"]})
    assert rules(scanner, member(npm(license="GPL-3.0-only"), "package.json")) == {"licence-denied"}
    assert rules(scanner, member(npm(license="MIT"), "package.json")) == set()


@pytest.mark.parametrize(
    ("stated", "classifier", "denied"),
    [
        ("License: see LICENSE", "GNU General Public License v3 (GPLv3)", True),
        ("License: Dual", "GNU General Public License (GPL)", True),
        ("License: LICENSE.txt", "MIT License", False),
        ("License: MIT", "GNU General Public License v3 (GPLv3)", False),
        ("License: UNKNOWN", "GNU General Public License v3 (GPLv3)", True),
        ("License-Expression: MIT", "GNU General Public License v3 (GPLv3)", False),
        ("License-Expression: MIT\nLicense-Expression: GPL-3.0-only", "MIT License", True),
        ("license-expression: GPL-3.0-only", "MIT License", True),
        ("License: All rights reserved.\n  Every one of them.", "GNU Affero General Public License v3", True),
        ("License: " + MIT.replace("\n", "\n  "), "GNU Affero General Public License v3", False),
    ],
)
def test_classifiers_count_where_nothing_better_is_understood(stated: str, classifier: str, *, denied: bool) -> None:
    text = WHEEL.format(f"{stated}\nClassifier: License :: OSI Approved :: {classifier}")
    for name in ("a.dist-info/METADATA", "a-1/PKG-INFO"):
        assert (rules(DENY_GPL, member(text.encode(), name)) == {"licence-denied"}) is denied


@pytest.mark.parametrize(
    ("text", "denied"),
    [
        (POM.format("GPLv3</name><comments>" + "c" * 5000 + "</comments><name>x"), True),
        (POM.format("GPLv3").replace("<license>", "<license >").replace("</license>", "</license\n>"), True),
        ("<!-- " + POM.format("MIT") + " -->" + POM.format("GPLv3"), True),
        (POM.format("GPLv3") + "<!-- <license><name>MIT</name></license> -->", True),
        ("<!-- " + POM.format("GPLv3") + " -->" + POM.format("MIT"), False),
        (POM.format("MIT") + POM.format("GPLv3"), False),
        (POM.format("GNU General Public License, version 2" + " " * 400), True),
    ],
)
def test_neither_comments_nor_length_hide_the_licence_of_a_pom(text: str, *, denied: bool) -> None:
    for name in ("pom.xml", "g/a/a-1.pom"):
        assert (rules(DENY_GPL, member(text.encode(), name)) == {"licence-denied"}) is denied


@pytest.mark.parametrize(
    ("name", "text", "denied"),
    [
        ("Cargo.toml", '[workspace.package]\nlicense = "GPL-3.0-only"\n[package]\nlicense.workspace = true\n', True),
        ("Cargo.toml", '[package]\nlicense-file = "X"\n', False),
        ("Cargo.toml", '[package]\nlicense = "GPL-3.0-only AND MIT"\n', True),
        ("pyproject.toml", '[project]\nlicense = "GPL-3.0-only"\n', True),
        ("pyproject.toml", '[project]\nlicense = {text = "GPLv3"}\n', True),
        ("pyproject.toml", '[project]\nlicense = {file = "LICENSE"}\n', False),
        (
            "pyproject.toml",
            '[project]\nclassifiers = ["License :: OSI Approved :: GNU General Public License (GPL)"]\n',
            True,
        ),
        ("pyproject.toml", '[project]\nlicense = "MIT"\n[tool.poetry]\nlicense = "GPL-3.0-only"\n', False),
        ("pyproject.toml", '[tool.poetry]\nlicense = "GPL-3.0-only"\n', True),
        ("pyproject.toml", "[project]\nlicense = 5\nclassifiers = [5]\n", False),
        ("pyproject.toml", "[project", False),
        ("README.md", "---\nlicense: gpl-3.0\ntags: [a]\n---\n# Model\n", True),
        ("README.md", "---\nlanguage: en\nlicense:\n- agpl-3.0\n- mit\n---\n", True),
        ("README.md", "---\nlicense: [mit, gpl-3.0]\n---\n", True),
        ("README.md", "---\r\nlicense: 'gpl-3.0'  # as Bert\r\n---\r\n", True),
        ("README.md", "---\nlicense: mit\n---\nlicense: gpl-3.0\n", False),
        ("README.md", "---\nx:\n  license: gpl-3.0\n---\n", False),
        ("README.md", "# Model\n---\nlicense: gpl-3.0\n---\n", False),
        ("composer.json", '{"license": "GPL-3.0-or-later"}', True),
        ("composer.json", '{"license": ["GPL-3.0-only AND MIT", "AGPL-3.0-only"]}', True),
        ("composer.json", '{"license": ["GPL-3.0-only AND MIT", "MIT AND ISC"]}', False),
        ("package.json", '{"license": {"type": "GPL-3.0", "url": "u"}}', True),
        ("package.json", '\ufeff{"license": "GPL-3.0"}', True),
        ("a.nuspec", '<license type="expression" version="1.0.0">GPL-3.0-only</license>', True),
    ],
)
def test_a_licence_is_read_from_where_it_is_declared(name: str, text: str, *, denied: bool) -> None:
    assert (rules(DENY_GPL, member(text.encode(), name)) == {"licence-denied"}) is denied


@pytest.mark.parametrize(
    ("name", "read"),
    [
        *(
            (name, True)
            for name in ("LICENSE", "licence.txt", "COPYING", "COPYING.LESSER", "UNLICENSE", "LICENSE-APACHE")
        ),
        *(
            (name, True)
            for name in ("MIT-LICENSE.txt", "THIRD_PARTY_LICENSES", "3rdpartylicenses.txt", "LICENSES/x.txt")
        ),
        *((name, True) for name in ("a/licences/gpl", "GPL-LICENSE", "doc/LICENSE.md", "LICENSE.rst", "lib.COPYING")),
        *(
            (name, False)
            for name in ("license.py", "license.js", "licenses.json", "README", "notice.txt", "sublicensed.c")
        ),
    ],
)
def test_a_file_is_taken_for_a_licence_by_its_name(name: str, *, read: bool) -> None:
    assert DENY_GPL.wants(member(GPL.encode(), name)) is (read and not name.startswith("lib."))
    if DENY_GPL.wants(member(GPL.encode(), name)):
        assert rules(DENY_GPL, member(GPL.encode(), name)) == {"licence-denied"}


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        ([APACHE, MPL], ["Apache-2.0", "MPL-2.0"]),
        ([MIT, GPL, BSD3], ["GPL-3.0-only", "BSD-3-Clause", "MIT"]),
        ([BSD3], ["BSD-3-Clause"]),
        ([BSD3.partition(": Neither")[0]], ["BSD-2-Clause"]),
        ([MPL.replace("=", ""), MPL], ["MPL-2.0"]),
        (["Creative Commons Attribution-NonCommercial 4.0 International Public License"], ["CC-BY-NC-4.0"]),
        (["GNU AFFERO GENERAL PUBLIC LICENSE\nVersion 3, 19 November 2007"], ["AGPL-3.0-only"]),
    ],
)
def test_every_licence_whose_text_a_file_has_is_told(texts: list[str], found: list[str]) -> None:
    assert recognised("\n\n".join(texts)) == found
    denying = licences.build({"deny": found})
    told = findings(denying, member("\n\n".join(texts).encode(), "LICENSE"))
    assert [hit.message for hit in told] == [f"licence {name} is not allowed" for name in found]


@pytest.mark.parametrize("tag", ["GPL-3.0-only", "(MIT AND GPL-2.0-or-later)", "GPL-3.0-only */", "GPLv3\r"])
def test_a_tag_in_a_licence_file_counts(tag: str) -> None:
    text = f"/* SPDX-License-Identifier: {tag}\n * Copyright */"
    assert rules(DENY_GPL, member(text.encode(), "LICENSE")) == {"licence-denied"}
    assert not DENY_GPL.wants(member(text.encode(), "main.c"))


@pytest.mark.parametrize(
    ("package", "denied"),
    [
        (Package("pkg:gem/rails@7", "rails.gem!/metadata", "GPL-3.0-only"), True),
        (Package("pkg:conda/x@1", "x.conda!/info/index.json", "GPL-3.0-or-later AND MIT"), True),
        (Package("pkg:conda/x@1", "x.conda!/info/index.json", "MIT OR GPL-3.0-only"), False),
        (Package("pkg:gem/rails@7", "rails.gem!/metadata", ""), False),
        (Package("pkg:pypi/x@1", "x.whl!/METADATA", "GPL-3.0-only"), False),
        (Package("pkg:npm/x@1", "package.json", "GPL-3.0-only"), False),
    ],
)
def test_what_packages_declare_elsewhere_is_judged_at_the_end(package: Package, *, denied: bool) -> None:
    """Those whose own files are read here are not told twice."""
    assert isinstance(DENY_GPL, Concluding)
    told = [fact for fact in DENY_GPL.conclude([package]) if isinstance(fact, Finding)]
    assert [(hit.rule, hit.member) for hit in told] == ([("licence-denied", package.member)] if denied else [])
    assert list(licences.build({}).conclude([package])) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("package.json", json.dumps({"license": " AND ".join(["MIT"] * 500)})),
        ("package.json", json.dumps({"licenses": [f"GPL-3.0-only AND LicenseRef-{at}" for at in range(100)]})),
        ("package.json", '{"a": [' + "[]," * 1_100_000 + "[]]}"),
        ("Cargo.toml", "[package]\n" + "a." * 200_000 + "b = 1\n"),
        ("pyproject.toml", "x = [" + "1,\n" * 1_100_000 + "]"),
        ("METADATA", WHEEL.format("License: " + "x" * 3000)),
        ("METADATA", "Name: a\n" * 20_002),
    ],
)
def test_what_is_too_much_to_read_is_a_skip(name: str, text: str) -> None:
    assert [skip.reason for skip in skips(DENY_GPL, member(text.encode(), name))] == [SkipReason.LIMIT]


FLOODS: dict[str, Callable[[int], str]] = {
    "LICENSE": lambda count: "".join(f"SPDX-License-Identifier: GPL-x{at}\n" for at in range(count)),
    "METADATA": lambda count: "".join(f"Classifier: License :: x{at}\n" for at in range(count)),
    "package.json": lambda count: json.dumps({"licenses": [f"x{at}" for at in range(count)]}),
    "pom.xml": lambda count: "".join(f"<license><name>x{at}</name></license>" for at in range(count)),
    "README.md": lambda count: "---\nlicense:\n" + "".join(f"- x{at}\n" for at in range(count)) + "---\n",
    "pyproject.toml": lambda count: f"[project]\nclassifiers = {[f'License :: x{at}' for at in range(count)]}\n",
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_of_licences_is_a_skip_and_no_flood_of_findings(name: str) -> None:
    asked = licences.build({"unknown": True, "deny": ["GPL-*"]})
    told = list(asked.scan(member(FLOODS[name](20_000).encode(), name)))
    assert [fact.reason for fact in told if isinstance(fact, Skip)] == [SkipReason.LIMIT]
    assert len(told) <= 501
    few = list(asked.scan(member(FLOODS[name](50).encode(), name)))
    assert few
    assert not [fact for fact in few if isinstance(fact, Skip)]


def test_what_a_declaration_says_cannot_disturb_a_terminal() -> None:
    asked = licences.build({"unknown": True, "allow": ["MIT"]})
    for stated in ("Evil\x1b[2J", "MIT AND Evil\x1b[2J\u202e", "LicenseRef-\x1b[2J"):
        assert all(hit.message.isprintable() for hit in findings(asked, member(npm(license=stated), "package.json")))


@pytest.mark.parametrize("severity", list(Severity))
def test_the_severity_of_what_is_denied_is_the_users(severity: Severity) -> None:
    scanner = licences.build({"deny": ["GPL-*"], "severity": severity.value})
    assert [hit.severity for hit in findings(scanner, member(GPL.encode(), "LICENSE"))] == [severity]


LEAVES = st.sampled_from(["MIT", "GPL-3.0-only", "Apache-2.0", "FooBar", "LicenseRef-X", "GPLv3", "MPL-1.1+"])
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: st.tuples(inner, st.sampled_from([" AND ", " OR "]), inner).map(lambda parts: f"({''.join(parts)})"),
)


def denied(text: str) -> bool:
    """By the meaning of AND and OR, on the text itself."""
    for leaf, value in (
        ("GPL-3.0-only", "True"),
        ("GPLv3", "True"),
        ("Apache-2.0", "False"),
        ("LicenseRef-X", "False"),
    ):
        text = text.replace(leaf, value)
    for leaf in ("MIT", "FooBar", "MPL-1.1+"):
        text = text.replace(leaf, "False")
    value = text.replace(" AND ", "|").replace(" OR ", "&")
    while "(" in value:
        for left in ("True", "False"):
            for right in ("True", "False"):
                both, either = left == right == "True", "True" in {left, right}
                value = value.replace(f"({left}&{right})", str(both)).replace(f"({left}|{right})", str(either))
    return value == "True"


@given(EXPRESSIONS)
def test_an_expression_is_denied_by_the_meaning_of_its_words(text: str) -> None:
    if len(text) < 2000 and any(understood(leaf) for leaf in text.strip("()").replace("(", " ").split()):
        parsed = expression(text)
        assert (parsed is not None and DENY_GPL._denied(parsed)) is denied(text)


@given(st.text(max_size=60))
def test_any_name_is_understood_or_not(text: str) -> None:
    parsed = expression(text)
    assert parsed is None or any(understood(leaf) or identifier(leaf) for leaf in parsed.get_symbols())


@given(st.text(max_size=30))
def test_any_pattern_is_one_or_an_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert pattern(text) == pattern(text).lower()


@given(
    st.text(max_size=200),
    st.sampled_from(["pyproject.toml", "README.md", "LICENSE", "a.pom", "PKG-INFO", "composer.json"]),
)
def test_any_declaration_ends_in_facts(text: str, name: str) -> None:
    data = ("---\nlicense: " if name == "README.md" else "").encode() + text.encode("utf-8", "replace")
    assert all(isinstance(fact, Finding | Skip) for fact in STRICT.scan(member(data, name)))
