"""Private keys, in whatever form files hold them."""

from __future__ import annotations

import base64
import json
import random
import textwrap
import urllib.parse
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from customhouse.scanners import secrets
from tests.scanners.support import findings, member, rules

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="module")
def scanner() -> secrets.SecretsScanner:
    return secrets.build({"salt": "pepper"})


def pem(key: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey, form: PrivateFormat, phrase: bytes = b"") -> str:
    locked = BestAvailableEncryption(phrase) if phrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, form, locked).decode()


def openssh(cipher: bytes) -> str:
    """A private key of OpenSSH's under a passphrase: what it says of itself, then noise."""
    sizes = [len(part).to_bytes(4, "big") + part for part in (cipher, b"bcrypt", bytes(24))]
    body = base64.encodebytes(b"openssh-key-v1\0" + b"".join(sizes) + random.Random(4).randbytes(300)).decode()
    return f"-----BEGIN OPENSSH PRIVATE KEY-----\n{body}-----END OPENSSH PRIVATE KEY-----\n"


RSA, CURVE = rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(0, 96, 3)))
PRIVATE_KEYS = {
    "PKCS #1": pem(RSA, PrivateFormat.TraditionalOpenSSL),
    "PKCS #8": pem(RSA, PrivateFormat.PKCS8),
    "OpenSSH": pem(RSA, PrivateFormat.OpenSSH),
    "Ed25519 in PKCS #8, which is a line": pem(CURVE, PrivateFormat.PKCS8),
    "Ed25519 in OpenSSH's form": pem(CURVE, PrivateFormat.OpenSSH),
}
JOINED: dict[str, Callable[[str], str]] = {
    "its own": lambda key: key,
    "Windows": lambda key: key.replace("\n", "\r\n"),
    "blanks": lambda key: key.replace("\n", " "),
    "nothing": lambda key: key.replace("\n", ""),
    "indented": lambda key: key.replace("\n", "  \n\t"),
    "JSON": lambda key: json.dumps({"private_key": key}),
    "JSON in JSON": lambda key: json.dumps(json.dumps(key.replace("\n", "\r\n"))),
    "a list": lambda key: json.dumps({"key": key.splitlines()}, indent=2),
    "YAML": lambda key: "key: |\n" + textwrap.indent(key, "    "),
    "a list in YAML": lambda key: "key:\n" + textwrap.indent(key, "  - "),
    "strings": lambda key: " +\n".join(f"'{line}\\n'" for line in key.split("\n")),
    "strings in PHP": lambda key: key.replace("\n", "'.\"\\n\".'"),
    "a backslash": lambda key: key.replace("\n", "\\\n"),
    "code points": lambda key: key.replace("\n", "\\u000a"),
    "comments": lambda key: textwrap.indent(key, "# "),
    "comments in C": lambda key: textwrap.indent(key, "// "),
    "a block of comment": lambda key: "/*\n" + textwrap.indent(key, " * ") + " */",
    "a mail": lambda key: textwrap.indent(key, "> "),
    "a patch": lambda key: textwrap.indent(key, "+"),
    "numbers": lambda key: "\n".join(f"{place:4} {line}" for place, line in enumerate(key.splitlines())),
    "XML": lambda key: f"<key>{key}</key>".replace("\n", "&#13;&#xA;"),
    "a URL": lambda key: f"key={urllib.parse.quote(key, safe='')}",
    "a form": lambda key: urllib.parse.urlencode({"key": key}),
    "base64": lambda key: base64.b64encode(key.encode()).decode(),
    "a Kubernetes secret": lambda key: f"kind: Secret\ndata:\n  tls.key: {base64.b64encode(key.encode()).decode()}\n",
    "wrapped base64": lambda key: base64.encodebytes(key.encode()).decode(),
}


@pytest.mark.parametrize("joined", JOINED)
@pytest.mark.parametrize("kind", PRIVATE_KEYS)
def test_a_private_key_is_found_however_its_lines_are_joined(
    scanner: secrets.SecretsScanner, kind: str, joined: str
) -> None:
    data = JOINED[joined](PRIVATE_KEYS[kind]).encode()

    assert rules(scanner, member(b"first\n" + data + b"\nlast", "file")) == {"private-key"}


@pytest.mark.parametrize(
    "key",
    [
        pem(RSA, PrivateFormat.PKCS8, b"passphrase"),
        pem(RSA, PrivateFormat.TraditionalOpenSSL, b"passphrase"),
        openssh(b"aes256-ctr"),
        openssh(b"aes256-gcm@openssh.com"),
        openssh(b"chacha20-poly1305@openssh.com"),
    ],
)
def test_a_private_key_under_a_passphrase_is_none(scanner: secrets.SecretsScanner, key: str) -> None:
    assert not findings(scanner, member(key.encode(), "file"))


@pytest.mark.parametrize(
    "text",
    [
        "'-----BEGIN PRIVATE KEY-----\\n' + btoa(key).match(/.{1,64}/g).join('\\n') + '\\n-----END PRIVATE KEY-----'",
        "It begins with -----BEGIN PRIVATE KEY----- and then, on lines of their own, come base64 digits, -----END",
        f"-----BEGIN PRIVATE KEY-----\n{'A' * 64}\n{'A' * 64}\n-----END PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpQIBAAKCAQEAuyf/lNrH9ck8DmNyo3fGgvCI1l9s+cmBY3WIz+cUDqmxiieR\\n.-----END",
        "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
    ],
)
def test_what_only_speaks_of_private_keys_is_left_alone(scanner: secrets.SecretsScanner, text: str) -> None:
    assert not findings(scanner, member(text.encode(), "file"))
