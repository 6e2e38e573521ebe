"""A dozen artifacts, good and bad, built in code; what would alarm a scanner is put together from pieces."""

from __future__ import annotations

import base64
import binascii
import gzip
import hashlib
import importlib.util
import io
import os
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import zstandard

MEMBERS = 2_000
"""The demonstration's limit of members; the packaged policy's 100,000 take a minute of uploads and inspections."""
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}" + b"$EICAR-STANDARD-" + b"ANTIVIRUS-TEST-FILE!$H+H*"


@dataclass(frozen=True)
class Artifact:
    """A file to upload under `key`, and the verdict that it must get."""

    key: str
    data: bytes
    expected: str


def build() -> Iterator[Artifact]:
    """Every artifact of the demonstration."""
    yield from _good()
    yield from _bad()
    yield from _unseen()


def _good() -> Iterator[Artifact]:
    package = {"package/package.json": b'{"name": "left-right", "version": "1.0.0", "license": "MIT"}\n'}
    javascript = {"package/index.js": b"module.exports = (left, right) => left + right;\n"}
    manifest = {"META-INF/MANIFEST.MF": b"Manifest-Version: 1.0\r\nCreated-By: 21\r\n\r\n"}
    java_class = {"org/example/App.class": bytes.fromhex("cafebabe00000041000100000000000000000000")}
    report = {"report.csv": b"name,count\nada,1\n", "notes/readme.txt": b"Nothing to see here.\n"}
    wheel_key, wheel_data = _real_wheel()
    yield Artifact(f"python/{wheel_key}", wheel_data, "clean")
    yield Artifact("npm/left-right-1.0.0.tgz", gzip.compress(_tar(package | javascript)), "clean")
    yield Artifact("maven/app-1.0.jar", _zip(manifest | java_class), "clean")
    yield Artifact("vendor/Q4 report + ü%2B.zip", _zip(report), "clean")
    yield Artifact("vendor/dataset.tar.zst", zstandard.compress(_tar(report)), "clean")
    yield Artifact("vendor/settings.json", b'{"colour": "blue"}\n', "clean")


def _bad() -> Iterator[Artifact]:
    nested = _tar({"build/tools.zip": _zip({"bin/setup.com": EICAR})})
    token = f'TOKEN = "{_token()}"\n'.encode()
    yield Artifact("vendor/tools.tar.gz", gzip.compress(nested), "quarantined")
    yield Artifact("vendor/traversal.zip", _zip({"../../etc/cron.d/job": b"* * * * * root true\n"}), "quarantined")
    yield Artifact("python/leaky-1.0-py3-none-any.whl", _wheel("leaky", {"leaky/config.py": token}), "quarantined")


def _unseen() -> Iterator[Artifact]:
    many = {f"{number:06d}.txt": b"" for number in range(MEMBERS)} | {"zz/last.com": EICAR}
    truncated = gzip.compress(_tar({"data.bin": os.urandom(20_000)}))[:-5_000]
    yield Artifact("vendor/encrypted.zip", _encrypted_zip("secret.txt", EICAR, b"password"), "held")
    yield Artifact("vendor/many.zip", _zip(many), "held")
    yield Artifact("vendor/truncated.tar.gz", truncated, "held")


def _real_wheel() -> tuple[str, bytes]:
    """The wheel of pip that every CPython carries for `venv`; one built here where a distribution took it out."""
    spec = importlib.util.find_spec("ensurepip")
    folders = [Path(spec.origin).parent / "_bundled"] if spec and spec.origin else []
    wheels = [path for folder in [*folders, Path("/usr/share/python-wheels")] for path in folder.glob("pip-*.whl")]
    if wheels:
        return wheels[0].name, wheels[0].read_bytes()
    return "plain-1.0-py3-none-any.whl", _wheel("plain", {"plain/__init__.py": b"ANSWER = 42\n"})


def _wheel(name: str, files: Mapping[str, bytes]) -> bytes:
    info = f"{name}-1.0.dist-info"
    metadata = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: demo\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    members = dict(files) | metadata
    lines = [f"{path},sha256={_record_hash(data)},{len(data)}" for path, data in members.items()]
    return _zip(members | {f"{info}/RECORD": "\n".join([*lines, f"{info}/RECORD,,", ""]).encode()})


def _record_hash(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def _zip(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return buffer.getvalue()


def _tar(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def _token() -> str:
    """A GitHub token as GitHub makes them: 30 random characters and their checksum in base 62."""
    secret = "".join(BASE62[byte % 62] for byte in os.urandom(30))
    checksum, digits = binascii.crc32(secret.encode()), ""
    for _ in range(6):
        checksum, digit = divmod(checksum, 62)
        digits = BASE62[digit] + digits
    return "ghp" + "_" + secret + digits


def _encrypted_zip(name: str, data: bytes, password: bytes) -> bytes:
    """A zip with one stored member under traditional PKWARE encryption (APPNOTE 6.1): zipfile only reads those."""
    checksum = binascii.crc32(data)
    hidden = _zip_crypto(os.urandom(11) + bytes([checksum >> 24]) + data, password)
    plain = io.BytesIO()
    with zipfile.ZipFile(plain, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), hidden)
    raw = bytearray(plain.getvalue())
    for header, flags, crc, size in ((0, 6, 14, 22), (raw.index(b"PK\x01\x02"), 8, 16, 24)):
        raw[header + flags] |= 1
        raw[header + crc : header + crc + 4] = checksum.to_bytes(4, "little")
        raw[header + size : header + size + 4] = len(data).to_bytes(4, "little")
    return bytes(raw)


def _zip_crypto(data: bytes, password: bytes) -> bytes:
    keys = [0x12345678, 0x23456789, 0x34567890]

    def step(crc: int, byte: int) -> int:
        return binascii.crc32(bytes([byte]), crc ^ 0xFFFFFFFF) ^ 0xFFFFFFFF

    def update(byte: int) -> None:
        keys[0] = step(keys[0], byte)
        keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = step(keys[2], keys[1] >> 24)

    for byte in password:
        update(byte)
    hidden = bytearray()
    for byte in data:
        key = (keys[2] | 2) & 0xFFFF
        hidden.append(byte ^ (((key * (key ^ 1)) >> 8) & 0xFF))
        update(byte)
    return bytes(hidden)
