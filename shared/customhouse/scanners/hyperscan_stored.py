"""Compiled databases on disk: those that a build put beside the rules, and the user's own cache of the others."""

from __future__ import annotations

import contextlib
import os
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path

import hyperscan

from customhouse import __version__
from customhouse.scanners.hyperscan_engine import VERSION


def file_name(digest: str) -> str:
    """What the compiled database of these expressions is called: it is made by us, for an engine and a processor."""
    return f"{digest}-{__version__}-{VERSION}-{platform.machine()}.hsdb"


def database(
    folder: Path, digest: str, compiled: Callable[[], hyperscan.Database], *, caches: Path | None = None
) -> hyperscan.Database:
    """The database of the expressions with this digest: from `folder`, else from the cache, else compiled for it.

    `caches` is where the user keeps caches; the XDG base directory specification's `$XDG_CACHE_HOME`, else `~/.cache`.
    """
    name = file_name(digest)
    if found := stored(folder / name):
        return found
    cache = _private(caches)
    if cache is None:
        return compiled()
    if found := stored(cache / name):
        return found
    made = compiled()
    with contextlib.suppress(OSError):
        _put(cache, name, hyperscan.dumpb(made))
    return made


def stored(path: Path) -> hyperscan.Database | None:
    """A database that was compiled before; None where there is none, or one that this processor refuses."""
    with contextlib.suppress(OSError, hyperscan.HyperscanError):
        return hyperscan.loadb(path.read_bytes(), mode=hyperscan.HS_MODE_BLOCK)
    return None


def _private(caches: Path | None) -> Path | None:
    """Our folder there; None where nobody else may be kept from writing to it: a wrong database finds nothing."""
    with contextlib.suppress(OSError, RuntimeError):  # no home, or none that is writable: functions have neither
        folder = (caches or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")) / "customhouse"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = folder.lstat()
        if state.st_uid == os.getuid() and state.st_mode & 0o170022 == 0o040000:  # noqa: PLR2004 -- a folder, ours alone
            return folder
    return None


def _put(folder: Path, name: str, data: bytes) -> None:
    """Whole or not at all, whoever else does the same."""
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
        file.write(data)
    Path(file.name).replace(folder / name)
