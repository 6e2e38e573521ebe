"""Odd but valid files, as they are found in the wild: each of these once lost a package or named a wrong one."""

from __future__ import annotations

import io
from urllib.parse import unquote

import pytest

from customhouse.model import Package
from customhouse.scanners import Member
from customhouse.scanners.ecosystems.gobinary import MAGIC
from tests.scanners.ecosystems.support import SCANNER, complaint, member, purls
from tests.scanners.ecosystems.test_systems import INFORMATION, MODULES_FOUND, program

CASES = {
    "deno: a name with an underscore": (
        "deno.lock",
        '{"version": "4", "npm": {"string_decoder@1.3.0": {}, "@types/babel__core@7.20.5_x@1": {}}}',
        "npm/string_decoder@1.3.0 npm/@types/babel__core@7.20.5",
    ),
    "deno: lock file version 2": (
        "deno.lock",
        '{"version": "2", "remote": {}, "npm": {"specifiers": {"a@1": "a@1.0.0"}, "packages": {"a@1.0.0": {}}}}',
        "npm/a@1.0.0",
    ),
    "deno: lock file version 3": (
        "deno.lock",
        '{"version": "3", "packages": {"specifiers": {"npm:a": "npm:a@1"}, "npm": {"a@1.0.0": {}}}}',
        "npm/a@1.0.0",
    ),
    "deno: comments and a path below a package": (
        "deno.jsonc",
        '{ // why\n"imports": {"a": "npm:chalk@5/sub", "b": "npm:/@s/b@1.2.0", "c": "jsr:@std/path@1/posix",},}',
        "npm/chalk@5.0.0 npm/@s/b@1.2.0 jsr/std/path@1",
    ),
    "deno: comments in deno.json too": ("deno.json", '{/* why */ "imports": {"a": "npm:chalk@5"}}', "npm/chalk@5.0.0"),
    "deno: what deps.ts passes on": (
        "deps.ts",
        "export * from 'https://deno.land/x/oak@v1.2/m.ts';\nexport {\n a,\n} from \"npm:b@1\";\nimport 'jsr:@s/c@2';",
        "deno/oak@1.2 npm/b@1.0.0 jsr/s/c@2",
    ),
    "composer: what PHP goes through like a list": (
        "composer.lock",
        '{"packages": {"0": {"name": "v/a", "version": "1"}}, "packages-dev": [{"name": "v/b", "version": "2"}]}',
        "composer/v/a@1 composer/v/b@2",
    ),
    "composer: the same of what is installed": (
        "vendor/composer/installed.json",
        '{"packages": {"a": {"name": "v/a", "version": "1"}, "b": 7}}',
        "composer/v/a@1",
    ),
    "pipenv: versions that are not pinned": (
        "Pipfile.lock",
        '{"default": {"a": {"version": "~=1.2"}, "b": {"version": "*"}, "c": {"version": "== 3.0"}}}',
        "pypi/a@1.2 pypi/c@3.0",
    ),
    "requirements: variables beside a version": (
        "requirements.txt",
        (
            "a1==1.0 --config-settings=x=${HOME}\nb2==2.0; platform_node == '${HOST}'\nc3==${VERSION}\n"
            "${NAME}==4.0\nd5==5.0 # ${WHY}\n"
        ),
        "pypi/a1@1.0 pypi/b2@2.0 pypi/d5@5.0",
    ),
    "requirements: comments and continued lines": (
        "requirements.txt",
        "a1==1.0 \\\n# why\nb2==2.0\n# c3==3.0 \\\nd4==4.0 \\\n    --hash=sha256:x \\\n    --hash=y\ne5\\\n==5.0\n",
        "pypi/a1@1.0 pypi/b2@2.0 pypi/d4@4.0 pypi/e5@5.0",
    ),
    "dpkg: a line of blanks ends no package": (
        "var/lib/dpkg/status",
        "Package: a\n \nVersion: 1\n\t\nArchitecture: all\n\nPackage: b\nVersion: 2\n",
        "deb/debian/a@1?arch=all deb/debian/b@2",
    ),
    "dpkg: a package begins where another one has not ended": (
        "var/lib/dpkg/status.d/all",
        "Package: a\nVersion: 1\n \nPackage: b\nVersion: 2\npackage: c\nVersion: 3\n",
        "deb/debian/a@1 deb/debian/b@2 deb/debian/c@3",
    ),
    "deb: blank lines before a control file": (
        "a.deb!/control.tar.gz!/control",
        "\n\nPackage: a\nVersion: 1\n",
        "deb/debian/a@1",
    ),
    "go.mod: tabs after a directive": (
        "go.mod",
        "module\tm\nrequire\t(\n\th.com/a\tv1.0.0\n)\nrequire\th.com/b\tv2.0.0\n",
        "golang/h.com/a@v1.0.0 golang/h.com/b@v2.0.0",
    ),
    "go.mod: the default toolchain is no version": ("go.mod", "go 1.21\ntoolchain default\n", "golang/stdlib@1.21"),
    "go.mod: the replacement of one version wins": (
        "go.mod",
        "require h.com/a v1.0.0\nreplace h.com/a v1.0.0 => h.com/b v2.0.0\nreplace h.com/a => h.com/c v3.0.0\n",
        "golang/h.com/b@v2.0.0",
    ),
    "setup.py: names with dashes, dots and extras": (
        "setup.py",
        "install_requires=['python-dateutil>=2.8', 'zope.interface == 5.0', \"requests[security]~=2.4\"]",
        "pypi/python-dateutil@2.8 pypi/zope.interface@5.0 pypi/requests@2.4",
    ),
    "requirements: comments behind blanks": (
        "requirements.txt",
        "a1==1.0 \t # why\nb2==2.0\t#\n#c3==3\nd4==4.0 #\n",
        "pypi/a1@1.0 pypi/b2@2.0 pypi/d4@4.0",
    ),
    "requirements: as PowerShell writes them": (
        "requirements.txt",
        "a1==1.0\r\nb2==2.0\r\n".encode("utf-16"),
        "pypi/a1@1.0 pypi/b2@2.0",
    ),
    "gemspec: kept in a variable": (
        "a.gemspec",
        "spec = Gem::Specification.new do |s|\n  s.name = 'a'\n  s.version = '1'\nend\n",
        "gem/a@1",
    ),
    "gemspec: a version object": (
        "a.gemspec",
        "Gem::Specification.new do |s|\n  s.name = 'a'\n  s.version = Gem::Version.new( '1.2' )\nend\n",
        "gem/a@1.2",
    ),
    "rockspec: from a checkout": ("lua-x-scm-1.rockspec", "", "luarocks/lua-x@scm-1"),
    "cabal: names with dashes": (
        "cabal.project.freeze",
        "constraints: any.a-b ==1.0,\n             any.c2 ==2.0,\n",
        "hackage/a-b@1.0 hackage/c2@2.0",
    ),
    "yarn: links and portals are no packages": (
        "yarn.lock",
        (
            '__metadata:\n  version: 8\n\n"own@portal:./x::locator=y":\n  version: 0.0.0-use.local\n\n'
            '"a@npm:^1, b@npm:a@^1":\n  version: 1.0.1\n'
        ),
        "npm/a@1.0.1",
    ),
    "yarn: an alias of a scoped package": ("yarn.lock", '"x@npm:@s/a@^1":\n  version "1.0.0"\n', "npm/@s/a@1.0.0"),
    "yarn: a range without a version": ("yarn.lock", '"x@npm:@latest":\n  version "1.0.0"\n', "npm/x@1.0.0"),
    "cpan: a version that is a number": ("META.json", '{"name": "A", "version": 1.10}', "cpan/A@1.10"),
    "cyclonedx: what made the document is not in it": (
        "bom.xml",
        (
            "<bom xmlns='http://cyclonedx.org/schema/bom/1.5'><metadata><tools><components><component>"
            "<purl>pkg:npm/tool@1</purl></component></components></tools></metadata><components><component>"
            "<purl>pkg:npm/a@1</purl><pedigree><ancestors><component><purl>pkg:npm/old@1</purl></component></ancestors>"
            "</pedigree></component></components></bom>"
        ),
        "npm/a@1",
    ),
    "in-toto: a line separator inside of a line": (
        "x.intoto.jsonl",
        '{"predicate": {"bomFormat": "\u2028\x85", "components": [{"purl": "pkg:npm/a@1"}]}}\n\n',
        "npm/a@1",
    ),
    "dpkg: a form feed in a description": (
        "var/lib/dpkg/status",
        "Package: a\nStatus: install ok installed\nVersion: 1\nDescription: x\x0cVersion: 9\n y\x85Package: b\n",
        "deb/debian/a@1",
    ),
    "dpkg: held packages are installed, half-installed ones are not": (
        "var/lib/dpkg/status",
        (
            "Package: a\nStatus: hold ok installed\nVersion: 1\n\n\n"
            "Package: b\nStatus: install ok half-installed\nVersion: 1\n"
        ),
        "deb/debian/a@1",
    ),
    "distroless: a list of checksums names nothing": (
        "var/lib/dpkg/status.d/tzdata.md5sums",
        "d41d8cd98f00b204e9800998ecf8427e  usr/share/doc/tzdata/Package: x\n",
        "",
    ),
    "os-release: a comment behind a value": (
        "etc/os-release",
        "ID='alpine' # ours\nVERSION_ID=\"3.19.1\"  # latest\n#ID=x\n",
        "generic/alpine@3.19.1?distro=alpine-3.19.1",
    ),
    "mix.lock: names, blank lines and commits": (
        "mix.lock",
        '\n\n\n%{\n\n"a": {:hex, :"a.b", "1.0", "x"},\n\n\t"g": {:git, "https://h/g", "abc", []},\n}',
        "hex/a.b@1.0 hex/g",
    ),
    "pnpm: a version of the format with words behind it": (
        "pnpm-lock.yaml",
        "lockfileVersion: 5.4-inlineSpecifiers\npackages:\n  /a/1.0.0: {}\n  /@s/b/2.0.0_react@18.0.0: {}\n",
        "npm/a@1.0.0 npm/@s/b@2.0.0",
    ),
    "npm: a project without a version depends on packages all the same": (
        "package.json",
        '{"private": true, "dependencies": {"a": "^1.0.0"}, "optionalDependencies": {"b": "2.0.0", "c": "*"}}',
        "npm/a@1.0.0 npm/b@2.0.0",
    ),
    "npm: aliases": (
        "package.json",
        '{"name": "x", "dependencies": {"a": "npm:@s/real@^1.2.0", "b": "npm:other@2", "c": "npm:latest"}}',
        "npm/@s/real@1.2.0 npm/other@2.0.0",
    ),
    "npm: what was fetched by URL has no version": (
        "package-lock.json",
        '{"lockfileVersion": 1, "dependencies": {"a": {"version": "https://h/a-1.tgz"}, "b": {"version": "1.0.0"}}}',
        "npm/a npm/b@1.0.0",
    ),
    "cargo: ranges are their lowest version": (
        "Cargo.toml",
        "[dependencies]\na = '^1.2'\nb = { version = '>=1.2.3, <2' }\nc = '*'\nd = '=1.0.0'\ne = '~0.3'\n",
        "cargo/a@1.2.0 cargo/b@1.2.3 cargo/d@1.0.0 cargo/e@0.3.0",
    ),
    "pnpm: folders and archives have no version but their own": (
        "pnpm-lock.yaml",
        (
            "lockfileVersion: '9.0'\npackages:\n  own@file:../own: {}\n  'b@https://h/b.tgz': {version: 1.0.0}\n"
            "  '@s/c@file:c': {name: '@s/d', version: 2.0.0}\n"
        ),
        "npm/b@1.0.0 npm/@s/d@2.0.0",
    ),
    "jar: a version that nobody filled in": (
        "a-1.5.jar!/META-INF/MANIFEST.MF",
        "Implementation-Version: ${project.version}\nSpecification-Version: 1.4\n",
        "maven/a@1.4",
    ),
    "jar: a jar inside of a jar": (
        "app.jar!/BOOT-INF/lib/a-1.5.jar!/META-INF/MANIFEST.MF",
        "Manifest-Version: 1.0\n",
        "maven/a@1.5",
    ),
    "paket: comments of both kinds": (
        "paket.dependencies",
        "nuget A 1.0 # c\nnuget B 2.0   // c\n# nuget C 3.0\n",
        "nuget/A@1.0 nuget/B@2.0",
    ),
    "bun: what looks like a comment in a string": (
        "bun.lock",
        '{"packages": {"a": ["a@1.0.0", "/* \\" //", {}], /* , ] */ "b": ["b@2.0.0"], // ]\n},\n}',
        "npm/a@1.0.0 npm/b@2.0.0",
    ),
    "line ends of old: carriage returns alone": (
        "gradle.lockfile",
        "# c\rg:a:1=x\rg:b:2=x\r",
        "maven/g/a@1 maven/g/b@2",
    ),
}


@pytest.mark.parametrize(("path", "data", "expected"), CASES.values(), ids=CASES)
def test_an_odd_file_names_what_it_holds(path: str, data: str | bytes, expected: str) -> None:
    assert purls(path, data) == set(expected.split())


@pytest.mark.parametrize("name", ["package-lock.json", "Package.resolved", "deno.lock", "flake.lock"])
@pytest.mark.parametrize("version", ["99", "99.5", '"99"', '"99.1"'])
def test_a_version_of_a_format_is_understood_however_it_is_written(name: str, version: str) -> None:
    key = "lockfileVersion" if name.startswith("package") else "version"
    assert "version 99" in complaint(name, f'{{"{key}": {version}}}')


@pytest.mark.parametrize("before", [b"", bytes((4 << 20) - 3), bytes((4 << 20) - 40)])
def test_a_go_program_that_looks_for_build_information_itself_names_its_own(before: bytes) -> None:
    own = program(INFORMATION)
    data = own[:4] + MAGIC + b"go:buildid" + before + own[4:]
    streamed = Member("x", "x", "elf", len(data), data[:4096], last=False, stream=io.BytesIO(data))

    for given in (member("x", data), streamed):
        found = {unquote(fact.purl).removeprefix("pkg:") for fact in SCANNER.scan(given) if isinstance(fact, Package)}
        assert found == MODULES_FOUND
