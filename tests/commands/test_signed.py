"""`customhouse scan` with signatures beside the files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.commands.test_commands import run
from tests.signatures.authority import Authority
from tests.signatures.policies import IDENTITIES, text_of

DATA = b"what was released"
OURS = Authority()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.bin").write_bytes(DATA)
    return tmp_path


def scanned(folder: Path, *rules: dict[str, object]) -> dict[str, dict[str, object]]:
    """What is said of each file of a folder."""
    policy = folder.parent / f"{folder.name}.yaml"
    policy.write_text(text_of(OURS, *rules))
    done = run("scan", "--format", "json", "--policy", policy, folder)
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == (0 if all(one["verdict"] in {"clean", "flagged"} for one in said) else 1), done.stderr
    return {Path(one["path"]).name: one for one in said}


def signed(authority: Authority) -> bytes:
    return json.dumps(authority.sign_bytes(DATA, authority.signer())).encode()


REQUIRED: dict[str, object] = {"name": "*.bin", "require": ["signature"], "identities": IDENTITIES}


def test_file_without_its_signature_is_held(folder: Path) -> None:
    assert scanned(folder, REQUIRED)["a.bin"]["verdict"] == "held"


def test_file_beside_its_signature_is_clean_and_says_who_signed(folder: Path) -> None:
    (folder / "a.bin.sigstore.json").write_bytes(signed(OURS))
    said = scanned(folder, REQUIRED)
    assert {one["verdict"] for one in said.values()} == {"clean"}
    assert said["a.bin"]["signatures"][0]["status"] == "verified"  # type: ignore[index]  # JSON


def test_file_beside_a_strangers_signature_is_quarantined(folder: Path) -> None:
    (folder / "a.bin.sigstore.json").write_bytes(signed(Authority()))
    assert scanned(folder, REQUIRED)["a.bin"]["verdict"] == "quarantined"


def test_checksums_beside_a_file_are_compared(folder: Path) -> None:
    rule: dict[str, object] = {"name": "*.bin", "require": ["checksum"]}
    (folder / "SHA256SUMS").write_text(f"{hashlib.sha256(DATA).hexdigest()}  a.bin\n")
    assert scanned(folder, rule)["a.bin"]["verdict"] == "clean"
    (folder / "a.bin.sha512").write_text(f"{hashlib.sha512(b'other').hexdigest()}  a.bin\n")
    assert scanned(folder, rule)["a.bin"]["verdict"] == "quarantined"


def test_link_to_a_signature_is_not_followed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "real.json"
    elsewhere.write_bytes(signed(OURS))
    (folder / "a.bin.sigstore.json").symlink_to(elsewhere)
    assert scanned(folder, REQUIRED)["a.bin"]["verdict"] == "held"


def test_junk_called_a_signature_is_held_and_condemns_its_file(folder: Path) -> None:
    (folder / "a.bin.sigstore.json").write_bytes(b"junk")
    said = scanned(folder, REQUIRED)
    assert {name: one["verdict"] for name, one in said.items()} == {
        "a.bin": "quarantined",
        "a.bin.sigstore.json": "held",
    }


def test_file_that_no_rule_covers_needs_nothing(folder: Path) -> None:
    assert scanned(folder, REQUIRED | {"name": "*.whl"})["a.bin"]["verdict"] == "clean"
