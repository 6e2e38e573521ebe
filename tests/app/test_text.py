"""What an artifact says of itself may be text that no UTF-8 has: it is judged, recorded and reported all the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.app import App
from customhouse.catalog.record import decode, encode
from customhouse.inspect.ledger import Ledger
from customhouse.model import Coverage, Finding, Package, Severity, Skip, SkipReason
from customhouse.notifiers.post import encoded
from customhouse.report import cyclonedx, sarif
from customhouse.report import json as lines
from customhouse.report.result import Judged
from tests.app.world import NOW, World, memory
from tests.commands.test_commands import zipped

LONE = "\ud800"
LOCKED = {"version": "1", "license": LONE}
COMPONENT = {"type": "library", "name": LONE, "purl": "pkg:npm/a@1", "licenses": [{"license": {"name": LONE}}]}
REFERENCES = [{"referenceType": "purl", "referenceLocator": "pkg:npm/a@1"}]
DOCUMENTS = {
    "package.json": {"name": "a", "version": "1.0", "license": f"MIT{LONE}"},
    "package-lock.json": {"lockfileVersion": 3, "packages": {"node_modules/a": LOCKED}},
    "composer.lock": {"packages": [{"name": f"v/a{LONE}", "version": "1", "license": [LONE]}]},
    "bom.json": {"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [COMPONENT]},
    "x.spdx.json": {
        "spdxVersion": "SPDX-2.3",
        "packages": [{"name": "a", "licenseDeclared": LONE, "externalRefs": REFERENCES}],
    },
    "config.json": {"auto_map": {"AutoModel": f"{LONE}.Model"}},
}
SAYINGS = {name: json.dumps(document) for name, document in DOCUMENTS.items()}


@pytest.mark.parametrize("name", sorted(SAYINGS))
def test_it_is_judged_recorded_and_reported(name: str) -> None:
    world = World.of(memory())
    result = world.app().process(world.upload(f"in/{name}", SAYINGS[name].encode()))
    assert result.status == "decided"
    (record,) = world.records()
    assert record.decision is not None
    assert record.inspection is not None
    for message in world.told.messages:
        assert json.loads(encoded(message)) == message
    judged = Judged(name, record.inspection, record.decision)
    for text in (lines.line(judged), sarif.render([judged], Path("/")), cyclonedx.render([judged])):
        assert json.loads(text)


def test_it_keeps_no_other_artifact_from_being_processed() -> None:
    world = World.of(memory())
    for name, text in SAYINGS.items():
        world.upload(f"in/{name}", text.encode())
        world.upload(f"in/{name}.zip", zipped(text.encode()))
    world.upload("in/zz.txt", b"text")
    done = world.app().run_schedule("reconcile", 600)
    assert done == {"job": "reconcile", "complete": True, "decided": 2 * len(SAYINGS) + 1}
    assert world.app(now=NOW + 10_000).run_schedule("reconcile", 600) == {"job": "reconcile", "complete": True}


def test_a_ledger_tells_it_by_its_escape_and_leaves_all_other_text_alone() -> None:
    ledger = Ledger()
    place = ledger.member()
    said = ("MIT", "Ünïcode 漢字 😀", "lone \ud800", "\udcff")
    ledger.add(place, [Package(f"pkg:npm/a{at}@1", "m", text) for at, text in enumerate(said)])
    ledger.add(place, [Finding("s", f"r{at}", Severity.LOW, "m", text, text) for at, text in enumerate(said)])
    ledger.add(place, [Skip("m", SkipReason.CORRUPT, text) for text in said])
    told = ("MIT", "Ünïcode 漢字 😀", "lone \\ud800", "\\udcff")
    assert tuple(one.license for one in ledger.packages()) == told
    assert tuple(one.message for one in ledger.findings()) == tuple(one.evidence for one in ledger.findings()) == told
    assert ledger.coverage() == Coverage(1, 0, 0, tuple(Skip("m", SkipReason.CORRUPT, text) for text in told))


def test_a_fact_that_is_told_twice_counts_once_however_it_is_written() -> None:
    ledger = Ledger()
    place = ledger.member()
    for _ in range(2):
        ledger.add(place, [Package("pkg:npm/a@1", "m", "\ud800"), Finding("s", "r", Severity.LOW, "m", "\ud800")])
    assert (len(ledger.packages()), len(ledger.findings())) == (1, 1)


NAMES = [*SAYINGS, "Pipfile.lock", "pom.xml", "METADATA", "os-release", "go.mod", "Gemfile.lock", "yarn.lock", "a.txt"]
KEYS = [
    "name",
    "version",
    "license",
    "packages",
    "dependencies",
    "components",
    "purl",
    "bomFormat",
    "spdxVersion",
    "id",
]
WORDS = st.text(max_size=6) | st.sampled_from(["1.0", "MIT", "CycloneDX", "SPDX-2.3", "pkg:npm/a@1", LONE, "a/b"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | WORDS, inner, max_size=5),
    max_leaves=12,
)
CONTENTS = (
    st.binary(max_size=60)
    | VALUES.map(lambda value: json.dumps(value).encode())
    | VALUES.map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))
)


@pytest.fixture(scope="module")
def shared() -> tuple[World, App]:
    """One app for all uploads: engines are made ready once."""
    world = World.of(memory())
    return world, world.app()


@given(st.sampled_from(sorted(NAMES)), CONTENTS)
def test_whatever_an_upload_holds_it_is_decided(shared: tuple[World, App], name: str, data: bytes) -> None:
    world, app = shared
    result = app.process(world.upload(f"in/{name}", data))
    assert result.status == "decided"
    assert result.record is not None
    assert decode(encode(result.record)) == result.record
