"""Options of a scanner: the policy's mapping turned into a typed struct, or one clear line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from customhouse.errors import ConfigError

T = TypeVar("T", bound="Options")


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of every scanner's options; a name that it does not have is an error."""


def read(scanner: str, given: Mapping[str, object], wanted: type[T]) -> T:
    """The options as `wanted`; ConfigError names the scanner, the option and what is wrong with it."""
    try:
        return msgspec.convert(dict(given), wanted)
    except msgspec.ValidationError as error:
        names = ", ".join(field.name for field in msgspec.structs.fields(wanted))
        message = f"scanners.{scanner}: {error}; it has the options {names or '(none)'}"
        raise ConfigError(message) from error
