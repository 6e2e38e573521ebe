"""Every kind of container that the engine knows, built around any members: what the matrix and the fuzzers wrap in."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import itertools
import json
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Sequence

import brotli
import inflate64
import py7zr
import zstandard
from lz4 import frame as lz4

from tests.inspect.support import END, Part, ar, block, cpio, deflated, entry, handmade, iso, rpm, tarred, zipped

Members = Sequence[tuple[str, bytes]]
Pack = Callable[[Members], bytes]
Wrap = Callable[[bytes, str], bytes]


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


def lzip(data: bytes) -> bytes:
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 16, "lc": 3, "lp": 0, "pb": 2}]
    packed = lzma.compress(data, lzma.FORMAT_ALONE, filters=filters)[13:]
    return b"LZIP\x01\x10" + packed + struct.pack("<IQQ", zlib.crc32(data), len(data), len(packed) + 26)


COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gz": lambda data: gzip.compress(data, mtime=0),
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE),
    "zst": zstd,
    "lz4": lambda data: lz4.compress(data, content_checksum=True),
    "lz": lzip,
    "br": lambda data: brotli.compress(data, quality=2),
    "zz": zlib.compress,
}


def _deflate64(data: bytes) -> bytes:
    packer = inflate64.Deflater()
    return bytes(packer.deflate(data) + packer.flush())


def _lzma_member(data: bytes) -> bytes:
    """Method 14 without an end mark: version, size of the properties, the properties, the stream."""
    filters = [{"id": lzma.FILTER_LZMA1, "preset": 1}]
    packed = lzma.compress(data, lzma.FORMAT_ALONE, filters=filters)
    return b"\x09\x14\x05\x00" + packed[:5] + packed[13:]


_METHODS: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "zip": (0, bytes),
    "deflate.zip": (8, deflated),
    "deflate64.zip": (9, _deflate64),
    "bzip2.zip": (12, bz2.compress),
    "lzma.zip": (14, _lzma_member),
    "zstd.zip": (93, zstd),
    "xz.zip": (95, lzma.compress),
}


def _zip(kind: str) -> Pack:
    method, packer = _METHODS[kind]
    flags = 2 if method == 14 else 0
    return lambda members: handmade(
        *(Part(name.encode(), data, method, flags, body=packer(data)) for name, data in members)
    )


def zip64(members: Members) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members:
            with archive.open(name, "w", force_zip64=True) as file:
                file.write(data)
    return buffer.getvalue()


def _tar(format_: int) -> Pack:
    return lambda members: tarred(*members, format_=format_)


def tar_v7(members: Members) -> bytes:
    return b"".join(entry(name.encode(), data, magic=bytes(8)) for name, data in members) + END


def tar_sparse(members: Members) -> bytes:
    """Each member in GNU's old sparse form, with a hole of 512 bytes behind."""
    out = bytearray()
    for name, data in members:
        head = bytearray(block(name.encode(), size=len(data), flag=b"S", magic=b"ustar  \0"))
        head[386:410] = b"%011o\0%011o\0" % (0, len(data))
        head[483:495] = b"%011o\0" % (512 + len(data))
        head[148:156] = b" " * 8
        head[148:156] = b"%06o\0 " % sum(head)
        out += bytes(head) + data + bytes(-len(data) % 512)
    return bytes(out) + END


def seven(members: Members, password: str | None = None, *, hidden: bool = False) -> bytes:
    buffer = io.BytesIO()
    with py7zr.SevenZipFile(buffer, "w", password=password, header_encryption=hidden) as archive:
        for name, data in members:
            archive.writestr(data, name)
    return buffer.getvalue()


def cpio_newc(members: Members) -> bytes:
    return cpio(*((name.encode(), data, 0o100644) for name, data in members))


def cpio_odc(members: Members) -> bytes:
    out = bytearray()
    for name, data in (*members, ("TRAILER!!!", b"")):
        raw = name.encode() + b"\0"
        out += b"070707" + b"%06o" * 7 % (0, 0, 0o100644, 0, 0, 1, 0) + b"%011o%06o%011o" % (0, len(raw), len(data))
        out += raw + data
    return bytes(out)


def cpio_binary(members: Members) -> bytes:
    out = bytearray()
    for name, data in (*members, ("TRAILER!!!", b"")):
        raw = name.encode() + b"\0"
        numbers = (0o70707, 0, 0, 0o100644, 0, 0, 1, 0, 0, 0, len(raw), len(data) >> 16, len(data) & 0xFFFF)
        out += struct.pack("<13H", *numbers) + raw + bytes(len(raw) % 2) + data + bytes(len(data) % 2)
    return bytes(out)


def rar4(members: Members, flags: int = 0) -> bytes:
    """Stored members (RAR 1.5 to 4)."""
    out = bytearray(b"Rar!\x1a\x07\0" + _rar4_block(0x73, 0, bytes(6)))
    for name, data in members:
        raw = name.encode()
        fields = struct.pack("<LLBLLBBHL", len(data), len(data), 3, zlib.crc32(data), 33, 20, 0x30, len(raw), 0o100644)
        out += _rar4_block(0x74, 0x8000 | flags, fields + raw) + data
    return bytes(out) + b"\xc4\x3d\x7b\0\x40\x07\0"


def _rar4_block(kind: int, flags: int, body: bytes) -> bytes:
    head = struct.pack("<BHH", kind, flags, 7 + len(body)) + body
    return (zlib.crc32(head) & 0xFFFF).to_bytes(2, "little") + head


def rar5(members: Members, *, encrypted: bool = False) -> bytes:
    """Stored members (RAR 5); `encrypted` puts an encryption header in front, as with encrypted names."""
    out = bytearray(b"Rar!\x1a\x07\x01\0")
    if encrypted:
        out += _rar5_block(_number(4) + _number(0) + _number(0) + _number(0) + b"\x0f" + bytes(16))
    out += _rar5_block(_number(1) + _number(0) + _number(0))
    for name, data in members:
        raw = name.encode()
        body = _number(2) + _number(2) + _number(len(data)) + _number(4) + _number(len(data)) + _number(0o100644)
        body += zlib.crc32(data).to_bytes(4, "little") + _number(0) + _number(1) + _number(len(raw)) + raw
        out += _rar5_block(body) + data
    return bytes(out) + _rar5_block(_number(5) + _number(0) + _number(0))


def _number(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def _rar5_block(body: bytes) -> bytes:
    head = _number(len(body)) + body
    return zlib.crc32(head).to_bytes(4, "little") + head


def cab(members: Members) -> bytes:
    """One folder, stored."""
    whole = b"".join(data for _, data in members)
    pieces = [whole[at : at + 32768] for at in range(0, len(whole), 32768)] or [b""]
    blocks = b"".join(struct.pack("<LHH", 0, len(piece), len(piece)) + piece for piece in pieces)
    files, offset = b"", 0
    for name, data in members:
        files += struct.pack("<LLHHHH", len(data), offset, 0, 0x21, 0, 0x20) + name.encode() + b"\0"
        offset += len(data)
    start = 36 + 8
    size = start + len(files) + len(blocks)
    head = b"MSCF" + struct.pack("<LLLLLBBHHHHH", 0, size, 0, start, 0, 3, 1, 1, len(members), 0, 0, 0)
    return head + struct.pack("<LHH", start + len(files), len(pieces), 0) + files + blocks


def deb(members: Members) -> bytes:
    tree = tarred(*((f"./{name}", data) for name, data in members))
    control = gzip.compress(tarred(("./control", b"Package: x\nVersion: 1\nArchitecture: all\n")), mtime=0)
    return ar((b"debian-binary", b"2.0\n"), (b"control.tar.gz", control), (b"data.tar.xz", lzma.compress(tree)))


def gem(members: Members) -> bytes:
    data = gzip.compress(tarred(*members), mtime=0)
    meta = gzip.compress(b"name: x\nversion: !ruby/object:Gem::Version\n  version: 1.0\n", mtime=0)
    return tarred(("metadata.gz", meta), ("data.tar.gz", data))


def conda(members: Members) -> bytes:
    parts = (("metadata.json", b"{}"), ("info-x-1-0.tar.zst", zstd(tarred(("info/index.json", b"{}")))))
    return zipped(*parts, ("pkg-x-1-0.tar.zst", zstd(tarred(*members))), method=0)


def apk_alpine(members: Members) -> bytes:
    """Two gzip streams in a row: the control segment without an end, and the data."""
    control = entry(b".PKGINFO", b"pkgname = x\npkgver = 1-r0\n")
    return gzip.compress(control, mtime=0) + gzip.compress(tarred(*members), mtime=0)


def docker_save(members: Members) -> bytes:
    layer = tarred(*members)
    manifest = b'[{"Config":"c.json","Layers":["%s/layer.tar"]}]' % (b"0" * 64)
    return tarred(("0" * 64 + "/layer.tar", layer), ("c.json", b"{}"), ("manifest.json", manifest))


def oci_layout(members: Members) -> bytes:
    layer = gzip.compress(tarred(*members), mtime=0)
    files = (("oci-layout", b'{"imageLayoutVersion":"1.0.0"}'), ("index.json", b"{}"))
    return tarred(*files, (f"blobs/sha256/{hashlib.sha256(layer).hexdigest()}", layer))


def asar(members: Members) -> bytes:
    """Electron's archive: a length in a length, a JSON list, then the members' bytes."""
    ends = itertools.accumulate(len(data) for _, data in members)
    files = {
        name: {"size": len(data), "offset": str(end - len(data))}
        for (name, data), end in zip(members, ends, strict=True)
    }
    text = json.dumps({"files": files}, separators=(",", ":")).encode()
    padded = text + bytes(-len(text) % 4)
    head = struct.pack("<4L", 4, len(padded) + 8, len(padded) + 4, len(text))
    return head + padded + b"".join(data for _, data in members)


def _named(*own: tuple[str, bytes]) -> Pack:
    return lambda members: zipped(*own, *members)


def _tgz(own: tuple[str, bytes]) -> Pack:
    """A package in a compressed tar: everything is in the one folder of its manifest."""
    folder = own[0].partition("/")[0]

    def pack(members: Members) -> bytes:
        return gzip.compress(tarred(own, *((f"{folder}/{name}", data) for name, data in members)), mtime=0)

    return pack


PACKS: dict[str, Pack] = {
    **{kind: _zip(kind) for kind in _METHODS},
    "zip64.zip": zip64,
    "tar": _tar(tarfile.PAX_FORMAT),
    "ustar.tar": _tar(tarfile.USTAR_FORMAT),
    "gnu.tar": _tar(tarfile.GNU_FORMAT),
    "v7.tar": tar_v7,
    "sparse.tar": tar_sparse,
    "7z": seven,
    "rar": rar5,
    "4.rar": rar4,
    "cab": cab,
    "cpio": cpio_newc,
    "odc.cpio": cpio_odc,
    "bin.cpio": cpio_binary,
    "a": lambda members: ar(*((name.encode() + b"/", data) for name, data in members)),
    "deb": deb,
    "rpm": lambda members: rpm(zstd(cpio_newc(members))),
    "iso": lambda members: iso(*((f"{name.upper()};1".encode(), data) for name, data in members)),
    "whl": _named(("x-1.dist-info/METADATA", b"Name: x\n"), ("x-1.dist-info/WHEEL", b"Wheel-Version: 1.0\n")),
    "jar": _named(("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\n")),
    "war": _named(("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\n"), ("WEB-INF/web.xml", b"<web-app/>")),
    "ear": _named(("META-INF/application.xml", b"<application/>")),
    "nupkg": _named(("x.nuspec", b"<package/>")),
    "apk": _named(("AndroidManifest.xml", b"\3\0\x08\0")),
    "conda": conda,
    "tgz": _tgz(("package/package.json", b'{"name":"x","version":"1.0.0"}')),
    "sdist.tar.gz": _tgz(("x-1/PKG-INFO", b"Name: x\n")),
    "crate": _tgz(("x-1/Cargo.toml.orig", b"[package]\n")),
    "chart.tgz": _tgz(("x/Chart.yaml", b"name: x\nversion: 1.0.0\n")),
    "conda.tar.bz2": lambda members: bz2.compress(tarred(("info/index.json", b"{}"), *members)),
    "gem": gem,
    "alpine.apk": apk_alpine,
    "docker.tar": docker_save,
    "oci.tar": oci_layout,
    "asar": asar,
    "crx": lambda members: b"Cr24" + struct.pack("<LL", 3, 4) + b"\x12\0\x1a\0" + zipped(*members),
    "run": lambda members: b"#!/bin/sh\ntail -n +3 $0 | tar xz\n" + gzip.compress(tarred(*members), mtime=0),
    "exe": lambda members: b"MZ" + bytes(500) + zipped(*members),
}
"""Containers of several members."""

LIBARCHIVE = frozenset({"rar", "4.rar", "cab", "bin.cpio"})
"""Containers that only a system with libarchive opens; elsewhere they are skips."""


def _inner(pack: Pack) -> Wrap:
    return lambda data, name: pack([(name, data)])


def _squeezed(packer: Callable[[bytes], bytes]) -> Wrap:
    return lambda data, name: packer(tarred((name, data)))


def _alone(packer: Callable[[bytes], bytes]) -> Wrap:
    return lambda data, _name: packer(data)


WRAPS: dict[str, Wrap] = {
    **{kind: _inner(pack) for kind, pack in PACKS.items()},
    **{f"tar.{suffix}": _squeezed(packer) for suffix, packer in COMPRESSORS.items()},
    **{suffix: _alone(packer) for suffix, packer in COMPRESSORS.items()},
}
"""What wraps one thing, under a name that is the end of its own."""
