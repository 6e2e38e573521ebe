"""What the scanners' benchmark reads: trees of files, an unpacked image, pickles, models, an index, signed files."""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import json
import os
import pickle
import random
import shutil
import struct
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.signatures.authority import ISSUER, Authority

from bench import _inputs as inputs
from bench.packages import built
from customhouse.stores import open_store
from customhouse.vulnerabilities.library import Library

WORK = Path(__file__).resolve().parents[1] / "build" / "bench"
MEGABYTES = min(100, int(os.environ.get("CUSTOMHOUSE_BENCH_MIB", "100")))
LARGEST = 1_000_000
RECORDS = 100_000
SIGNED = 300
SHARES = {"programs": 320e6, "text": 60e6, "small": 20e6}
"""Bytes of ordinary files that malware rules look at: programs of a megabyte and more, texts, texts below 3 KB."""


def emptied(name: str) -> Path:
    """The folder of that name, with nothing in it."""
    folder = WORK / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def installed_files() -> Iterator[Path]:
    """Files of the packages installed here, text and programs as they come, until there are enough."""
    total = 0
    for path in sorted(Path(sysconfig.get_path("purelib")).rglob("*")):
        if total < MEGABYTES * 1e6 and path.is_file() and not path.is_symlink() and path.stat().st_size <= LARGEST:
            total += path.stat().st_size
            yield path


def tree() -> Path:
    """The files side by side."""
    folder = emptied("tree")
    for number, path in enumerate(installed_files()):
        shutil.copyfile(path, folder / f"{number:06}{path.suffix}")
    return folder


def ordinary() -> Path:
    """Programs, texts and small files of this machine, as much as `SHARES` says or there is."""
    folder = emptied("ordinary")
    texts = inputs.texts()
    sources = {"programs": inputs.programs(), "text": inputs.texts(inputs.SMALL_LEAST), "small": texts}
    numbers = itertools.count()
    for kind, source in sources.items():
        left = SHARES[kind] * MEGABYTES / 100
        for name, data in source:
            if kind == "small" and len(data) >= inputs.SMALL_LEAST:
                continue
            if left < len(data):
                break
            left -= len(data)
            (folder / f"{kind}-{next(numbers):06}-{name}").write_bytes(data)
    return folder


def image() -> Path:
    """What an image holds once it is unpacked: Debian's list of packages, and Python packages in their folders."""
    folder = emptied("image")
    source = Path(sysconfig.get_path("purelib"))
    for path in installed_files():
        target = folder / "usr/lib/python3/dist-packages" / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    for path in (Path("/var/lib/dpkg/status"), Path("/etc/os-release")):
        if path.exists():
            target = folder / path.relative_to("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    return folder


def records(number: int) -> object:
    """Plain data."""
    return {"id": number, "name": f"record number {number}", "tags": ["a", str(number)], "value": number / 7}


def dates(number: int) -> object:
    """An object of a class, made by a call."""
    return {"id": number, "at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=number)}


def mixture(number: int) -> object:
    """Objects of changing shapes: what is learned of one says nothing of the next."""
    return [dates(number), records(number), {number % 97: (number,) * (number % 5)}, dt.timedelta(number)][
        : number % 4 + 1
    ]


def pickles(make: Callable[[int], object]) -> Path:
    """A folder with one large pickle."""
    folder = emptied(f"pickles-{make.__name__}")
    with (folder / "data.pkl").open("wb") as file:
        pickle.dump([make(number) for number in range(RECORDS)], file, 4)
    return folder


def models() -> Path:
    """One of each format: many tensors, a long vocabulary, a graph of many nodes, weights in HDF5."""
    folder, chance = emptied("models"), random.Random(5)  # noqa: S311 -- test data, no cryptography
    header = {
        f"layer.{n}": {"dtype": "F32", "shape": [64], "data_offsets": [256 * n, 256 * n + 256]} for n in range(40_000)
    }
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + bytes(256 * 40_000))
    words = b"".join(_string(b"token%d" % n) for n in range(150_000))
    metadata = _string(b"tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, 150_000) + words
    (folder / "model.gguf").write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + metadata + bytes(1 << 20))
    nodes = b"".join(_field(1, _field(1, b"n%d" % n) + _field(2, b"MatMul") + bytes(0)) for n in range(60_000))
    (folder / "saved_model.pb").write_bytes(_field(2, _field(2, nodes)))
    (folder / "model.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + chance.randbytes(40 << 20))
    return folder


def _string(data: bytes) -> bytes:
    return struct.pack("<Q", len(data)) + data


def _field(number: int, data: bytes) -> bytes:
    size, out = len(data), b""
    while size > 127:
        out, size = out + bytes([size & 127 | 128]), size >> 7
    return bytes([number << 3 | 2]) + out + bytes([size]) + data


def index() -> str:
    """The URL of an index of known vulnerabilities, in a folder."""
    url = f"file://{emptied('index')}"
    built(Library(open_store(url)), lambda _: "5.0.0")
    return url


def signed() -> Path:
    """A folder with a trust root, and files with a bundle beside each."""
    folder, authority = emptied("signed"), Authority()
    signer = authority.signer()
    (folder / "policy.json").write_text(json.dumps(_policy(authority)))
    for number in range(SIGNED):
        data = hashlib.sha256(b"%d" % number).digest() * 1000
        (folder / f"{number}.whl").write_bytes(data)
        (folder / f"{number}.whl.sigstore.json").write_text(json.dumps(authority.sign_bytes(data, signer)))
    return folder


def _policy(authority: Authority) -> dict[str, object]:
    identities = [{"issuer": ISSUER, "subject": "https://github.com/acme/*"}]
    rule = {"name": "*.whl", "require": ["signature"], "identities": identities}
    return {"rules": [rule], "trust_root": authority.trust_root()}
