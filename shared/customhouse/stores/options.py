"""What may be set of a store; everything has a default that fits production."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from customhouse.errors import ConfigError

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of one store.

    `page_size` objects a listing asks for at a time; `part_size` bytes of memory a transfer may take, more goes in
    parts; `single_size` bytes that the service is asked to copy in one request; `timeout` seconds for one answer;
    `attempts` in all that the SDK may make. `endpoint` is the URL of an S3-compatible service or an emulator; unset,
    the SDK's own environment decides. `versioned` (`yes`) keeps overwritten objects (memory only).
    `azure_connection_string` replaces the default Azure credential; `azure_hierarchical` (`yes` or `no`) says whether
    the account has a hierarchical namespace and so keeps tags as metadata; unset, the account is asked once.
    """

    page_size: int = 1000
    part_size: int = 16 * MIB
    single_size: int = 256 * MIB
    timeout: int = 30
    attempts: int = 3
    endpoint: str = ""
    versioned: str = ""
    azure_connection_string: str = ""
    azure_hierarchical: str = ""

    @classmethod
    def read(cls, values: Mapping[str, str]) -> Self:
        """Options from text; ConfigError names one that is unknown or no positive number."""
        known = {field.name: field.type for field in fields(cls)}
        if unknown := sorted(set(values) - set(known)):
            raise ConfigError(f"store option {unknown[0]!r} is unknown: use one of {', '.join(known)}")
        read: dict[str, Any] = {n: _number(n, text) if known[n] == "int" else text for n, text in values.items()}
        return cls(**read)


def _number(name: str, text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise ConfigError(f"store option {name} is {text!r}: give a positive whole number")
    return int(text)
