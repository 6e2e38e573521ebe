r"""Secret rules as data: TOML under `rules/secrets`, four ways to say what a secret looks like.

`token`: a shape that stands on its own (`ghp_…`). `keywords` and `value`: a shapeless value that is assigned to a name
holding one of the keywords. `regex`: anything else, the secret being its first group. All are RE2 syntax; a token, and
a regex that begins with `\b`, may stand behind an escape too. `encoded`: texts by whose base64 that of longer ones is
known in programs, where any base64 is too much to look for; what it says is searched, the rule itself finds nothing.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from customhouse.errors import ConfigError
from customhouse.model import Severity
from customhouse.scanners.secrets_encoded import spelled

CURATED = Path(__file__).parent / "rules" / "secrets"
_CONTROL = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\xff"
_BEGIN = (
    r"(?:\b|\\[abfnrtv]|\\x[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|%[0-9A-Fa-f]{2}|\x1b\[[0-9;]{0,8}m"
    rf"|[zZ{_CONTROL}][0-9A-Za-z_])"
)
"""The end of a word, or of an escape that ends like one: of JSON and programs, in a URL, of a terminal's colour.

In compiled Python and Java, pickles and other formats a string follows the byte of its length, which may be a letter.
"""
_ASSIGNED = r"""[\w .-]{0,24}["'\]\\]{0,4}\s{0,3}(?::|=|=>|:=|,)\s{0,3}["'`\\]{0,4}"""
_END = rf"(?:(?:[^A-Za-z0-9_-]|$)|N?[A-Za-z][{_CONTROL}]|N[)\xa9])"
"""What is no part of a word; in compiled Python a type's letter may follow, or None and then the end of a tuple."""


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of secret.

    `entropy`: bits a byte that the secret needs. `span`: the most bytes that the whole match takes. `text`: looked for
    in text only. `mixed`: the secret must mix letters and digits as random text does. `host`: the second group is a
    host that must be a real one. `fixture`: common in the tests and documents of honest packages, so not looked for
    there. `repeats`: long runs of one character are part of the shape. `allow`: texts that make it an example.
    """

    id: str
    name: str
    token: str = ""
    keywords: tuple[str, ...] = ()
    value: str = ""
    regex: str = ""
    encoded: tuple[str, ...] = ()
    severity: Severity = Severity.HIGH
    entropy: float = 3.0
    span: int = 512
    text: bool = False
    mixed: bool = False
    host: bool = False
    fixture: bool = False
    repeats: bool = False
    allow: tuple[str, ...] = ()

    @property
    def pattern(self) -> bytes:
        """The regular expression; group 1 is the secret."""
        if self.token:
            return rf"{_BEGIN}({self.token}){_END}".encode()
        if self.value:
            name = "|".join(self.keywords)
            return rf"(?i)(?:{name}){_ASSIGNED}({self.value}){_END}".encode()
        if self.encoded:
            return f"({spelled(self.encoded)})".encode()
        if self.regex.startswith(r"\b"):
            return f"{_BEGIN}{self.regex[2:]}".encode()
        return self.regex.encode()

    @property
    def sought(self) -> bytes:
        """What matches wherever the pattern does, its end there: hyperscan takes four times as long for what begins so.

        It finds literals of most shapes by themselves, and none behind a choice of beginnings.
        """
        return self.pattern.removeprefix(_BEGIN.encode())


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rule: tuple[Rule, ...]


def load(folders: Iterable[Path]) -> tuple[Rule, ...]:
    """The rules of all .toml files in the folders, in order; ConfigError names the file and what is wrong."""
    return tuple(rule for folder in folders for file in _files(folder) for rule in _read(file))


def _files(folder: Path) -> list[Path]:
    files = sorted(folder.rglob("*.toml"))
    if not files:
        raise ConfigError(f"scanners.secrets.rules: no .toml file under {folder}")
    return files


def _read(file: Path) -> Iterator[Rule]:
    try:
        rules = msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), _File).rule
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"{file}: {error}") from error
    for rule in rules:
        if sum(map(bool, (rule.token, rule.keywords and rule.value, rule.regex, rule.encoded))) != 1:
            raise ConfigError(
                f"{file}: rule {rule.id!r} needs exactly one of token, keywords with value, regex, encoded"
            )
        yield rule
