"""Identical bytes are inspected once: what was learned of them is kept under their digest."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

from customhouse import __version__
from customhouse.errors import Gone
from customhouse.inspect import Limits, inspect
from customhouse.inspect.limits import Budget
from customhouse.inspect.names import printable
from customhouse.inspect.spool import Intake, Spool
from customhouse.model import Finding, Inspection, Location, Package, Skip, SkipReason
from customhouse.ports import Body, Store
from customhouse.scanners import Scanner

_Fact = TypeVar("_Fact", Finding, Package, Skip)
_TELLING = ("*.py", "*.txt", "*.toml", "*.yar", "*.yaml", "*.json")
_PASSING = {SkipReason.ENGINE, SkipReason.TIMEOUT}
"""Skips that another attempt may not meet: an inspection with one of them is not kept."""


@dataclass(frozen=True, slots=True)
class Inspections:
    """Stored inspections of one deployment, under `prefix` of one store.

    They are looked up where that can pay: from `least` bytes on, below which inspecting costs less than asking, up to
    `most` bytes where the store does not say the SHA-256 and the bytes are set aside while they are hashed.
    """

    store: Store
    prefix: str = ""
    least: int = 1 << 20
    most: int = 256 << 20

    def inspect(
        self,
        body: Body,
        scanners: Sequence[Scanner],
        limits: Limits,
        options: Mapping[str, Mapping[str, object]],
    ) -> Inspection:
        """Inspect the object, or take the inspection of the same bytes under the same name, engines and settings.

        What an artifact is does not depend on the folder it was uploaded to, so only the last part of its key counts.
        `options` are those of the scanners, as the policy has them. Errors as `inspect` and the store raise them.
        """
        key = body.stat.location.key
        name = key.rpartition("/")[2]
        once = _Once(self, name, body, scanners, limits, options)
        return _named(once.inspection(), key, printable(key[: len(key) - len(name)]))

    def find(self, key: str) -> Inspection | None:
        """What is known under a key, if anything; a document that does not read is nothing."""
        try:
            with self.store.read(Location(self.store.root, self._path(key))) as body:
                return msgspec.json.decode(b"".join(body), type=Inspection)
        except (Gone, msgspec.MsgspecError):
            return None

    def keep(self, key: str, inspection: Inspection) -> None:
        """Remember an inspection, unless another attempt could see more."""
        if not any(skip.reason in _PASSING for skip in inspection.coverage.skipped):
            self.store.put(self._path(key), msgspec.json.encode(inspection), content_type="application/json")

    def _path(self, key: str) -> str:
        return f"{self.prefix}inspections/{key[:2]}/{key}.json"


@dataclass(frozen=True, slots=True)
class _Once:
    """One object on its way to an inspection."""

    kept: Inspections
    name: str
    body: Body
    scanners: Sequence[Scanner]
    limits: Limits
    options: Mapping[str, Mapping[str, object]]

    def inspection(self) -> Inspection:
        stat = self.body.stat
        if stat.size < self.kept.least:
            return self._fresh()
        if sha256 := stat.digests.get("sha256"):
            return self._known_or_kept(sha256, self._fresh)
        return self._set_aside() if stat.size <= min(self.kept.most, self.limits.disk // 2) else self._fresh()

    def _fresh(self, file: BinaryIO | None = None) -> Inspection:
        stat = self.body.stat
        return inspect(self.name, self.body, self.scanners, self.limits, size=stat.size, file=file, expect=stat.digests)

    def _set_aside(self) -> Inspection:
        """Hash first, so that known bytes are not inspected: still one pass over the network."""
        stat, budget = self.body.stat, Budget(self.limits)
        intake = Intake(self.body, {"sha256", *stat.digests}, budget)
        with Spool(budget) as spool:
            file = spool.fill(intake).file
            sha256 = intake.finish(stat.digests)["sha256"]
            return self._known_or_kept(sha256, lambda: self._fresh(file))

    def _known_or_kept(self, sha256: str, fresh: Callable[[], Inspection]) -> Inspection:
        key = self._key(sha256)
        if known := self.kept.find(key):
            return known
        inspection = fresh()
        self.kept.keep(key, inspection)
        return inspection

    def _key(self, sha256: str) -> str:
        """Everything an inspection depends on."""
        engines = {scanner.name: scanner.version for scanner in self.scanners}
        parts = [looking(), sha256, self.body.stat.size, self.name, engines, self.limits, self.options]
        text = msgspec.json.encode(parts, order="sorted", enc_hook=str)
        return hashlib.sha256(text).hexdigest()


@functools.cache
def looking(root: Path = Path(__file__).parents[1]) -> str:
    """What identifies the code and rules that look: what changes in them makes other inspections, release or not."""
    digest = hashlib.sha256(__version__.encode())
    for package in ("inspect", "scanners"):
        folder = root / package
        for file in sorted(path for ending in _TELLING for path in folder.rglob(ending)):
            digest.update(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _named(inspection: Inspection, name: str, folder: str) -> Inspection:
    """The inspection as that of the artifact `name`, whose members are found in `folder`."""
    coverage = inspection.coverage
    return dataclasses.replace(
        inspection,
        name=name,
        findings=_under(folder, inspection.findings),
        packages=_under(folder, inspection.packages),
        coverage=dataclasses.replace(coverage, skipped=_under(folder, coverage.skipped)),
    )


def _under(folder: str, facts: Iterable[_Fact]) -> tuple[_Fact, ...]:
    return tuple(dataclasses.replace(fact, member=folder + fact.member) for fact in facts)
