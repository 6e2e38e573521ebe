"""Whether the three clouds did the same right thing: pure, over the rows of results.json."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

CLOUDS: tuple[Literal["aws", "gcp", "azure"], ...] = ("aws", "gcp", "azure")
PLACES = {"clean": "released", "quarantined": "quarantine", "held": "intake"}
"""Which bucket an artifact with this verdict must lie in."""


@dataclass(frozen=True)
class Row:
    """One artifact on one cloud: `tags` and `location` as the cloud's own SDK tells them afterwards."""

    cloud: str
    artifact: str
    verdict: str
    rule: str
    tags: Mapping[str, str]
    location: str
    ms: int


def problems(rows: Sequence[Row], expected: Mapping[str, str]) -> list[str]:
    """One line per thing that is wrong or that the clouds disagree on; empty when all is well."""
    found = {(row.cloud, row.artifact): row for row in rows}
    missing = [
        f"{artifact} on {cloud}: no result"
        for artifact in expected
        for cloud in CLOUDS
        if (cloud, artifact) not in found
    ]
    wrong = [line for row in rows for line in _wrong(row, expected.get(row.artifact, ""))]
    return missing + wrong + [line for artifact in expected for line in _disagreement(artifact, rows)]


def _wrong(row: Row, expected: str) -> Iterator[str]:
    name = f"{row.artifact} on {row.cloud}"
    if row.verdict != expected:
        yield f"{name}: {row.verdict}, expected {expected}"
    if row.tags.get("customhouse-verdict") != row.verdict:
        yield f"{name}: {row.verdict} by its record, {row.tags.get('customhouse-verdict')} by its tag"
    place = PLACES.get(row.verdict, "")
    if f"/{place}/" not in row.location:
        yield f"{name}: {row.verdict}, but it lies in {row.location}"


def _disagreement(artifact: str, rows: Sequence[Row]) -> Iterator[str]:
    answers = sorted({f"{row.verdict} ({row.rule})" for row in rows if row.artifact == artifact})
    if len(answers) > 1:
        yield f"{artifact}: the clouds disagree: {', '.join(answers)}"
