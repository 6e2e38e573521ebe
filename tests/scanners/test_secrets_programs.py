"""Secrets in what is no text: programs, compiled code, objects of other languages."""

from __future__ import annotations

import base64
import marshal
import pickle
import random
import string
import struct
from typing import TYPE_CHECKING

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from customhouse.scanners import secrets, secrets_rules
from customhouse.scanners.secrets_encoded import spelled
from tests.scanners.secret_samples import SHAPES, fill
from tests.scanners.support import WINDOW, findings, member, rules, windows

if TYPE_CHECKING:
    from collections.abc import Callable

    from customhouse.scanners import Member

CURATED = secrets_rules.load([secrets_rules.CURATED])
TOKENS = [rule.id for rule in CURATED if rule.token]
NOISE = random.Random(4).randbytes(5000)
TOKEN, KEY = (fill(SHAPES[rule], random.Random(rule)) for rule in ("github-personal-token", "private-key"))


@pytest.fixture(scope="module")
def scanner() -> secrets.SecretsScanner:
    return secrets.build({"salt": "pepper"})


def compiled(source: str) -> Callable[[str], bytes]:
    return lambda token: bytes(16) + marshal.dumps(compile(source.format(token), "f.py", "exec"))


def java(token: str) -> bytes:
    """A class file whose constants are three texts."""
    texts = ("before", token, "after")
    return b"\xca\xfe\xba\xbe\0\0\0\x34\0\4" + b"".join(b"\1" + struct.pack(">H", len(t)) + t.encode() for t in texts)


def dotnet(*texts: str) -> bytes:
    """A .NET program's heap of texts: length, UTF-16, a flag (ECMA-335, II.24.2.4)."""
    heap = b"\0"
    for text in texts:
        raw = text.encode("utf-16-le") + b"\0"
        heap += (bytes([len(raw)]) if len(raw) < 128 else struct.pack(">H", 0x8000 | len(raw))) + raw
    return b"MZ" + NOISE + heap + NOISE


KEPT: dict[str, Callable[[str], bytes]] = {
    "a program": lambda token: b"\x7fELF" + NOISE + b"\0" + token.encode() + b"\0" + NOISE,
    "a Windows program": lambda token: b"MZ" + NOISE + f"token={token};".encode("utf-16-le") + NOISE,
    "a Windows program, one byte on": lambda token: b"MZ\0" + NOISE + f"token={token};".encode("utf-16-le") + NOISE,
    "a .NET program": lambda token: dotnet("hello", token, "world"),
    "a .NET program's only text": dotnet,
    "Java": java,
    "a Python module": compiled("T = {0!r}\n"),
    "a Python call": compiled("def f(x):\n    return get('u', token={0!r}, n=3)\n"),
    "a Python list": compiled("X = [{0!r}, 'b', 4]\n"),
    "a Python dictionary": compiled("D = {{'a-b': {0!r}}}\n"),
    "a Python default": compiled("def f(a={0!r}, b=None): pass\n"),
    "a Python class": compiled("class A:\n    k = {0!r}\n    z = 5\n"),
    "a pickle": lambda token: pickle.dumps({"a": token, "b": 1}),
    "an old pickle": lambda token: pickle.dumps({"a": token, "b": 1}, 2),
    "MessagePack": lambda token: b"\x81\xa1a\xd9" + bytes([len(token) & 0xFF]) + token.encode() + b"\xc0\0",
    "Protocol Buffers": lambda token: b"\x12\5hello\x1a" + bytes([len(token) & 0x7F]) + token.encode() + b"\x22\1x\0",
}


@pytest.mark.parametrize("kept", KEPT)
def test_what_keeps_a_token_does_not_hide_it(scanner: secrets.SecretsScanner, kept: str) -> None:
    """Also where the byte of its length is a letter."""
    found = {rule: rules(scanner, member(KEPT[kept](fill(SHAPES[rule], random.Random(rule))))) for rule in TOKENS}
    assert [rule for rule in TOKENS if rule not in found[rule]] == []


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "a program": lambda text: b"\x7fELF" + NOISE + b"\0" + text + b"\0" + NOISE,
    "a Windows program": lambda text: b"MZ" + NOISE + text + b"\0" + NOISE,
    "UTF-16 in a Windows program": lambda text: b"MZ" + NOISE + text.decode().encode("utf-16-le") + NOISE,
    "a picture": lambda text: b"\x89PNG\r\n\x1a\n" + NOISE + text + b"\0",
}


@pytest.mark.parametrize("packed", PACKED)
@pytest.mark.parametrize("before", ["", "x", "xx", "apiVersion: v1\n"])
@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (KEY, "private-key"),
        (f"token={TOKEN}", "github-personal-token"),
        (TOKEN, "github-personal-token"),
        ("spring.datasource.password=4kQ9zT2mXv7LrB1nYc8W", "configured-secret"),
    ],
)
def test_base64_in_programs_hides_nothing(
    scanner: secrets.SecretsScanner, packed: str, before: str, text: str, rule: str
) -> None:
    data = PACKED[packed](base64.b64encode(f"{before}\n{text}\n".encode()))

    assert [(one.rule, one.message.rpartition(" in ")[2]) for one in findings(scanner, member(data))] == [
        (rule, "base64 text")
    ]


def test_base64_of_what_is_no_secret_is_none(scanner: secrets.SecretsScanner) -> None:
    text = base64.b64encode(b"enter your password here, or the token that you were given")

    assert not findings(scanner, member(PACKED["a program"](text)))


def test_a_text_full_of_marks_is_decoded_once(scanner: secrets.SecretsScanner) -> None:
    text = base64.b64encode(b"token " * 20_000 + TOKEN.encode())

    assert rules(scanner, member(PACKED["a program"](text))) == {"github-personal-token"}


@pytest.mark.parametrize("at", [5, WINDOW + 1000, 2 * WINDOW + 3])
def test_texts_of_a_large_windows_program_are_seen_in_every_window(scanner: secrets.SecretsScanner, at: int) -> None:
    data = bytearray(b"MZ" + b"\x90" * 3 * WINDOW)
    wide = TOKEN.encode("utf-16-le")
    data[at : at + len(wide)] = wide

    parts: list[Member] = list(windows(bytes(data), "setup.exe", "pe"))
    assert rules(scanner, *parts) == {"github-personal-token"}


@pytest.mark.parametrize("text", ["x{}", "zz{}z", "{}N", "{}Nz", "\n3{}", "N{}"])
def test_what_is_a_part_of_a_word_in_compiled_code_too_is_no_token(scanner: secrets.SecretsScanner, text: str) -> None:
    assert not findings(scanner, member(f"first {text.format(TOKEN)}".encode()))


@given(st.text(string.printable, min_size=5, max_size=20), st.binary(max_size=9), st.binary(max_size=9))
def test_base64_of_a_text_is_known_wherever_it_begins(text: str, before: bytes, after: bytes) -> None:
    pattern = re2.compile(f"({spelled([text])})")

    found = pattern.search(base64.b64encode(before + text.encode() + after))

    assert found is not None
    assert found.start(1) % 4 == 0
