"""Which files a command line names, and what in its folders is none."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from customhouse.errors import ConfigError

STDIN = Path("-")
_KINDS = {stat.S_IFREG: "file", stat.S_IFLNK: "link", stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket"}


@dataclass(frozen=True, slots=True)
class Named:
    """The files in their order, each once, and how many links, pipes, sockets and devices stand beside them."""

    files: tuple[Path, ...]
    others: Counter[str]


def named(paths: Iterable[Path]) -> Named:
    """The files among `paths` and in folders among them; ConfigError for what is neither, or cannot be looked at.

    A path that is a link is followed, and `-` is standard input; links in folders are counted, not followed.
    """
    others: Counter[str] = Counter()
    files = dict.fromkeys(file for path in paths for file in _named(path, others))
    return Named(tuple(files), others)


def _named(path: Path, others: Counter[str]) -> Iterator[Path]:
    if path == STDIN:
        yield path
        return
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such file or folder; name one that exists") from error
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; name a file or folder that can be read") from error
    if stat.S_ISDIR(mode):
        yield from sorted(_walk(path, others))
    elif stat.S_ISREG(mode):
        yield path
    else:
        raise ConfigError(f"{path}: neither file nor folder; what comes through a pipe is read as - (standard input)")


def _walk(folder: Path, others: Counter[str]) -> Iterator[Path]:
    def refuse(error: OSError) -> NoReturn:
        raise ConfigError(f"{error.filename}: {error.strerror}; name folders that can be read")

    for at, folders, names in os.walk(folder, onerror=refuse):
        others["link"] += sum(Path(at, name).is_symlink() for name in folders)
        for path in (Path(at, name) for name in names):
            if (kind := _kind(path)) == "file":
                yield path
            else:
                others[kind] += 1


def _kind(path: Path) -> str:
    try:
        return _KINDS.get(stat.S_IFMT(path.lstat().st_mode), "device")
    except OSError:
        return "file"  # whoever opens it says why it cannot be read
