"""Packages of every ecosystem, as small as their own tools would take them, built in code."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import struct
import zipfile
from collections.abc import Mapping

import zstandard

from tests.inspect.support import ar, cpio, tarred
from tests.scanners.ecosystems import rpm as rpmfile

DIGEST = "sha256:" + "ab" * 32
PYTHON = b"Metadata-Version: 2.1\nName: p\nVersion: 1.0\n"
NPM = json.dumps({"name": "@s/p", "version": "1.0.0", "dependencies": {"x": "^1.0.0"}}).encode()
CONTROL = b"Package: p\nVersion: 1:1.0-2\nArchitecture: amd64\nMaintainer: M <m@example.org>\n"
GEM = (
    b"--- !ruby/object:Gem::Specification\nname: p\nversion: !ruby/object:Gem::Version\n  version: '1.0'\n"
    b"platform: ruby\n"
)
INDEX = json.dumps({"name": "p", "version": "1.0", "build": "0", "subdir": "noarch"}).encode()
PKGINFO = b"# made by abuild\npkgname = p\npkgver = 1.0-r3\narch = x86_64\norigin = source\nlicense = MIT\n"
NUSPEC = b"<package><metadata><id>P</id><version>1.0</version></metadata></package>"
VSIX = b"<PackageManifest><Metadata><Identity Id='p' Version='1.0' Publisher='who'/></Metadata></PackageManifest>"
CHART = b"apiVersion: v2\nname: p\nversion: 1.0.0\n"
CARGO = b"[package]\nname = 'p'\nversion = '1.0.0'\n"


def tar(files: Mapping[str, bytes]) -> bytes:
    """A tar, in the order given."""
    return tarred(*files.items())


def tgz(files: Mapping[str, bytes]) -> bytes:
    """A tar in gzip."""
    return gzip.compress(tar(files), mtime=0)


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def wheel(metadata: bytes = PYTHON, folder: str = "p-1.0", **more: bytes) -> bytes:
    """A wheel; `more` are other members."""
    return zipped({f"{folder}.dist-info/WHEEL": b"x", f"{folder}.dist-info/METADATA": metadata} | more)


def deb(control: bytes = CONTROL, name: str = "./control") -> bytes:
    """A Debian package."""
    parts = ((b"debian-binary", b"2.0\n"), (b"control.tar.gz", tgz({name: control})), (b"data.tar.gz", tgz({})))
    return ar(*parts)


def rpm() -> bytes:
    """An RPM package whose header has the usual tags."""
    header = b"\x8e\xad\xe8\x01" + bytes(4) + rpmfile.header("p")
    signature = b"\x8e\xad\xe8\x01" + bytes(4) + struct.pack(">LL", 0, 0)
    return b"\xed\xab\xee\xdb" + bytes(92) + signature + header + gzip.compress(cpio((b"./a", b"a", 0o100644)))


def gem(metadata: bytes = GEM) -> bytes:
    """A gem."""
    return tar(
        {"metadata.gz": gzip.compress(metadata), "data.tar.gz": tgz({}), "checksums.yaml.gz": gzip.compress(b"-")}
    )


def conda(index: bytes = INDEX) -> bytes:
    """A package of conda in its newer form."""
    return zipped({"metadata.json": b"{}", **conda_parts("p", index)})


def conda_parts(name: str, index: bytes = INDEX) -> dict[str, bytes]:
    """The two archives in a package of conda."""
    info = tar({"info/index.json": index.replace(b'"p"', f'"{name}"'.encode())})
    packed = {"pkg": tar({"a": b"a"}), "info": info}
    return {f"{part}-{name}-1.0-0.tar.zst": zstandard.compress(data) for part, data in packed.items()}


def conda_old(index: bytes = INDEX) -> bytes:
    """A package of conda in its older form."""
    return bz2.compress(tar({"info/index.json": index, "a": b"a"}))


def docker(*tags: str, manifest: object = None) -> bytes:
    """What `docker save` writes."""
    layers = [{"Config": "c.json", "RepoTags": list(tags), "Layers": ["l/layer.tar"]}] if manifest is None else manifest
    return tar({"c.json": b"{}", "l/layer.tar": tar({"etc/x": b"x"}), "manifest.json": json.dumps(layers).encode()})


def oci(annotations: Mapping[str, str]) -> bytes:
    """An OCI image layout without its blobs."""
    index = {"schemaVersion": 2, "manifests": [{"digest": DIGEST, "annotations": annotations}]}
    return tar({"index.json": json.dumps(index).encode(), "oci-layout": b'{"imageLayoutVersion": "1.0.0"}'})


def axml(*, utf8: bool = False, **attributes: str) -> bytes:
    """AndroidManifest.xml in its binary form, with one element of these attributes."""
    texts = [*attributes, *attributes.values(), "manifest"]
    body, offsets = b"", b""
    for text in texts:
        offsets += struct.pack("<I", len(body))
        raw = text.encode("utf-8" if utf8 else "utf-16-le")
        body += bytes([len(text), len(raw)]) + raw + b"\0" if utf8 else struct.pack("<H", len(text)) + raw + b"\0\0"
    start = 28 + len(offsets)
    pool = struct.pack("<HHI", 1, 28, start + len(body))
    pool += struct.pack("<IIIII", len(texts), 0, 256 if utf8 else 0, start, 0) + offsets + body
    element = b""
    for place in range(len(attributes)):
        value = place + len(attributes)
        element += struct.pack("<IIiHBBI", 0xFFFFFFFF, place, value, 8, 0, 3, value)
    head = struct.pack("<II", 0xFFFFFFFF, len(texts) - 1) + struct.pack("<HHHHHH", 20, 20, len(attributes), 0, 0, 0)
    node = struct.pack("<HHIII", 0x0102, 16, 16 + len(head) + len(element), 1, 0xFFFFFFFF) + head + element
    return struct.pack("<HHI", 3, 8, 8 + len(pool) + len(node)) + pool + node
