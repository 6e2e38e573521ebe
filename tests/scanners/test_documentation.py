"""The page about the scanners names every scanner and exactly the options that the code has."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from customhouse.scanners import BUILTIN
from customhouse.scanners.clamav import ClamavOptions
from customhouse.scanners.external import ExternalOptions
from customhouse.scanners.licences import LicenceOptions
from customhouse.scanners.malware import MalwareOptions
from customhouse.scanners.options import Options
from customhouse.scanners.pickles import PickleOptions
from customhouse.scanners.secrets import SecretsOptions
from customhouse.scanners.signatures import SignatureOptions
from customhouse.scanners.vulnerabilities import VulnerabilityOptions

PAGE = Path(__file__).parents[2] / "docs" / "scanners.md"
ROWS = {
    row[1]: set(re.findall(r"`(\w+)`", row[2]))
    for row in re.finditer(
        r"^\| (\w+) \| [^|]+ \| ([^|]+) \| [^|]+ \| [^|]+ \|$", PAGE.read_text("utf-8"), re.MULTILINE
    )
}
OPTIONS: dict[str, type[Options]] = {
    "clamav": ClamavOptions,
    "external": ExternalOptions,
    "licences": LicenceOptions,
    "malware": MalwareOptions,
    "pickles": PickleOptions,
    "secrets": SecretsOptions,
    "signatures": SignatureOptions,
    "vulnerabilities": VulnerabilityOptions,
}
OPENED_BY_THE_APP = {"vulnerabilities": {"index"}}


def test_every_scanner_is_on_the_page() -> None:
    assert set(BUILTIN) <= set(ROWS)


@pytest.mark.parametrize("scanner", BUILTIN)
def test_the_page_names_the_options_that_there_are(scanner: str) -> None:
    struct = OPTIONS.get(scanner, Options)
    names = {field.name for field in msgspec.structs.fields(struct)}
    assert ROWS[scanner] == names | OPENED_BY_THE_APP.get(scanner, set())
