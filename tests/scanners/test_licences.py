from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.errors import ConfigError
from customhouse.model import Finding, Severity, SkipReason
from customhouse.scanners import licences
from customhouse.scanners.licences_names import expression, recognised
from tests.scanners.support import findings, member, rules, skips, windows

DENY_GPL = licences.build({"deny": ["GPL-*", "AGPL-*", "SSPL-*"]})
WHEEL = "Metadata-Version: 2.4\nName: a\n{}\n\nText: License: GPL-3.0-only\n"
POM = "<project><licenses><license>\n<name>{}</name><url>u</url></license></licenses></project>"
GPL = "GNU GENERAL PUBLIC LICENSE\n   Version 3, 29 June 2007\n\n Copyright (C) 2007 Free Software Foundation"
MIT = "MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining a copy\n"
MIT += "of this software and\nassociated documentation files (the Software)"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.dist-info/METADATA", WHEEL.format("License-Expression: GPL-3.0-or-later")),
        ("a.dist-info/METADATA", WHEEL.format("License: GPLv3")),
        ("a/PKG-INFO", WHEEL.format("Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)")),
        ("package/package.json", json.dumps({"license": "AGPL-3.0"})),
        ("package/package.json", json.dumps({"licenses": [{"type": "GPL-2.0"}]})),
        ("composer.json", json.dumps({"license": ["GPL-2.0-only", "GPL-3.0-only"]})),
        ("Cargo.toml", '[package]\nlicense = "GPL-3.0-only"\n'),
        ("a.nuspec", '<package><license type="expression">MIT AND GPL-2.0-only</license></package>'),
        ("META-INF/maven/g/a/pom.xml", POM.format("GNU General Public License, version 2")),
        ("LICENSE", GPL),
        ("COPYING.txt", GPL),
        ("LICENSES/GPL-3.0-only.txt", GPL),
        ("a.dist-info/licenses/vendored/licenses/gpl", GPL),
        ("LICENSE", GPL.replace("\n", "\r\n")),
        ("LICENSE", GPL.replace(" ", "\u00a0 \t")),
        ("LICENSE.c", "/*\n" + "\n".join(f" * {line}" for line in GPL.split("\n"))),
        ("LICENSE.sh", "\n".join(f"# {line}" for line in GPL.split("\n"))),
        ("LICENSE", MIT + "\n\n" + GPL),
        ("a.dist-info/METADATA", WHEEL.format("License: " + GPL.replace("\n", "\n        "))),
        ("a.dist-info/METADATA", WHEEL.format("License-Expression: MIT AND\n  GPL-3.0-only")),
        ("package.json", json.dumps({"license": None, "licenses": ["GPL-2.0", 5]})),
        ("package.json", json.dumps({"license": " gpl-3.0-ONLY\t"})),
        ("a.nuspec", "<license version='1' type='expression'>\nGPL-3.0-only</license>"),
        ("pom.xml", POM.format("<![CDATA[ GPL-3.0-only ]]>")),
        ("pom.xml", POM.format("GPL-3.0&#45;only")),
        ("pom.xml", POM.format("GPLv2") + POM.format("GPLv3")),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_denied_licence_is_found_where_it_is_declared(name: str, text: str, encoding: str) -> None:
    found = findings(DENY_GPL, member(text.encode(encoding), name))
    assert [(hit.rule, hit.severity) for hit in found] == [("licence-denied", Severity.HIGH)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.dist-info/METADATA", WHEEL.format("License-Expression: MIT")),
        ("a.dist-info/METADATA", WHEEL.format("License: UNKNOWN")),
        ("package.json", json.dumps({"license": "MIT OR GPL-3.0-only"})),
        ("package.json", json.dumps({"license": "(GPL-2.0-only OR BSD-3-Clause)"})),
        ("package.json", json.dumps({"licenses": [{"type": "MIT"}, {"type": "GPL-2.0"}]})),
        ("package.json", json.dumps({"license": 5})),
        ("package.json", "[" * 100_000),
        ("Cargo.toml", '[package]\nlicense = "MIT/GPL-3.0-only"\n'),
        ("Cargo.toml", "not = [toml"),
        ("pom.xml", POM.format("Apache License, Version 2.0")),
        ("pom.xml", POM.format("GPLv2") + POM.format("MIT")),
        ("pom.xml", "<license><url>u</url></license><developer><name>GPLv2</name></developer>"),
        ("a.nuspec", '<license type="file">GPL-3.0-only</license>'),
        ("a.dist-info/METADATA", WHEEL.format("Classifier: License :: OSI Approved")),
        ("a.dist-info/METADATA", WHEEL.format("License: " + MIT.replace("\n", "\n        "))),
        ("LICENSE", MIT),
        ("LICENSE", MIT + "\n\nThe GNU General Public License does not apply.\n"),
        ("README", GPL),
        ("licenses/check.py", GPL),
    ],
)
def test_what_is_not_denied_is_left_alone(name: str, text: str) -> None:
    assert rules(DENY_GPL, member(text.encode(), name)) == set()


@pytest.mark.parametrize(
    ("stated", "denied"),
    [
        ("MIT", False),
        ("MIT AND BSD-2-Clause", False),
        ("MIT AND Zlib", True),
        ("MIT OR Zlib", False),
        ("(Zlib OR ISC) AND MIT", True),
        ("(Zlib OR MIT) AND BSD-3-Clause", False),
        ("Apache-2.0 WITH LLVM-exception", False),
        ("GPL-2.0-only WITH Classpath-exception-2.0", False),
        ("GPL-2.0-only", True),
    ],
)
def test_with_an_allow_list_everything_else_is_denied(stated: str, denied: bool) -> None:  # noqa: FBT001 -- a case
    allow = ["MIT", "BSD-*", "Apache-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"]
    data = json.dumps({"license": stated}).encode()
    assert bool(rules(licences.build({"allow": allow}), member(data, "package.json"))) is denied


def test_a_licence_nobody_knows_is_reported_where_that_is_asked_for() -> None:
    data = json.dumps({"license": "The Very\x1b Own License"}).encode()
    asked = licences.build({"unknown": True, "deny": ["GPL-*"]})
    (found,) = findings(asked, member(data, "package.json"))
    assert (found.rule, found.severity, found.message.isprintable()) == ("licence-unknown", Severity.LOW, True)
    assert rules(DENY_GPL, member(data, "package.json")) == set()


@pytest.mark.parametrize(
    ("classifier", "rule"),
    [
        ("Other/Proprietary License", "licence-unknown"),
        ("OSI Approved :: Apache Software License", "licence-denied"),
        ("CC0 1.0 Universal (CC0 1.0) Public Domain Dedication", "licence-denied"),
        ("OSI Approved :: MIT License", None),
    ],
)
def test_every_classifier_of_a_licence_counts(classifier: str, rule: str | None) -> None:
    text = WHEEL.format(f"Classifier: License :: {classifier}")
    strict = licences.build({"allow": ["MIT"], "unknown": True})
    assert rules(strict, member(text.encode(), "METADATA")) == ({rule} if rule else set())


def test_without_a_list_nothing_is_looked_at() -> None:
    assert not licences.build({}).wants(member(GPL.encode(), "LICENSE"))


def test_the_severity_is_the_users() -> None:
    mild = licences.build({"deny": ["GPL-*"], "severity": "low"})
    assert [hit.severity for hit in findings(mild, member(GPL.encode(), "LICENSE"))] == [Severity.LOW]
    with pytest.raises(ConfigError, match="severity"):
        licences.build({"severity": "grave"})


@pytest.mark.parametrize(
    ("text", "spdx"),
    [
        ("mit", "MIT"),
        ("The MIT License", "MIT"),
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("BSD 3-Clause", "BSD-3-Clause"),
        ("GPL-2.0+", "GPL-2.0-or-later"),
        ("ISC License (ISCL)", "ISC"),
        ("GPLv3", "GPL-3.0-only"),
        ("GPLv3+", "GPL-3.0-or-later"),
        ("LGPL 2.1", "LGPL-2.1-only"),
        ("LGPLv2.1", "LGPL-2.1-only"),
        ("LGPL v2.1+", "LGPL-2.1-or-later"),
        ("GNU General Public License v3 or later (GPLv3+)", "GPL-3.0-or-later"),
        ("MIT\u00a0OR\tISC", "MIT OR ISC"),
        ("MIT\nor apache-2.0", "MIT OR Apache-2.0"),
        ("MIT OR (Apache-2.0 AND ISC)", "MIT OR (Apache-2.0 AND ISC)"),
    ],
)
def test_names_in_use_become_spdx(text: str, spdx: str) -> None:
    assert str(expression(text)) == spdx


@pytest.mark.parametrize("text", ["", "Proprietary stuff", "MIT OR", "(" * 3000, "x" * 3000])
def test_what_is_no_licence_is_none(text: str) -> None:
    assert expression(text) is None


def test_licence_texts_are_recognised_and_others_are_not() -> None:
    assert [recognised(MIT), recognised(GPL), recognised("All rights reserved.")] == [["MIT"], ["GPL-3.0-only"], []]


NAMES = ["METADATA", "package.json", "Cargo.toml", "a.nuspec", "pom.xml", "LICENSE"]


@given(st.text(max_size=300), st.sampled_from(NAMES))
def test_any_text_ends_in_findings(text: str, name: str) -> None:
    strict = licences.build({"allow": ["MIT"], "unknown": True})
    assert all(isinstance(fact, Finding) for fact in strict.scan(member(text.encode("utf-8", "replace"), name)))


def test_a_declaration_that_is_too_large_is_a_skip_and_no_licence_hides_behind_filler() -> None:
    scanner = licences.build({"deny": ["AGPL-*"]})
    filler = b" " * (3 << 20)
    assert rules(scanner, member(b'{"name": "x",' + filler + b'"license": "AGPL-3.0-only"}', "package.json")) == {
        "licence-denied"
    }
    parts = list(windows(b'{"license": "AGPL-3.0-only"' + filler * 6 + b"}", "package.json"))
    assert len(parts) > 1
    assert [skip.reason for skip in skips(scanner, *parts)] == [SkipReason.LIMIT]
