"""What the inspection benchmark reads: YARA rules, a mixed tar, noise, archives of small files, hostile files."""

from __future__ import annotations

import io
import os
import random
import sys
import sysconfig
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import zstandard
from tests.inspect.support import block, nested, zipped

MIB = 1 << 20
SMALL_FILES = 6_600
SMALL_LEAST = 3_000
"""Bytes: with it the files have 15 KB on average, as those of source archives."""
RULES = 1_000
SHARES = {"programs": 0.91, "wheels": 0.03, "jars": 0.03, "text": 0.03}
"""What the mixed tar holds, in parts of its bytes."""
_TEXT = {".py", ".pyi", ".txt", ".md", ".rst", ".json", ".js", ".ts", ".h", ".hpp", ".c", ".yaml", ".toml", ".html"}
_FOLDERS = {
    "programs": [Path(sys.base_prefix), Path("/usr/bin"), Path("/usr/lib"), Path("/usr/local")],
    "jars": [Path.home() / ".m2", Path("/usr/share/java"), Path("/usr/lib/jvm"), Path("/usr/share/maven-repo")],
    "text": [Path(sysconfig.get_path("stdlib")), Path(sysconfig.get_path("purelib")), Path("/usr/include")],
}
_WORDS = ["load", "init", "exec", "token", "shell", "drop", "cache", "remote", "config", "handler", "buffer", "stage"]


def rules(folder: Path, count: int = RULES) -> Path:
    """Rules like those of the public sets: plain, wide and caseless strings, hex with gaps, regexes, file headers."""
    chance = random.Random(1)  # noqa: S311 -- test data, no cryptography
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "generated.yar"
    path.write_text("\n".join(_rule(number, chance) for number in range(count)), encoding="ascii")
    return path


def _rule(number: int, chance: random.Random) -> str:
    def word() -> str:
        return f"{chance.choice(_WORDS)}_{chance.choice(_WORDS)}_{chance.randrange(16**6):06x}"

    gap = chance.choice(["??", "[2-6]", "?? ?? ??"])
    code = f"{chance.randbytes(6).hex(' ')} {gap} {chance.randbytes(6).hex(' ')}"
    strings = [
        f'$a = "{word()}"',
        f'$b = "{word()}" {chance.choice(["wide", "ascii wide", "nocase", "fullword"])}',
        f"$c = {{ {code} }}",
        f"$d = /{word()}[a-z0-9]{{4,12}}\\.(exe|dll|so)/",
    ]
    kept = chance.sample(strings, chance.choice([2, 3, 4]))
    wanted = chance.choice(["any of them", "any of them", "2 of them", "all of them"])
    header = chance.choice(["", "", "", "uint16(0) == 0x5a4d and filesize < 5MB and "])
    lines = "\n    ".join(kept)
    return f"rule generated_{number}\n{{\n  strings:\n    {lines}\n  condition:\n    {header}{wanted}\n}}\n"


def mixed(path: Path, size: int) -> dict[str, int]:
    """A tar of `size` bytes: large programs of this machine, wheels, jars and text; bytes by kind."""
    sources = {"programs": programs(), "wheels": _wheels(), "jars": _jars(), "text": texts(SMALL_LEAST)}
    got = dict.fromkeys(sources, 0)
    with tarfile.open(path, "w") as archive:
        for kind, source in sources.items():
            room = int(size * SHARES[kind]) if kind != "programs" else 0
            _fill(archive, kind, source, room, got)
        _fill(archive, "programs", sources["programs"], size - sum(got.values()), got)
    return got


def _fill(
    archive: tarfile.TarFile, kind: str, source: Iterator[tuple[str, bytes]], room: int, got: dict[str, int]
) -> None:
    for number, (name, data) in enumerate(source):
        if got[kind] + len(data) > room:
            if room - got[kind] < MIB:
                return
            continue
        info = tarfile.TarInfo(f"{kind}/{number}/{name}")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
        got[kind] += len(data)


def _files(kind: str, least: int, most: int) -> Iterator[Path]:
    """Regular files of the machine, each once, in a fixed order."""
    for folder in _FOLDERS[kind]:
        for root, folders, names in os.walk(folder):
            folders.sort()
            for name in sorted(names):
                path = Path(root, name)
                if not path.is_symlink() and path.is_file() and least <= path.stat().st_size <= most:
                    yield path


def programs() -> Iterator[tuple[str, bytes]]:
    """Large programs and libraries of this machine."""
    for path in _files("programs", MIB, 256 * MIB):
        if os.access(path, os.R_OK) and (data := path.read_bytes()).startswith((b"\x7fELF", b"MZ", b"!<arch>")):
            yield path.name, data


def _jars() -> Iterator[tuple[str, bytes]]:
    return ((path.name, path.read_bytes()) for path in _files("jars", 1, 64 * MIB) if path.suffix == ".jar")


def texts(least: int = 1) -> Iterator[tuple[str, bytes]]:
    """Its text files of so many bytes and more."""
    return ((path.name, path.read_bytes()) for path in _files("text", least, MIB) if path.suffix in _TEXT)


def _wheels() -> Iterator[tuple[str, bytes]]:
    """The installed distributions, packed again."""
    for found in sorted(metadata.distributions(), key=lambda one: one.name):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in found.files or ():
                path = Path(str(found.locate_file(file)))
                if ".." not in file.parts and path.suffix != ".pyc" and path.is_file():
                    archive.writestr(str(file), path.read_bytes())
        yield f"{found.name}-{found.version}-py3-none-any.whl", buffer.getvalue()


def noise(path: Path, size: int) -> None:
    """Bytes that nothing packs."""
    with path.open("wb") as file:
        for _ in range(size // MIB):
            file.write(os.urandom(MIB))


def small_files(folder: Path, count: int = SMALL_FILES) -> tuple[dict[str, Path], int]:
    """Archives of as many text files by format, and the bytes in those files."""
    files = [item for _, item in zip(range(count), texts(SMALL_LEAST), strict=False)]
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for number, (name, data) in enumerate(files):
            info = tarfile.TarInfo(f"{number // 100}/{number}-{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    paths = {name: folder / f"small.{name}" for name in ("tar.gz", "tar.zst", "zip")}
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    paths["tar.gz"].write_bytes(packer.compress(plain.getbuffer()) + packer.flush())
    paths["tar.zst"].write_bytes(zstandard.ZstdCompressor(level=3).compress(plain.getbuffer()))
    with zipfile.ZipFile(paths["zip"], "w", zipfile.ZIP_DEFLATED) as packed:
        for number, (name, data) in enumerate(files):
            packed.writestr(f"{number // 100}/{number}-{name}", data)
    return paths, sum(len(data) for _, data in files)


def sparse(path: Path, size: int) -> None:
    """A file of zeros that takes no room."""
    with path.open("wb") as file:
        file.truncate(size)


def bombs(folder: Path) -> dict[str, Path]:
    """One hostile file for each class, small on disk, large where nobody counts."""
    made = {
        "ratio.zip": zipped(("zeros", bytes(1024 * MIB))),
        "flat.gz": _gzip_of_zeros(4096),
        "flat.zst": zstandard.ZstdCompressor().compress(bytes(2048 * MIB)),
        "overlap.zip": _overlap(250),
        "depth.zip": nested(40, b"x"),
        "wide.zip": _wide(5, 8),
        "members.zip": zipped(*((str(number), b"") for number in range(150_000))),
        "sparse.tar": _sparse_tar(),
        "directory.tar": b"".join(block(b"f%d" % number) for number in range(150_000)) + bytes(1024),
    }
    paths = {}
    for name, data in made.items():
        paths[name] = folder / name
        paths[name].write_bytes(data)
    return paths


def _gzip_of_zeros(mebibytes: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(bytes(MIB)) for _ in range(mebibytes)) + packer.flush()


def _overlap(count: int) -> bytes:
    """Every directory entry points at the one member (as in D. Fifield's bombs, in their simplest form)."""
    one = zipped(("a", bytes(16 * MIB)))
    start = one.index(b"PK\1\2")
    central = one[start : one.index(b"PK\5\6")]
    entries = b"".join(central[:46] + b"%c" % (97 + number % 26) + central[47:] for number in range(count))
    sizes = count.to_bytes(2, "little") * 2 + len(entries).to_bytes(4, "little") + start.to_bytes(4, "little")
    return one[:start] + entries + b"PK\5\6" + bytes(4) + sizes + bytes(2)


def _wide(depth: int, width: int) -> bytes:
    """Zips of zips: `width` to the power of `depth` times 16 MiB of zeros."""
    data = bytes(16 * MIB)
    for _ in range(depth):
        data = zipped(*((f"{number}.zip", data) for number in range(width)))
    return data


def _sparse_tar() -> bytes:
    """A GNU sparse member of 1 TiB in 512 bytes."""
    head = bytearray(block(b"sparse", size=512, flag=b"S", magic=b"ustar  \0"))
    head[386:410] = b"%011o\0" % 0 + b"%011o\0" % 512
    head[483:495] = b"\x80" + (1 << 40).to_bytes(11, "big")
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + bytes(512) + bytes(1024)
