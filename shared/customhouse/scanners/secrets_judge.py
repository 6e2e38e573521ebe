"""What looks like a secret but is none: placeholders, examples, words, and keys made for tests."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from itertools import pairwise

from customhouse.scanners.secrets_rules import CURATED, Rule

_SHORT = 128
"""Longer values hold any four letters by chance, so words mean nothing in them."""

_WORDS = tuple(
    b"example placeholder changeme change-me change_me change.me your xxxx dummy sample fake redact insert replace "
    b"notreal not-a-real not_a_real foobar mock test secret_key secretkey password passwd default public undefined "
    b"qwerty asdfgh deadbeef cafebabe ... **** <token <your todo none null lorem".split()
)
_PASSWORDS = frozenset(
    b"password passwd pass passw0rd p@ssw0rd p@ssword secret postgres mysql redis mongo mongodb root admin user guest "
    b"test testing example changeme rabbitmq airflow scott tiger postgrespw wordpress passphrase pwd pw".split()
)
_NO_HOSTS = (b"localhost", b"127.", b"0.0.0.0", b"10.0.0.", b"192.168.", b"host.docker.internal")
_NO_DOMAINS = (
    b".example",
    b".test",
    b".invalid",
    b".localhost",
    b".local",
    b"example.com",
    b"example.org",
    b"example.net",
)

_PUBLISHED = frozenset(line.split()[0] for line in (CURATED / "published.txt").read_text().splitlines())
"""SHA-256, first 16 hex digits, of secrets that their vendors publish as examples or emulator defaults."""

_FIXTURE_PARTS = frozenset(
    {
        "test",
        "tests",
        "testing",
        "testdata",
        "test_data",
        "spec",
        "specs",
        "fixture",
        "fixtures",
        "example",
        "examples",
        "sample",
        "samples",
        "demo",
        "demos",
        "doc",
        "docs",
        "documentation",
        "man",
        "mock",
        "mocks",
        "__tests__",
        "__mocks__",
        "benchmark",
        "benchmarks",
        "tutorial",
        "tutorials",
        "cookbook",
    }
)
_FIXTURE_PREFIXES = (
    "test_",
    "testing_",
    "test-",
    "tests_",
    "conftest.",
    "readme",
    "metadata",
    "pkg-info",
    "changelog",
    "changes",
)
_FIXTURE_SUFFIXES = (
    "_test.py",
    "_tests.py",
    "_test.go",
    ".test.js",
    ".test.ts",
    ".spec.js",
    ".spec.ts",
    "test.java",
    "_spec.rb",
    ".md",
    ".rst",
    ".adoc",
    ".html",
    ".htm",
    ".ipynb",
    ".pod",
    ".txt",
)


def genuine(rule: Rule, secret: bytes, host: bytes) -> bool:
    """Whether this may be somebody's real secret, as far as its bytes tell."""
    lower = secret.lower()
    return (
        entropy(secret) >= rule.entropy
        and not (len(secret) <= _SHORT and any(word in lower for word in _WORDS))
        and not any(text.encode() in secret for text in rule.allow)
        and (rule.repeats or not _regular(secret))
        and (not rule.mixed or _mixed(secret))
        and (not rule.host or (_real_host(host) and lower not in _PASSWORDS))
        and hashlib.sha256(secret).hexdigest()[:16] not in _PUBLISHED
    )


def fixture(path: str) -> bool:
    """Whether a member lies among an artifact's own tests, examples or documents.

    What was uploaded on its own is never a fixture: its folder says nothing about whom it was made for.
    """
    inside = path.lower().split("!/")[1:]
    parts = [part for level in inside for part in level.split("/")]
    if not parts:
        return False
    return (
        not _FIXTURE_PARTS.isdisjoint(parts)
        or "example" in parts[-1]
        or parts[-1].startswith(_FIXTURE_PREFIXES)
        or parts[-1].endswith(_FIXTURE_SUFFIXES)
    )


def entropy(data: bytes) -> float:
    """Shannon entropy in bits a byte."""
    total = len(data)
    return -sum(count / total * math.log2(count / total) for count in Counter(data).values())


def _regular(secret: bytes) -> bool:
    """Six times the same character, six in a row (123456, abcdef), or one short text over and over."""
    steps = [after - before for before, after in pairwise(secret)]
    if any(steps[at : at + 5] in ([0] * 5, [1] * 5, [-1] * 5) for at in range(len(steps) - 4)):
        return True
    return any((secret[:period] * len(secret))[: len(secret)] == secret for period in range(1, 9))


def _mixed(secret: bytes) -> bool:
    """Whether letters and digits alternate as in random text, not as in names, versions, dates or paths."""
    digits = [chr(byte).isdigit() for byte in secret if chr(byte).isalnum()]
    changes = sum(before != after for before, after in pairwise(digits))
    return changes >= max(3, len(digits) // 8) and sum(digits) * 12 >= len(digits)


def _real_host(host: bytes) -> bool:
    """A name with a dot that is not reserved for examples, private use or this machine."""
    lower = host.lower().rstrip(b".")
    return b"." in lower and not lower.startswith(_NO_HOSTS) and not lower.endswith(_NO_DOMAINS)
