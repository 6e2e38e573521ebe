from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from customhouse.commands import application
from customhouse.errors import ConfigError
from customhouse.model import Finding, Package, Severity
from customhouse.report import cyclonedx
from customhouse.report.result import Judged
from customhouse.scanners.ecosystems import Found
from customhouse.stores.local import LocalStore
from customhouse.vulnerabilities.library import Library
from tests.facts import decision, finding, inspection
from tests.vulnerabilities.support import index, record

VALIDATOR = JsonStrictValidator(SchemaVersion.V1_6)
NPM = Package("pkg:npm/%40s/a@1.0.0", "x!/package-lock.json", "MIT OR Apache-2.0")
DEB = Package("pkg:deb/debian/libc6@2-9?upstream=glibc", "status")
SYSTEM = Package("pkg:generic/debian@12?distro=debian-12", "etc/os-release")


def artifact(path: str, *packages: Package, findings: tuple[Finding, ...] = ()) -> Judged:
    return Judged(
        path, replace(inspection(), packages=packages, findings=findings, digests={"sha256": "a" * 64}), decision()
    )


def document(*judged: Judged) -> dict[str, Any]:
    """The document, valid against the schema."""
    text = cyclonedx.render(judged)
    error = VALIDATOR.validate_str(text)
    assert error is None, str(error)[:500]
    return json.loads(text)  # type: ignore[no-any-return]


def libraries(bom: dict[str, Any]) -> list[dict[str, Any]]:
    return [component for component in bom["components"] if component["type"] != "file"]


def test_packages_are_components_with_where_they_were_found() -> None:
    elsewhere = replace(NPM, member="y!/package.json")
    bom = document(artifact("in/app.zip", elsewhere, NPM, SYSTEM))
    system, package = libraries(bom)
    assert (system["type"], system["name"], system["version"]) == ("operating-system", "debian", "12")
    assert (package["group"], package["name"], package["version"]) == ("@s", "a", "1.0.0")
    assert package["licenses"] == [{"expression": "MIT OR Apache-2.0"}]
    occurrences = package["evidence"]["occurrences"]
    assert [place["location"] for place in occurrences] == ["x!/package-lock.json", "y!/package.json"]
    assert bom["dependencies"] == [{"ref": f"file:{'a' * 64}:in/app.zip", "dependsOn": [SYSTEM.purl, NPM.purl]}]
    assert bom["components"][0]["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]


def test_a_licence_that_is_no_expression_is_a_name() -> None:
    (package,) = libraries(document(artifact("a", replace(NPM, license="do what you want"))))
    assert package["licenses"] == [{"license": {"name": "do what you want"}}]


def test_vulnerabilities_name_what_they_affect() -> None:
    def known(rule: str, severity: Severity, package: Package, text: str) -> Finding:
        return Finding("vulnerabilities", rule, severity, package.member, text)

    findings = (
        known("CVE-2024-1", Severity.LOW, NPM, "@s/a 1.0.0: bad (fixed in 2)"),
        known("CVE-2024-2", Severity.HIGH, DEB, "glibc 2-9: worse (no fixed version is known)"),
        finding(),
    )
    worse = known("CVE-2024-1", Severity.CRITICAL, NPM, "@s/a 1.0.0: bad (fixed in 2)")
    bom = document(artifact("one", NPM, DEB, SYSTEM, findings=findings), artifact("two", NPM, findings=(worse,)))
    first, second = bom["vulnerabilities"]
    assert (first["id"], first["ratings"], first["affects"]) == (
        "CVE-2024-1",
        [{"severity": "critical"}],
        [{"ref": NPM.purl}],
    )
    assert (second["id"], second["affects"]) == ("CVE-2024-2", [{"ref": DEB.purl}])


def test_the_same_inspections_make_the_same_bytes_in_any_order() -> None:
    one, two = artifact("one", NPM, DEB), artifact("two", SYSTEM)
    assert cyclonedx.render([one, two]) == cyclonedx.render([two, one, one])
    assert cyclonedx.render([one]) != cyclonedx.render([two])


def test_nothing_found_is_a_valid_document_too() -> None:
    assert libraries(document(artifact("a"))) == []
    assert document()["components"] == []


@pytest.mark.parametrize("name", ["", "\udcff", "a\nb", "<x>"])
def test_odd_names_are_valid(name: str) -> None:
    document(artifact(name, replace(NPM, member=name)))


@pytest.mark.parametrize("words", ["?", "(", "MIT OR", "MIT AND AND", "Nobody-1.0", "(" * 400, "MIT OR " * 400])
def test_words_that_are_no_licence_expression_break_nothing(words: str) -> None:
    (package,) = libraries(document(artifact("a", replace(NPM, license=words))))
    assert package["licenses"] == [{"license": {"name": words}}]


TEXT = st.text("aB1.-_+~:@é%?# /", max_size=8)


@settings(max_examples=10)
@given(st.lists(st.tuples(st.sampled_from(["npm", "pypi", "deb", "maven"]), TEXT, TEXT, TEXT, TEXT, TEXT), max_size=5))
def test_whatever_parsers_find_is_valid(rows: list[tuple[str, ...]]) -> None:
    packages = []
    for kind, name, version, namespace, license_text, member in rows:
        purl = Found(kind, name, version, namespace).purl
        if purl:
            packages.append(Package(purl, member, license_text))
    document(artifact("a", *packages))


def test_the_command_line_writes_a_document_with_what_is_vulnerable(tmp_path: Path) -> None:
    index(
        record("GHSA-1", "npm", "a", ("introduced", "0"), ("fixed", "1.2.0")),
        library=Library(LocalStore(f"file://{tmp_path}")),
        now=time.time(),
    )
    policy = tmp_path / "policy.yaml"
    options = f"{{packages: {{}}, vulnerabilities: {{index: 'file://{tmp_path}'}}}}"
    policy.write_text(f"version: 1\nscanners: {options}\nrules: [{{name: all, verdict: flagged}}]\n")
    lock = tmp_path / "package-lock.json"
    lock.write_text('{"packages": {"node_modules/a": {"version": "1.0.0"}}}')
    done = CliRunner().invoke(application, ["scan", "--format", "cyclonedx", "--policy", str(policy), str(lock)])
    assert done.exit_code == 0, done.output
    assert VALIDATOR.validate_str(done.stdout) is None
    bom = json.loads(done.stdout)
    assert [component["purl"] for component in libraries(bom)] == ["pkg:npm/a@1.0.0"]
    (known,) = bom["vulnerabilities"]
    assert (known["id"], known["affects"]) == ("GHSA-1", [{"ref": "pkg:npm/a@1.0.0"}])


def test_a_policy_whose_index_has_no_place_is_one_line(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("version: 1\nscanners: {vulnerabilities: {}}\nrules: [{name: all, verdict: flagged}]\n")
    with pytest.raises(ConfigError, match="name the store of the index"):
        CliRunner().invoke(application, ["scan", "--policy", str(policy), str(policy)], catch_exceptions=False)
