"""What an artifact is: kind, media type and package, told by the real inspection of small artifacts of each kind."""

from __future__ import annotations

import gzip
import io

import pytest

from customhouse.inspect import inspect
from customhouse.inspect.identity import MANIFESTS, own
from customhouse.inspect.kinds import ANY, ECOSYSTEMS, media_type
from customhouse.inspect.limits import Limits
from customhouse.model import Inspection, Package, Severity, SkipReason
from customhouse.scanners.packages import Packages
from tests.inspect import packages as made
from tests.inspect.packages import tar, tgz, wheel, zipped
from tests.inspect.support import reasons, rules

POM = b"groupId=%s\nartifactId=%s\nversion=1.0\n"
MANIFEST = {"META-INF/MANIFEST.MF": b"Manifest-Version: 1.0\n"}
SHADED = {
    f"META-INF/maven/{group}/{name}/pom.properties": POM % (b"g", name.encode()) for group in "g" for name in "pq"
}
NODE = {"package/package.json": made.NPM, "package/node_modules/x/package.json": made.NPM}
SDIST = {"p-1.0/PKG-INFO": made.PYTHON, "p-1.0/p.egg-info/PKG-INFO": made.PYTHON}
MODULE = {"example.com/p@v1.0.0/go.mod": b"module example.com/p\nrequire example.com/q v1.2.3\n"}
PACMAN = b"pkgname = p\npkgbase = p\npkgver = 1:1.0-1\narch = any\n"
ANDROID = {"AndroidManifest.xml": made.axml(package="com.example.p", versionName="1.0")}

OWN = [
    ("in/p-1.0-py3-none-any.whl", wheel(), "wheel", "pypi/p@1.0"),
    ("p-1.0.tar.gz", tgz(SDIST), "sdist", "pypi/p@1.0"),
    ("p-1.0.zip", zipped(SDIST), "sdist", "pypi/p@1.0"),
    ("p-1.0-py3.egg", zipped({"EGG-INFO/PKG-INFO": made.PYTHON}), "egg", "pypi/p@1.0"),
    ("s-p-1.0.0.tgz", tgz(NODE), "npm", "npm/%40s/p@1.0.0"),
    ("p.1.0.0.nupkg", zipped({"p.nuspec": made.NUSPEC}), "nupkg", "nuget/P@1.0"),
    ("p-1.0.jar", zipped(MANIFEST | SHADED), "jar", "maven/g/p@1.0"),
    ("other.jar", zipped(MANIFEST | SHADED), "jar", ""),
    ("p-1.0.war", zipped({"WEB-INF/web.xml": b"<a/>"} | MANIFEST | SHADED), "war", "maven/g/p@1.0"),
    ("p_1.0-2_amd64.deb", made.deb(), "deb", "deb/debian/p@1:1.0-2?arch=amd64"),
    ("p_1%3a1.0-2_amd64.deb", made.deb(name="control"), "deb", "deb/debian/p@1:1.0-2?arch=amd64"),
    (
        "p-1.0-1.el9.x86_64.rpm",
        made.rpm(),
        "rpm",
        "rpm/redhat/p@1.0-1.el9?arch=x86_64&upstream=p.src.rpm",
    ),
    ("p-1.0.gem", made.gem(), "gem", "gem/p@1.0"),
    ("p-1.0-0.conda", made.conda(), "conda", "conda/p@1.0?build=0&subdir=noarch"),
    ("p-1.0-0.tar.bz2", made.conda_old(), "conda", "conda/p@1.0?build=0&subdir=noarch"),
    ("p-1.0-r3.apk", tgz({".PKGINFO": made.PKGINFO}), "apk-alpine", "apk/alpine/p@1.0-r3?arch=x86_64&upstream=source"),
    ("p.pkg.tar.gz", tgz({".MTREE": b"#", ".PKGINFO": PACMAN}), "pacman", "alpm/arch/p@1:1.0-1?arch=any"),
    ("p.apk", zipped(ANDROID), "apk-android", "generic/com.example.p@1.0?platform=android"),
    ("p.vsix", zipped({"extension.vsixmanifest": made.VSIX}), "vsix", "vscode-extension/who/p@1.0"),
    ("v1.0.0.zip", zipped(MODULE), "go-module", "golang/example.com/p@v1.0.0"),
    ("p-1.0.0.tgz", tgz({"p/Chart.yaml": made.CHART}), "helm", "helm/p@1.0.0"),
    (
        "p-1.0.0.crate",
        tgz({"p-1.0.0/Cargo.toml": made.CARGO, "p-1.0.0/Cargo.toml.orig": b""}),
        "crate",
        "cargo/p@1.0.0",
    ),
    ("image.tar", made.docker("host.example:5000/team/p:1.0"), "docker-save", ""),
    ("image.tar", made.docker("team/p:1.0"), "docker-save", "docker/team/p@1.0"),
    ("image.tar", made.docker("docker.io/library/p"), "docker-save", "docker/library/p"),
    ("image.tar", made.docker(manifest={"name": "a web page"}), "docker-save", ""),
    (
        "image.tar",
        made.oci({"io.containerd.image.name": "docker.io/library/p:1", "org.opencontainers.image.ref.name": "1"}),
        "oci-layout",
        f"oci/p@{made.DIGEST}?repository_url=docker.io/library/p&tag=1",
    ),
    ("image.tar", made.oci({"org.opencontainers.image.ref.name": "latest"}), "oci-layout", ""),
    ("plain.zip", zipped({"p-1.0.dist-info/METADATA": made.PYTHON}), "zip", ""),
    ("requirements.txt", b"p==1.0\n", "text", ""),
]


def look(name: str, data: bytes) -> Inspection:
    return inspect(name, (), [Packages()], Limits(), size=len(data), file=io.BytesIO(data))


def purl(inspection: Inspection) -> str:
    package = own(inspection.name, inspection.kind, inspection.packages)
    return str(package).removeprefix("pkg:") if package else ""


@pytest.mark.parametrize(("name", "data", "kind", "expected"), OWN)
def test_an_artifact_is_the_package_that_its_own_manifest_names(
    name: str, data: bytes, kind: str, expected: str
) -> None:
    inspection = look(name, data)

    assert inspection.kind == kind
    if "host.example" in str(inspection.packages):
        expected = "docker/team/p@1.0?repository_url=host.example:5000"
    assert purl(inspection) == expected
    assert inspection.coverage.complete
    assert not inspection.findings
    assert not expected or expected.startswith(f"{ECOSYSTEMS.get(kind, 'generic')}/")


def test_every_ecosystem_has_a_manifest_and_a_media_type() -> None:
    assert ECOSYSTEMS.keys() | {"apk-android"} == MANIFESTS.keys()
    assert all(media_type(kind) != ANY for kind in ECOSYSTEMS)
    assert media_type("something new") == ANY


def test_a_manifest_of_another_artifact_is_not_taken_for_its_own() -> None:
    inside = Package("pkg:pypi/q@1.0", "p.whl!/q.whl!/q-1.0.dist-info/METADATA")
    assert own("p.whl", "wheel", [inside]) is None


def test_a_name_with_escapes_is_the_package_all_the_same() -> None:
    assert purl(look("a\u202eb/p-1.0-py3-none-any.whl", wheel())) == "pypi/p@1.0"


@pytest.mark.parametrize(
    ("name", "data", "severity"),
    [
        ("q-1.0-py3-none-any.whl", wheel(), Severity.HIGH),
        ("p-1.1-py3-none-any.whl", wheel(), Severity.HIGH),
        ("p-1.0-py3-none-any.whl", wheel(folder="p-1.1"), Severity.HIGH),
        ("p-1.0-py3-none-any.whl", wheel(folder="q-1.0"), Severity.HIGH),
        ("q-1.0.tar.gz", tgz(SDIST), Severity.HIGH),
        ("q-1.0.0.tgz", tgz(NODE), Severity.MEDIUM),
        ("s-p-1.0.1.tgz", tgz(NODE), Severity.MEDIUM),
        ("p.1.0.1.nupkg", zipped({"p.nuspec": made.NUSPEC}), Severity.MEDIUM),
        ("q_1.0-2_amd64.deb", made.deb(), Severity.MEDIUM),
        ("p_1.1-2_amd64.deb", made.deb(), Severity.MEDIUM),
        ("p-1.1-1.el9.x86_64.rpm", made.rpm(), Severity.MEDIUM),
        ("q-1.0.gem", made.gem(), Severity.MEDIUM),
        ("p-1.0-1.conda", made.conda(), Severity.MEDIUM),
        ("q-1.0-0.tar.bz2", made.conda_old(), Severity.MEDIUM),
        ("p-1.1-r3.apk", tgz({".PKGINFO": made.PKGINFO}), Severity.MEDIUM),
        ("q-1.0.0.tgz", tgz({"p/Chart.yaml": made.CHART}), Severity.MEDIUM),
        ("q-1.0.0.crate", tgz({"p/Cargo.toml": made.CARGO, "p/Cargo.toml.orig": b""}), Severity.MEDIUM),
    ],
)
def test_a_name_that_tells_of_another_package_is_a_finding(name: str, data: bytes, severity: Severity) -> None:
    inspection = look(name, data)

    [finding] = inspection.findings
    assert (finding.rule, finding.severity) == ("identity-mismatch", severity)
    assert finding.member.startswith(f"{name}!/")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("P-1.0.0-py3-none-any.whl", wheel()),
        ("p-1-1_wheels_may_be_renamed.whl", wheel()),
        ("latest.whl", wheel()),
        ("release.tar.gz", tgz(SDIST)),
        ("9f86d081884c7d65", made.deb()),
        ("p_current_amd64.deb", made.deb()),
        ("p-1.0-x86_64-linux.gem", made.gem()),
        ("p.1.0.0+build.nupkg", zipped({"p.nuspec": made.NUSPEC})),
        ("p-1.0.0-py3-none-any.whl", wheel(made.PYTHON.replace(b"Name: p", b"Name: P"), "p-1.0")),
    ],
)
def test_a_name_that_tells_the_same_or_nothing_is_none(name: str, data: bytes) -> None:
    assert not look(name, data).findings


@pytest.mark.parametrize(
    ("name", "data"),
    [
        (
            "a-1.0-py3-none-any.whl",
            wheel(**{"q-1.0.dist-info/METADATA": made.PYTHON.replace(b": p", b": q"), "q-1.0.dist-info/WHEEL": b"x"}),
        ),
        ("a.tar.gz", tgz(SDIST | {"q-1.0/PKG-INFO": made.PYTHON.replace(b": p", b": q")})),
        ("a.conda", zipped(made.conda_parts("p") | made.conda_parts("q"))),
        ("a.nupkg", zipped({"p.nuspec": made.NUSPEC, "q.nuspec": made.NUSPEC.replace(b">P<", b">q<")})),
    ],
)
def test_manifests_of_two_packages_are_a_finding_and_no_package(name: str, data: bytes) -> None:
    inspection = look(name, data)

    assert "two-identities" in rules(inspection)
    assert not purl(inspection)


CHART = {"p/Chart.yaml": made.CHART}
CRATE = {"p-1.0.0/Cargo.toml": made.CARGO, "p-1.0.0/Cargo.toml.orig": b""}


def test_names_of_any_length_are_told_in_short() -> None:
    inspection = look(f"{'b' * 900}-1.0.gem", made.gem(made.GEM.replace(b"name: p", b"name: " + b"a" * 9000)))

    assert [len(finding.message) < 500 for finding in inspection.findings] == [True]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.tgz", tgz(NODE | {"other/index.js": b"evil"})),
        ("a.tgz", tgz(NODE | {"index.js": b"evil"})),
        ("a.tar.gz", tgz(SDIST | {"q/setup.py": b"evil"})),
        ("a.crate", tgz(CRATE | {"q/build.rs": b"evil"})),
        ("a.tgz", tgz(CHART | {"q/values.yaml": b"evil"})),
    ],
)
def test_a_second_folder_that_installers_lay_over_the_first_is_a_finding(name: str, data: bytes) -> None:
    assert rules(look(name, data)) == {"two-roots"}


def test_what_macos_puts_beside_a_folder_is_ordinary() -> None:
    assert not look("p-1.0.tar.gz", tgz({"._p-1.0": b"x"} | SDIST)).findings


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.gem", tar({"metadata": made.GEM, "metadata.gz": gzip.compress(made.GEM), "data.tar.gz": tgz({"a": b"a"})})),
        ("a.conda", zipped(made.conda_parts("p") | made.conda_parts("q"))),
    ],
)
def test_a_part_that_is_there_twice_is_a_finding(name: str, data: bytes) -> None:
    assert "two-parts" in rules(look(name, data))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("p.deb", made.deb(b"Architecture: all\n")),
        ("p.gem", made.gem(b"--- {}\n")),
        ("p.gem", made.gem(b"--- !ruby/object:Gem::Specification\nname: p\nversion: 1.0\n")),
        ("p.gem", made.gem(b"\t: [")),
        ("p.conda", made.conda(b"{")),
        ("p.conda", made.conda(b'{"name": "p"}')),
        ("p-1.0-r0.apk", tgz({".PKGINFO": b"pkgname = p\n"})),
        ("p.vsix", zipped({"extension.vsixmanifest": b"<"})),
        ("p.apk", zipped({"AndroidManifest.xml": ANDROID["AndroidManifest.xml"][:70]})),
        ("image.tar", tar({"manifest.json": b"[", "oci-layout": b"{}"})),
    ],
)
def test_a_broken_manifest_is_one_skip_and_no_package(name: str, data: bytes) -> None:
    inspection = look(name, data)

    assert reasons(inspection) == {SkipReason.CORRUPT}
    assert len(inspection.coverage.skipped) == 1
    assert not purl(inspection)


@pytest.mark.parametrize("utf8", [False, True])
def test_an_android_manifest_in_both_encodings(*, utf8: bool) -> None:
    data = zipped({"AndroidManifest.xml": made.axml(utf8=utf8, package="com.example.päck", versionName="2.0")})

    assert purl(look("a.apk", data)) == "generic/com.example.p%C3%A4ck@2.0?platform=android"


def test_an_android_manifest_in_plain_text_is_a_source_file() -> None:
    assert not purl(look("a.zip", zipped({"AndroidManifest.xml": b"<manifest package='com.example.p'/>"})))


@pytest.mark.parametrize("cut", range(0, 180, 7))
def test_an_android_manifest_that_breaks_off_never_raises(cut: int) -> None:
    inspection = look("a.apk", zipped({"AndroidManifest.xml": ANDROID["AndroidManifest.xml"][:cut]}))

    assert reasons(inspection) <= {SkipReason.CORRUPT}
