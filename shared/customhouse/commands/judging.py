"""Files on this machine, inspected and judged one after the other."""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from customhouse.app import engines, library
from customhouse.commands import show
from customhouse.commands.files import STDIN, named
from customhouse.commands.signed import inspect_file
from customhouse.errors import ConfigError, Transient
from customhouse.inspect import inspect
from customhouse.inspect.names import printable
from customhouse.model import Coverage, Inspection, Location, Skip, SkipReason
from customhouse.policy.decide import decide
from customhouse.policy.load import Loaded, default
from customhouse.policy.load import load as load_policy
from customhouse.report.result import Judged
from customhouse.scanners import Scanner
from customhouse.stores import open_store

_PIECE = 1 << 20


def judge(paths: Iterable[Path], policy: Path | None, *, quiet: bool) -> Iterator[Judged]:
    """Every file that `paths` name, as it is done; what is passed over is told on standard error."""
    loaded = read_policy(policy)
    scanners = engines(loaded.policy, library(loaded.policy, open_store))
    found = named(paths)
    show.passed_over(found)
    for path in show.progress(found.files, str, quiet=quiet):
        yield _judge(path, loaded, scanners)


def read_policy(path: Path | None) -> Loaded:
    """The policy at `path`, or the packaged one."""
    return default() if path is None else load_policy(read(path).decode("utf-8", "replace"), str(path))


def read(path: Path) -> bytes:
    """A file that has to be there."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; name a file that can be read") from error


def _judge(path: Path, loaded: Loaded, scanners: Sequence[Scanner]) -> Judged:
    try:
        inspection = _standard_input(loaded, scanners) if path == STDIN else inspect_file(path, scanners, loaded.limits)
    except OSError as error:
        inspection = _unread(path, error.strerror or str(error))
    except Transient as error:
        inspection = _unread(path, f"changed while it was read: {error}")
    today = dt.datetime.now(dt.UTC).date()
    decision = decide(loaded.policy, inspection, str(path), today)
    beside = tuple(replace(one, location=_utf8(one.location)) for one in inspection.signatures)
    return Judged(_utf8_text(str(path)), replace(inspection, signatures=beside), decision)


def _standard_input(loaded: Loaded, scanners: Sequence[Scanner]) -> Inspection:
    return inspect(str(STDIN), iter(lambda: sys.stdin.buffer.read(_PIECE), b""), scanners, loaded.limits)


def _unread(path: Path, why: str) -> Inspection:
    skip = Skip(printable(path.name), SkipReason.UNSUPPORTED, why)
    return Inspection(printable(path.name), "unread", 0, {}, (), (), Coverage(1, 0, 0, (skip,)))


def _utf8(location: Location) -> Location:
    return Location(_utf8_text(location.root), _utf8_text(location.key))


def _utf8_text(name: str) -> str:
    """A name may be of any bytes, a report is UTF-8."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
