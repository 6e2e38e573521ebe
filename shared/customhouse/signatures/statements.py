"""In-toto statements inside verified envelopes: what they are about, and SLSA provenance. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec
from packaging.utils import parse_sdist_filename, parse_wheel_filename

from customhouse.errors import Malformed
from customhouse.signatures.names import base

PUBLISH = "https://docs.pypi.org/attestations/publish/v1"
_SIGNATURES = frozenset({PUBLISH, "https://sigstore.dev/cosign/sign/v1"})
_PROVENANCE = "https://slsa.dev/provenance/"
_TYPES = frozenset({"https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"})
_SOURCES = (
    ("buildDefinition", "externalParameters", "workflow", "repository"),
    ("buildDefinition", "externalParameters", "sourceToBuild", "repository"),
    ("buildDefinition", "externalParameters", "buildConfigSource", "repository"),
    ("buildDefinition", "externalParameters", "source", "uri"),
    ("buildDefinition", "externalParameters", "source"),
    ("invocation", "configSource", "uri"),
)
"""Where build types say what was built. Dependencies do not count: whoever builds chooses them."""
_BUILDERS = (("runDetails", "builder", "id"), ("builder", "id"))


class _Subject(msgspec.Struct, frozen=True):
    digest: dict[str, str]
    name: str | None = None


class _Statement(msgspec.Struct, frozen=True):
    type: str = msgspec.field(name="_type")
    predicate_type: str = msgspec.field(name="predicateType")
    subject: list[_Subject]
    predicate: dict[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that somebody signed: subjects by SHA-256 with their names, predicate type and predicate."""

    predicate_type: str
    subjects: tuple[tuple[str, str], ...]
    predicate: Mapping[str, object]

    @property
    def kind(self) -> str:
        """`signature` for what says no more than "this is mine", `provenance`, or `attestation` for all else."""
        if self.predicate_type.startswith(_PROVENANCE):
            return "provenance"
        return "signature" if self.predicate_type in _SIGNATURES else "attestation"

    @property
    def builders(self) -> tuple[str, ...]:
        """Who built it, as provenance of SLSA 0.2 and 1 says."""
        return tuple(_texts(self.predicate, _BUILDERS))

    @property
    def sources(self) -> tuple[str, ...]:
        """What it was built from, as far as the build type is known."""
        return tuple(_texts(self.predicate, _SOURCES))

    def names(self, sha256: str, key: str) -> bool:
        """Whether it is about these bytes; what is said to an index (PEP 740) holds for one distribution's name."""
        names = [name for digest, name in self.subjects if digest == sha256]
        if self.predicate_type != PUBLISH:
            return bool(names)
        return len(self.subjects) == 1 and any(_distribution(name) == _distribution(base(key)) for name in names)


def parse(payload: bytes) -> Statement:
    """A statement; Malformed where the payload is none."""
    try:
        found = msgspec.json.decode(payload, type=_Statement)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise Malformed("the signed text is no in-toto statement") from error
    if found.type not in _TYPES:
        raise Malformed("an in-toto statement of an unknown version")
    subjects = tuple((subject.digest.get("sha256", ""), subject.name or "") for subject in found.subject)
    return Statement(found.predicate_type, subjects, found.predicate or {})


def _distribution(name: str) -> object:
    """What a distribution's file name means, however it is spelled (PEP 427, PEP 625)."""
    try:
        return parse_wheel_filename(name) if name.endswith(".whl") else parse_sdist_filename(name)
    except ValueError:
        return name


def _texts(predicate: Mapping[str, object], paths: tuple[tuple[str, ...], ...]) -> Iterator[str]:
    for path in paths:
        value: object = predicate
        for part in path:
            value = value.get(part) if isinstance(value, Mapping) else None
        if isinstance(value, str):
            yield value
