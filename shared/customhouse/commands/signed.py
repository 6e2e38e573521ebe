"""Files on this machine with what stands beside them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from customhouse.inspect import Limits, inspect
from customhouse.inspect.names import printable
from customhouse.model import Inspection, Location
from customhouse.scanners import Scanner
from customhouse.signatures.beside import Beside, Surroundings
from customhouse.signatures.judge import SCANNER, itself

if TYPE_CHECKING:
    from customhouse.scanners.signatures import Signatures


def inspect_file(path: Path, scanners: Sequence[Scanner], limits: Limits) -> Inspection:
    """Inspect a file, and judge it with the signatures beside it where the policy asks; links are not followed."""
    asked = next((cast("Signatures", one) for one in scanners if one.name == SCANNER), None)
    with path.open("rb") as file:
        return _inspect(path, file, scanners, limits) if asked is None else _signed(path, file, scanners, limits, asked)


def _signed(path: Path, file: BinaryIO, scanners: Sequence[Scanner], limits: Limits, asked: Signatures) -> Inspection:
    key, shown = path.as_posix(), printable(path.name)
    if asked.names.about(key):
        return itself(_inspect(path, file, scanners, limits), _beside(path, asked.largest), shown, asked.names)
    rule = asked.rule(key)
    if rule is None:
        return _inspect(path, file, scanners, limits)
    files = _there(asked.names.beside(key), asked.largest)
    for one in _there(asked.names.lists(key), asked.largest):
        signatures = _there(asked.names.signing((path.parent / one.location.key).as_posix()), asked.largest)
        files.append(replace(one, signatures=tuple(signatures)))
    around = Surroundings(tuple(files))
    inspection = _inspect(path, file, scanners, limits, asked.needs(key, around))
    return asked.judge(inspection, rule, shown, {}).apply(inspection, around)


def _inspect(
    path: Path, file: BinaryIO, scanners: Sequence[Scanner], limits: Limits, digests: set[str] | None = None
) -> Inspection:
    wanted = {"sha256", *(digests or ())}
    return inspect(path.name, (), scanners, limits, size=path.stat().st_size, file=file, digests=wanted)


def _there(names: Collection[str], most: int) -> list[Beside]:
    return [_beside(one, most) for one in map(Path, sorted(names)) if one.is_file() and not one.is_symlink()]


def _beside(path: Path, most: int) -> Beside:
    location = Location(f"file://{path.parent.absolute().as_posix()}", path.name)
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        return Beside(location, None, error.strerror or "not readable")
    return Beside(location, data) if len(data) <= most else Beside(location, None, f"larger than {most:,} bytes")
