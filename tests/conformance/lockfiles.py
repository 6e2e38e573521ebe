"""Package files of osv-scalibr's tests: exactly the packages upstream asserts, one clear skip for a must-error file.

The set's files have test names (`one-package.v1.lock`), so each is given the name that its folder stands for, and
then takes the way of every member: the packages scanner, by name. What differs by design, for every row alike:

- upstream counts the people in a package.json as packages without a version; a bill of materials does not;
- upstream reads neighbours: a gemspec's version file, a parent pom, an included requirements file, a shrinkwrap file
  or META.json that wins over its neighbour. The set does not hold them, and a member is judged by its own bytes: such
  a row is not counted;
- three rows of python/uvlock expect nothing of files that name packages, where upstream's own test asserts those
  packages, and golang/vendormodules expects no BurntSushi/toml although the file holds it: these rows count as wrong;
- a package without a name, and a file that has two rows with different answers, cannot be met twice: one is enough.
"""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

from packageurl import PackageURL

from customhouse.model import Package, Skip
from customhouse.scanners import Member
from customhouse.scanners.packages import build
from tests.conformance import Result, rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from customhouse.model import Fact
    from tests.conformance import Row

NAMES = {
    "cpp/conanlock": "conan.lock",
    "dart/pubspec": "pubspec.lock",
    "dotnet/csproj": "App.csproj",
    "dotnet/depsjson": "App.deps.json",
    "dotnet/nugetcpm": "Directory.Packages.props",
    "dotnet/packagesconfig": "packages.config",
    "dotnet/packageslockjson": "packages.lock.json",
    "dotnet/paketdependencies": "paket.dependencies",
    "dotnet/paketlock": "paket.lock",
    "elixir/mixlock": "mix.lock",
    "erlang/mixlock": "mix.lock",
    "gleam/gleamtoml": "gleam.toml",
    "gleam/manifesttoml": "manifest.toml",
    "golang/gomod": "go.mod",
    "golang/vendormodules": "vendor/modules.txt",
    "haskell/cabal": "cabal.project.freeze",
    "haskell/stacklock": "stack.yaml.lock",
    "java/gradlelockfile": "gradle.lockfile",
    "java/gradleverificationmetadataxml": "gradle/verification-metadata.xml",
    "java/gradleversioncatalog": "libs.versions.toml",
    "java/pomxml": "pom.xml",
    "java/pomxmlnet": "pom.xml",
    "javascript/bunlock": "bun.lock",
    "javascript/denojson": "deno.json",
    "javascript/denotssource": "mod.ts",
    "javascript/packagejson": "package.json",
    "javascript/packagelockjson": "package-lock.json",
    "javascript/pnpmlock": "pnpm-lock.yaml",
    "javascript/yarnlock": "yarn.lock",
    "julia/manifesttoml": "Manifest.toml",
    "ocaml/opam": ".opam-switch/install",
    "php/composerlock": "composer.lock",
    "python/condameta": "conda-meta/package-1.0-0.json",
    "python/pdmlock": "pdm.lock",
    "python/pipfilelock": "Pipfile.lock",
    "python/poetrylock": "poetry.lock",
    "python/pylock": "pylock.toml",
    "python/pyprojecttoml": "pyproject.toml",
    "python/requirements": "requirements.txt",
    "python/requirementsnet": "requirements.txt",
    "python/setup": "setup.py",
    "python/uvlock": "uv.lock",
    "python/wheelegg": "PKG-INFO",
    "r/renvlock": "renv.lock",
    "ruby/gemfilelock": "Gemfile.lock",
    "ruby/gemspec": "x.gemspec",
    "rust/cargolock": "Cargo.lock",
    "rust/cargotoml": "Cargo.toml",
    "swift/packageresolved": "Package.resolved",
    "swift/podfilelock": "Podfile.lock",
}
ABSENT = {
    "java/pomxml": re.compile(rb"<relativePath>\s*[^\s<]"),
    "python/requirements": re.compile(rb"^-r\s", re.MULTILINE),
    "ruby/gemspec": re.compile(rb"require_relative[^\n]*version"),
}
SHADOWED = re.compile(r"javascript/packagelockjson/both/.*|perl/cpan/META_correct1\.yml")
SCANNER = build({})


def member(path: str, data: bytes) -> Member:
    """A member as the engine would hand it."""
    return Member(path, path.rpartition("/")[2], "text", len(data), data)


def name_of(row: Row) -> str:
    """The path that the file would have in the wild."""
    folder, _, name = row.path.rpartition("/")
    kind = "/".join(row.path.split("/")[:2])
    if kind == "javascript/packagejson" and name == "package.json":
        return f"node_modules/{folder.rpartition('/')[2]}/{name}"
    if kind == "perl/cpan":
        return "META.yml" if name.endswith("yml") else "META.json"
    return NAMES.get(kind, name)


def facts(row: Row, data: bytes) -> list[Fact]:
    """What the packages scanner says of a file, or of the members of one that is an archive."""
    path = name_of(row)
    if not data.startswith(b"PK"):
        return list(SCANNER.scan(member(path, data))) if SCANNER.wants(member(path, data)) else []
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [member(f"{path}!/{info.filename}", archive.read(info)) for info in archive.infolist()]
    return [fact for each in members if SCANNER.wants(each) for fact in SCANNER.scan(each)]


def spelt(text: str) -> str:
    """A purl as upstream spells packages: `name@version`, in one case."""
    purl = PackageURL.from_string(text)
    name = purl.name
    if purl.namespace or purl.type == "maven":
        name = f"{purl.namespace or ''}{':' if purl.type == 'maven' else '/'}{name}"
    version = (purl.version or "").removeprefix("v") if purl.type == "golang" else purl.version or ""
    return plain(f"{name}@{version}")


def plain(text: str) -> str:
    """Without what a purl normalises: case and underscores."""
    return text.lower().replace("_", "-").lstrip("@")


def expected(row: Row) -> set[str] | None:
    """The packages a row names; None for a must-error row. A word without `@` goes on with the one before."""
    if row.expect == "error":
        return None
    entries: list[str] = []
    for word in row.expect.partition(":")[2].split():
        if "@" in word[1:] or not entries:
            entries.append(word)
        else:
            entries[-1] += f" {word}"
    if row.path.startswith("javascript/packagejson/"):
        entries = [entry for entry in entries if re.search(r"@[0-9]", entry)]
        entries = [re.sub(r" .*", "", entry) for entry in entries]
    return set(map(plain, entries))


def judge(row: Row, data: bytes) -> Result:
    """Whether what we say is what upstream asserts."""
    said = facts(row, data)
    skips = [fact for fact in said if isinstance(fact, Skip)]
    found = {spelt(fact.purl) for fact in said if isinstance(fact, Package)}
    wanted = expected(row)
    if wanted is None:
        return Result(row, right=len(skips) == 1 and bool(skips[0].detail), detail=f"got {skips or sorted(found)}")
    absent = ABSENT.get("/".join(row.path.split("/")[:2]))
    counted = not (absent and absent.search(data)) and not SHADOWED.fullmatch(row.path)
    right = found == {entry for entry in wanted if not entry.partition("@")[0].endswith(":")} and (
        not skips or row.path.endswith(".vsix")
    )
    return Result(row, right=right, detail=f"more {found - wanted}, less {wanted - found} {skips}", counted=counted)


def run(folder: Path) -> Iterator[Result]:
    """Every row of the set."""
    results = [judge(row, (folder / row.path).read_bytes()) for row in rows(folder)]
    met = {result.row.path for result in results if result.right}
    for result in results:
        yield replace(result, right=result.row.path in met)
