"""One small file per format, and what it names."""

from __future__ import annotations

import json
import re

import pytest

from tests.scanners.ecosystems.support import complaint, purls

CASES = [
    ("poetry.lock", '[[package]]\nname = "A_b"\nversion = "1"\n[[package]]\nversion = "2"\n', "pypi/a-b@1"),
    ("x/pdm.lock", '[[package]]\nname = "toml"\nversion = "0.10.2"\ngit = "https://h/x"\n', "pypi/toml@0.10.2"),
    ("pylock.toml", "[[packages]]\nname = 'attrs'\nversion = '25.1.0'\n", "pypi/attrs@25.1.0"),
    ("pylock.dev.toml", "[[packages]]\nname = 'attrs'\nversion = '25.1.0'\n", "pypi/attrs@25.1.0"),
    (
        "uv.lock",
        (
            '[[package]]\nname = "emoji"\nversion = "2"\nsource = { registry = "r" }\n'
            '[[package]]\nname = "own"\nversion = "0"\nsource = { virtual = "." }\n'
        ),
        "pypi/emoji@2",
    ),
    (
        "Pipfile.lock",
        '{"default": {"a": {"version": "==1.2"}, "b": {"git": "g"}}, "develop": {"c": {"version": "===3"}}}',
        "pypi/a@1.2 pypi/c@3",
    ),
    (
        "dev-requirements.txt",
        (
            "a1==1.0 # why\nb2 [extra] >= 2, <3 ; python_version < '3'\n-r other.txt\n./local.whl\n"
            "c3==${V}\nd4~=4.1 \\\n  --hash=sha256:0\ne5 @ https://h/e.zip\nf6--g==6 --hash=x\nzope.interface==5\n"
        ),
        "pypi/a1@1.0 pypi/b2 pypi/d4@4.1 pypi/f6--g@6 pypi/zope.interface@5",
    ),
    (
        "pyproject.toml",
        (
            '[project]\ndependencies = ["aa>=1; python_version>\'3\'", "bb"]\n'
            '[project.optional-dependencies]\nx = ["cc==3"]\n'
        ),
        "pypi/aa@1 pypi/bb pypi/cc@3",
    ),
    ("setup.py", "setup(install_requires=['aa==1.0', \"bb>=2\", 'cc', 'd%s==1'])\n# 'e==1'\n", "pypi/aa@1.0 pypi/bb@2"),
    ("a-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: A.b\nversion: 1\n\nName: no\n", "pypi/a.b@1"),
    ("a.whl!/a-1.dist-info/METADATA", "Name: a\nVersion: 1\n", "pypi/a@1"),
    ("a.egg-info", "Name: a\nVersion: 1\n", "pypi/a@1"),
    ("EGG-INFO/PKG-INFO", "Name: a\n\nVersion: in the text\n", ""),
    (
        "conda-meta/jupyter-3.json",
        '{"name": "jupyter", "version": "3", "build": "py_0", "subdir": "noarch"}',
        "conda/jupyter@3?build=py_0&subdir=noarch",
    ),
    (
        "package.json",
        (
            '{"name": "@s/a", "version": "1.0.0", "dependencies": {"b": ">2.0.0", "c": "^0.4.2", "d": "5.x", '
            '"e": "latest",'
            ' "f": ">=1.0.0 <2.0.0", "g": "git+https://h/g"}, "devDependencies": {"h": "1.0.0"}}'
        ),
        "npm/@s/a@1.0.0 npm/b@2.0.1 npm/c@0.4.2 npm/d@5.0.0 npm/f@1.0.0",
    ),
    ("node_modules/a/package.json", '{"name": "a", "version": "1", "dependencies": {"b": "1.0.0"}}', "npm/a@1"),
    ("package.json", '{"name": "a", "version": "1", "engines": {"vscode": "^1"}}', ""),
    ("x.vsix!/extension/other/package.json", '{"name": "a", "version": "1"}', ""),
    (
        "package-lock.json",
        (
            '{"packages": {"": {"name": "own"}, "node_modules/@s/a": {"version": "1"}, '
            '"node_modules/b": {"link": true},'
            ' "node_modules/x/node_modules/c": {"name": "real", "version": "2"}}, '
            '"dependencies": {"z": {"version": "9"}}}'
        ),
        "npm/@s/a@1 npm/real@2",
    ),
    (
        "npm-shrinkwrap.json",
        (
            '{"dependencies": {"a": {"version": "1", "dependencies": {"b": {"version": "npm:@s/real@2"}}},'
            ' "c": {"version": "file:x"}, "d": {"version": "git+ssh://git@h/d#abc"}}}'
        ),
        "npm/a@1 npm/@s/real@2 npm/c npm/d",
    ),
    (
        "bun.lock",
        (
            '{ // comment\n"packages": {"a": ["@s/a@1.0", "", {},], "b": ["b@github:x/y#abc", {}],'
            ' "u": ["u@1 // \\"x", ""],'
            ' "bad": [1], },}'
        ),
        'npm/@s/a@1.0 npm/b npm/u@1 // "x',
    ),
    (
        "yarn.lock",
        (
            '# yarn lockfile v1\n\n"@s/a@^1", "@s/a@^1.1":\n  version "1.2.0+git"\n  dependencies:\n    version "9"\n\n'
            'b@npm:real@1:\n  version "1.0"\n'
        ),
        "npm/@s/a@1.2.0+git npm/real@1.0",
    ),
    (
        "yarn.lock",
        (
            '__metadata:\n  version: 8\n\n"a@npm:^1":\n  version: 1.0.1\n\n'
            '"own@workspace:.":\n  version: 0.0.0-use.local\n'
        ),
        "npm/a@1.0.1",
    ),
    (
        "pnpm-lock.yaml",
        (
            "lockfileVersion: 5.3\npackages:\n  /a/1.0.0:\n  /@s/b/1.1.0_x@1:\n  h.com/c/2.0.0:\n"
            "  file:d:\n    name: d\n"
            "    version: 3.0.0\n  /e/link:\n  odd:\n"
        ),
        "npm/a@1.0.0 npm/@s/b@1.1.0 npm/c@2.0.0 npm/d@3.0.0",
    ),
    (
        "pnpm-lock.yaml",
        "lockfileVersion: '6.0'\npackages:\n  /a@1.0.0-rc.1(b@2.0.0):\n  /@s/b@1.10:\n",
        "npm/a@1.0.0-rc.1 npm/@s/b@1.10",
    ),
    (
        "pnpm-lock.yaml",
        "lockfileVersion: '9.0'\npackages:\n  '@s/a@1.0.0': {}\n  b@https://h/x:\n    version: 2.0.0\n",
        "npm/@s/a@1.0.0 npm/b@2.0.0",
    ),
    (
        "deno.json",
        '{"imports": {"a": "npm:chalk@1", "b": "jsr:@std/path@^1", "c": "npm:x"}}',
        "npm/chalk@1.0.0 jsr/std/path@^1",
    ),
    ("deno.lock", '{"version": "4", "npm": {"a@1.0_b@2": {}}, "jsr": {"@std/x@1": {}}}', "npm/a@1.0 jsr/std/x@1"),
    (
        "deps.ts",
        'import a from "https://deno.land/x/oak@v1.2/mod.ts";\nconst b = await import(\n"https://esm.sh/@s/b@2");',
        "deno/oak@1.2 npm/@s/b@2",
    ),
    ("gradle.lockfile", "# c\ng:a:1=compileClasspath\nempty=\n", "maven/g/a@1"),
    (
        "gradle/verification-metadata.xml",
        '<v xmlns="u"><components><component group="g" name="a" version="1"/><component group="g"/></components></v>',
        "maven/g/a@1",
    ),
    (
        "libs.versions.toml",
        (
            '[versions]\nv = "2"\nr = { strictly = "3" }\n[libraries]\na = "g:a:1"\n'
            'b = { module = "g:b", version.ref = "v" }\n'
            'c = { group = "g", name = "c", version.ref = "r" }\nd = { module = "g:d" }\n'
        ),
        "maven/g/a@1 maven/g/b@2 maven/g/c@3 maven/g/d",
    ),
    ("build.sbt.lock", '{"dependencies": [{"org": "g", "name": "a", "version": "1"}]}', "maven/g/a@1"),
    ("go.sum", "h.com/a v1.0.0 h1:x=\nh.com/a v1.0.0/go.mod h1:y=\n", "golang/h.com/a@v1.0.0"),
    (
        "go.mod",
        (
            "module m\ngo 1.21.5\ntoolchain go1.23.6-x\nrequire (\n\th.com/A v1.0.0 // indirect\n\th.com/b v2.0.0\n)\n"
            "require h.com/c v3.0.0\nreplace h.com/b => ./b\n"
            "replace h.com/c v3.0.0 => h.com/d v4.0.0\nexclude h.com/z v1\n"
        ),
        "golang/h.com/A@v1.0.0 golang/./b golang/h.com/d@v4.0.0 golang/stdlib@1.23.6",
    ),
    (
        "vendor/modules.txt",
        "# h.com/a v1.0.0\n## explicit\nh.com/a/p\n# h.com/b v2 => h.com/c v3\nh.com/c/p\n# h.com/none v1\n",
        "golang/h.com/a@v1.0.0 golang/h.com/c@v3",
    ),
    ("Cargo.lock", 'version = 3\n[[package]]\nname = "a"\nversion = "1"\n', "cargo/a@1"),
    (
        "Cargo.toml",
        (
            '[package]\nname = "own"\nversion = "0.1.0"\n[dependencies]\na = "1"\nb = { git = "g", tag = "v1" }\n'
            f'c = {{ git = "g", rev = "{"0" * 40}" }}\n'
        ),
        "cargo/own@0.1.0 cargo/a@1 cargo/c",
    ),
    (
        "Gemfile.lock",
        (
            "GEM\n  remote: https://rubygems.org/\n  specs:\n    a (1.0)\n      b (>= 1)\n    n (1.1-x86_64-linux)\n\n"
            "DEPENDENCIES\n    c (9)\n"
        ),
        "gem/a@1.0 gem/n@1.1",
    ),
    ("a.gemspec", "Gem::Specification.new do |s|\n  s.name = 'a'.freeze\n  s.version = \"1.0\"\nend\n", "gem/a@1.0"),
    (
        "a.gemspec",
        "require_relative 'lib/a/version'\nGem::Specification.new do |s|\n  s.name = 'a'\n  s.version = A::V\nend\n",
        "gem/a",
    ),
    ("a.gemspec", "no specification", ""),
    (
        "composer.lock",
        '{"packages": [{"name": "V/a", "version": "1"}], "packages-dev": [{"name": "v/b", "version": "2"}]}',
        "composer/v/a@1 composer/v/b@2",
    ),
    ("vendor/composer/installed.json", '[{"name": "v/a", "version": "1"}]', "composer/v/a@1"),
    (
        "packages.lock.json",
        '{"dependencies": {"net6.0": {"A": {"resolved": "1"}, "P": {}}, "n": {"A": {"resolved": "1"}}}}',
        "nuget/A@1",
    ),
    ("x.deps.json", '{"libraries": {"A/1": {}, "NoVersion": {}, "B/2/3": {}}}', "nuget/A@1"),
    ("packages.config", '<packages><package id="A" version="1"/><package id="B"/></packages>', "nuget/A@1"),
    (
        "x.csproj",
        (
            '<Project><ItemGroup><PackageReference Include="A" Version="1"/><PackageReference Include="B">'
            "<Version>2</Version></PackageReference>"
            '<PackageReference Include="C" Version="$(V)"/></ItemGroup></Project>'
        ),
        "nuget/A@1 nuget/B@2",
    ),
    ("a.nuspec", "<package xmlns='u'><metadata><id>A</id><version>1</version></metadata></package>", "nuget/A@1"),
    (
        "paket.dependencies",
        "source https://h\nnuget A ~> 1.2 // c\nnuget B\ngithub o/R:2.0\ngithub o/S:30cd5366\n",
        "nuget/A@1.2 nuget/B github/o/r@2.0 github/o/s",
    ),
    (
        "paket.lock",
        "NUGET\n  remote: https://h\n    A (1.2) - restriction\n      B (>= 1)\nGITHUB\n    c (1)\n",
        "nuget/A@1.2",
    ),
    (
        "mix.lock",
        (
            '%{\n  "a": {:hex, :real, "1.0", "x", [:mix], [], "hexpm", "y"},\n  '
            '"g": {:git, "https://h/g", "abc", []},\n'
            '  "bad": {:hex, },\n}\n'
        ),
        "hex/real@1.0 hex/g",
    ),
    ("rebar.lock", '{"1.2.0",\n[{<<"a">>,{pkg,<<"real">>,<<"1.0">>},0}]}.', "hex/real@1.0"),
    ("gleam.toml", '[dependencies]\na = ">= 1.0 and < 2.0"\n', "hex/a@>= 1.0 and < 2.0"),
    ("manifest.toml", 'packages = [{ name = "a", version = "1" }]\n', "hex/a@1"),
    (
        "Package.resolved",
        (
            '{"pins": [{"location": "https://github.com/o/a.git", "state": {"version": "1"}},'
            ' {"location": "git@github.com:o/b.git", "state": {"branch": "main"}}]}'
        ),
        "swift/github.com/o/a@1 swift/github.com/o/b",
    ),
    (
        "Package.resolved",
        '{"object": {"pins": [{"repositoryURL": "https://h/o/a", "state": {"version": "1"}}]}}',
        "swift/h/o/a@1",
    ),
    ("Podfile.lock", "PODS:\n  - A (1.0):\n    - B (= 2)\n  - B/Sub (2)\n", "cocoapods/A@1.0 cocoapods/B/Sub@2"),
    (
        "conan.lock",
        (
            '{"graph_lock": {"nodes": {"0": {"ref": "own/1", "path": "conanfile.py"}, "1": {"ref": "z/1.2@u/c#r"},'
            ' "2": {"pref": "b/2#r:p#q"}, "3": {"ref": "1.2.3#r"}}}, "requires": ["k/3#r%1.5"]}'
        ),
        "conan/z@1.2 conan/b@2 conan/k@3",
    ),
    ("pubspec.lock", "packages:\n  a:\n    version: '1.10'\nsdks: {}\n", "pub/a@1.10"),
    ("cabal.project.freeze", "constraints: any.A ==1.0,\n  b ==2\n-- any.c ==3\n", "hackage/A@1.0"),
    ("stack.yaml.lock", "packages:\n- completed:\n    hackage: a-b-1.0@sha256:x,1\n", "hackage/a-b@1.0"),
    ("Manifest.toml", 'manifest_format = "2.0"\n[[deps.A]]\nversion = "1"\n[[deps.Std]]\nuuid = "u"\n', "julia/A@1"),
    ("lua-cjson-2.1.0-1.rockspec", "package = 'lua-cjson'", "luarocks/lua-cjson@2.1.0-1"),
    ("a/.opam-switch/install", "# c\ndune.3.7.2\n", "opam/dune@3.7.2"),
    ("META.json", '{"name": "URI", "version": 5}', "cpan/URI@5"),
    ("META.yml", "--- #YAML:1.0\nname: A\nversion: 0.10\nauthor: ~\n", "cpan/A@0.10"),
    (
        "renv.lock",
        '{"Packages": {"a": {"Package": "a", "Version": "1-0", "Repository": "CRAN"}, "b": {"Package": "b"}}}',
        "cran/a@1-0",
    ),
    (
        "Chart.yaml",
        "name: c\nversion: 1.0.0\ndependencies:\n- {name: d, version: 2.0.0}\n- {name: e, version: ~3}\n",
        "helm/c@1.0.0 helm/d@2.0.0",
    ),
]


@pytest.mark.parametrize(
    ("path", "data", "expected"), CASES, ids=[f"{place}-{case[0]}" for place, case in enumerate(CASES)]
)
def test_a_file_names_its_packages(path: str, data: str, expected: str) -> None:
    assert purls(path, data) == set(filter(None, re.split(r" (?=[a-z]+/)", expected)))


POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
 <parent><groupId>p.g</groupId><artifactId>p</artifactId><version>7</version></parent>
 <artifactId>own</artifactId>
 <properties><v>2</v><w>${v}.1</w><loop>${loop}</loop></properties>
 <dependencyManagement><dependencies>
  <dependency><groupId>g</groupId><artifactId>managed</artifactId><version>5</version></dependency>
  <dependency><groupId>g</groupId><artifactId>unused</artifactId><version>6</version></dependency>
 </dependencies></dependencyManagement>
 <dependencies>
  <dependency><groupId>g</groupId><artifactId>plain</artifactId><version>${w}</version></dependency>
  <dependency><groupId>${project.groupId}</groupId><artifactId>sibling</artifactId><version>${project.version}</version></dependency>
  <dependency><groupId>g</groupId><artifactId>managed</artifactId></dependency>
  <dependency><groupId>g</groupId><artifactId>range</artifactId><version>[1.5,2.0)</version></dependency>
  <dependency><groupId>g</groupId><artifactId>open</artifactId><version>${loop}</version></dependency>
  <dependency><artifactId>nobody</artifactId></dependency>
 </dependencies>
 <profiles>
  <profile><activation><activeByDefault>true</activeByDefault></activation><dependencies>
   <dependency><groupId>g</groupId><artifactId>active</artifactId><version>1</version></dependency></dependencies></profile>
  <profile><dependencies>
   <dependency><groupId>g</groupId><artifactId>idle</artifactId><version>1</version></dependency></dependencies></profile>
 </profiles>
</project>"""


def test_a_pom_is_resolved_as_far_as_it_goes_itself() -> None:
    assert purls("pom.xml", POM) == {
        "maven/g/plain@2.1",
        "maven/p.g/sibling@7",
        "maven/g/managed@5",
        "maven/g/range@1.5",
        "maven/g/open",
        "maven/g/active@1",
    }


def test_a_property_bomb_ends_at_once() -> None:
    levels = "".join(f"<p{n}>{f'${{p{n + 1}}}' * 50}</p{n}>" for n in range(40))
    one = "<dependency><groupId>g</groupId><artifactId>a</artifactId><version>${p0}</version></dependency>"
    bomb = f"<project><properties>{levels}</properties><dependencies>{one}</dependencies></project>"
    assert purls("pom.xml", bomb) == {"maven/g/a"}


def test_shaded_jars_name_what_was_shaded_in() -> None:
    shaded = "#Generated\ngroupId=com.fasterxml\nartifactId=jackson\nversion=2.9\n"
    assert purls("app.jar!/META-INF/maven/com.fasterxml/jackson/pom.properties", shaded) == {
        "maven/com.fasterxml/jackson@2.9"
    }


@pytest.mark.parametrize(
    ("path", "manifest", "expected"),
    [
        ("commons-io-2.4.jar!/META-INF/MANIFEST.MF", "Implementation-Version: 2.4\r\n\r\n", "maven/commons-io@2.4"),
        (
            "x/guava-30.jar!/META-INF/MANIFEST.MF",
            "Bundle-Symbolic\n Name: com.google.guava\nBundle-Version: 30.1\n\nName: x\nImplementation-Version: 9\n",
            "maven/com.google/guava@30.1",
        ),
        ("a-1.5.war!/META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n", "maven/a@1.5"),
    ],
)
def test_a_jar_is_named_by_its_manifest_and_its_file(path: str, manifest: str, expected: str) -> None:
    assert purls(path, manifest) == {expected}


def test_a_manifest_outside_a_jar_or_without_a_version_names_nothing() -> None:
    assert purls("META-INF/MANIFEST.MF", "Implementation-Version: 1\n") == set()
    assert purls("app.jar!/META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n") == set()


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("package.json", "{"),
        ("package-lock.json", "null"),
        ("composer.lock", "[]"),
        ("vendor/composer/installed.json", "1"),
        ("bun.lock", "not json"),
        ("poetry.lock", "not toml!"),
        ("libs.versions.toml", "[libraries\n"),
        ("pnpm-lock.yaml", "- a"),
        ("pubspec.lock", ""),
        ("Podfile.lock", ""),
        ("Podfile.lock", "just words"),
        ("yarn.lock", '  version "1"\n'),
        ("pom.xml", "<project>"),
        ("go.mod", "this is not a go.mod file!"),
        ("conda-meta/a-1.json", "{}"),
        ("x/.opam-switch/install", "dune\n"),
        ("a.gemspec", "Gem::Specification.new do |s|\n  s.name =\n"),
        ("a.gemspec", "require_relative 'v'\nGem::Specification.new do |s|\n s.name='a'\n s.version = A.version\nend"),
        ("META.json", "null"),
    ],
)
def test_a_file_that_is_not_what_it_claims_is_one_clear_skip(path: str, data: str) -> None:
    assert complaint(path, data)


def test_every_json_lock_survives_any_nesting() -> None:
    for path in ("package.json", "composer.lock", "conan.lock", "bom.json"):
        assert "JSON" in complaint(path, '{"a":' + "[" * 200_000)


def test_nested_dependencies_of_an_old_lock_are_all_found() -> None:
    lock: dict[str, object] = {}
    for level in range(200):
        lock = {"dependencies": {f"a{level}": {"version": "1", **lock}}}
    assert len(purls("package-lock.json", json.dumps(lock))) == 200
