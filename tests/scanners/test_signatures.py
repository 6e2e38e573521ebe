from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import pytest

from customhouse.errors import ConfigError
from customhouse.model import Location
from customhouse.scanners.signatures import build
from customhouse.signatures import roots
from customhouse.signatures.beside import Beside, Surroundings

SOMEBODY = {"issuer": "https://accounts.test", "subject": "*@acme.test"}
SIGNED = {"name": "*.whl", "require": ["signature"], "identities": [SOMEBODY]}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "rules"),
        ({"rules": [{"name": "*", "require": ["signature"]}]}, "nobody may sign"),
        ({"rules": [{"name": "*", "require": ["provenance"]}]}, "nobody may sign"),
        ({"rules": [{"name": "*", "require": ["faith"]}]}, "faith"),
        ({"rules": [{"name": "*", "identities": [{"issuer": "*", "subject": "a@b"}]}]}, "anybody"),
        ({"rules": [{"name": "*", "identities": [{"issuer": "https://a", "subject": "**"}]}]}, "anybody"),
        ({"rules": [{"name": "*", "identity": []}]}, "identity"),
        ({"rules": [SIGNED], "trust_root": "/nowhere/root.json"}, "/nowhere/root.json"),
    ],
)
def test_options_that_cannot_work_stop_with_one_line(options: Mapping[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        build(options)
    assert "scanners.signatures" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_trust_root_that_is_none_stops_before_anything_is_judged() -> None:
    with pytest.raises(ConfigError, match="trust_root"):
        build({"rules": [SIGNED], "trust_root": {"mediaType": "x"}})


def test_first_rule_that_fits_decides_and_signatures_have_none() -> None:
    scanner = build({"rules": [{"name": ["a/*", "b/*"], "require": ["checksum"]}, SIGNED]})
    assert scanner.rule("a/x.whl") is not scanner.rule("c/x.whl")
    assert scanner.rule("b/x") is not None
    assert scanner.rule("c/x") is None
    assert scanner.rule("a/x.whl.sigstore.json") is None
    assert scanner.rule("a/SHA256SUMS") is None


def test_version_changes_with_the_trust_root(tmp_path: Path) -> None:
    packaged = json.loads(resources.files(roots).joinpath("public-good.json").read_bytes())
    (tmp_path / "root.json").write_text(json.dumps(packaged))
    by_path = build({"rules": [SIGNED], "trust_root": str(tmp_path / "root.json")})
    by_value = build({"rules": [SIGNED], "trust_root": packaged | {"timestampAuthorities": []}})
    assert len({build({"rules": [SIGNED]}).version, by_path.version, by_value.version}) == 3
    assert build({"rules": [{"name": "*", "require": ["checksum"]}]}).version == "checksums"


def test_packaged_trust_root_is_the_one_of_the_library() -> None:
    packaged = resources.files(roots).joinpath("public-good.json").read_bytes()
    theirs = [path.read_bytes() for path in Path(str(resources.files("sigstore"))).rglob("trusted_root.json")]
    assert packaged in theirs


def test_only_digests_that_are_compared_are_asked_for() -> None:
    scanner = build({"rules": [SIGNED]})
    text = f"{'0' * 128}  a.whl\n{'0' * 32}  b.whl\n".encode()
    around = Surroundings((Beside(Location("memory://x", "SHA256SUMS"), text),))
    assert scanner.needs("a.whl", around) == {"sha512"}
    assert scanner.needs("c.whl", around) == set()


def test_library_is_imported_for_nothing_but_a_signature() -> None:
    program = """
import sys
from customhouse.app import App
from customhouse.scanners.signatures import build
from customhouse.model import Inspection, Coverage, Location
from customhouse.signatures.beside import Beside, Surroundings
import customhouse.signed
scanner = build({"rules": [{"name": "*", "identities": [{"issuer": "https://a", "subject": "b@c"}]}]})
inspection = Inspection("a", "data", 1, {"sha256": "0" * 64}, (), (), Coverage(1, 1, 1))
sums = Beside(Location("memory://x", "a.sha256"), b"0" * 64)
judge = scanner.judge(inspection, scanner.rule("a"), "a", {})
assert judge.apply(inspection, Surroundings((sums,))).signatures[0].status == "matches"
assert not {"sigstore", "cryptography", "pydantic"} & set(sys.modules), "imported in vain"
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
