"""The package an artifact is, told by the real inspection of small artifacts of each kind."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Mapping

import pytest

from customhouse.inspect import inspect
from customhouse.inspect.identity import own
from customhouse.inspect.limits import Limits
from customhouse.model import Package
from customhouse.scanners.packages import Packages

PYTHON = b"Metadata-Version: 2.1\nName: p\nVersion: 1.0\n"
POM = b"groupId=%s\nartifactId=%s\nversion=1.0\n"


def tgz(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def zipped(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def purl(name: str, data: bytes) -> str:
    found = inspect(name, (), [Packages()], Limits(), size=len(data), file=io.BytesIO(data))
    package = own(found.name, found.kind, found.packages)
    return str(package) if package else ""


MANIFEST = {"META-INF/MANIFEST.MF": b"Manifest-Version: 1.0\n"}
SHADED = {
    f"META-INF/maven/{group}/{name}/pom.properties": POM % (b"g", name.encode()) for group in "g" for name in "pq"
}
NUGET = b"<package><metadata><id>p</id><version>1</version></metadata></package>"
NPM = json.dumps({"name": "@s/p", "version": "1.0.0", "dependencies": {"x": "^1.0.0"}}).encode()
NODE = {"package/package.json": NPM, "package/node_modules/x/package.json": NPM}


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("in/p-1.0-py3.whl", zipped({"p-1.0.dist-info/METADATA": PYTHON, "p-1.0.dist-info/WHEEL": b"x"}), "pypi/p@1.0"),
        ("p-1.0.tar.gz", tgz({"p-1.0/PKG-INFO": PYTHON, "p-1.0/p.egg-info/PKG-INFO": PYTHON}), "pypi/p@1.0"),
        ("p-1.0.tgz", tgz(NODE), "npm/%40s/p@1.0.0"),
        ("p.1.0.nupkg", zipped({"p.nuspec": NUGET}), "nuget/p@1"),
        ("p-1.0.jar", zipped(MANIFEST | SHADED), "maven/g/p@1.0"),
        ("other.jar", zipped(MANIFEST | SHADED), ""),
        ("plain.zip", zipped({"p-1.0.dist-info/METADATA": PYTHON}), ""),
        ("requirements.txt", b"p==1.0\n", ""),
    ],
)
def test_an_artifact_is_the_package_that_its_own_manifest_names(name: str, data: bytes, expected: str) -> None:
    assert purl(name, data) == (f"pkg:{expected}" if expected else "")


def test_a_manifest_of_another_artifact_is_not_taken_for_its_own() -> None:
    inside = Package("pkg:pypi/q@1.0", "p.whl!/q.whl!/q-1.0.dist-info/METADATA")
    assert own("p.whl", "wheel", [inside]) is None
