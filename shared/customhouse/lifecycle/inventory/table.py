"""The inventory as a DuckDB table, and as the JSON Lines of our own export."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from customhouse.errors import ConfigError
from customhouse.lifecycle.words import Artifact

if TYPE_CHECKING:
    import duckdb

COLUMNS = {
    "root": "VARCHAR",
    "key": "VARCHAR",
    "version": "VARCHAR",
    "etag": "VARCHAR",
    "size": "BIGINT",
    "created": "DOUBLE",
    "used": "DOUBLE",
    "noncurrent_since": "DOUBLE",
    "storage_class": "VARCHAR",
    "tags": "MAP(VARCHAR, VARCHAR)",
    "held": "BOOLEAN",
    "locked_until": "DOUBLE",
    "verdict": "VARCHAR",
    "kind": "VARCHAR",
    "ecosystem": "VARCHAR",
    "package": "VARCHAR",
    "package_version": "VARCHAR",
    "expires_at": "DOUBLE",
    "digest": "VARCHAR",
    "image_tags": "VARCHAR[]",
    "children": "VARCHAR[]",
    "subject": "VARCHAR",
}
"""Columns of the table `inventory`: an Artifact's fields, its location spread out."""

DEFAULTS = {
    "VARCHAR": "''",
    "MAP(VARCHAR, VARCHAR)": "MAP {}",
    "VARCHAR[]": "[]::VARCHAR[]",
    "BOOLEAN": "false",
}
"""What a column holds where a source does not say; numbers are unknown (NULL)."""


def export(artifacts: Iterable[Artifact], file: BinaryIO) -> int:
    """Write artifacts as JSON Lines, our own inventory format; how many there were."""
    encode, count = msgspec.json.Encoder().encode, 0
    for count, artifact in enumerate(artifacts, start=1):  # noqa: B007 -- the last count is the answer
        file.write(encode(artifact) + b"\n")
    return count


def load(path: Path) -> Iterator[Artifact]:
    """The artifacts of an export."""
    decode = msgspec.json.Decoder(Artifact).decode
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                yield decode(line)
            except msgspec.MsgspecError as error:
                raise ConfigError(f"{path}:{number}: not a line of an inventory export ({error})") from None


def connect(memory: str = "4GB", threads: int = 2, spill: Path | None = None) -> duckdb.DuckDBPyConnection:
    """A DuckDB that stays within `memory` and spills to `spill`; it never reads extensions from the network."""
    try:
        import duckdb  # noqa: PLC0415 -- an extra: only planning by the million needs it
    except ModuleNotFoundError:
        raise ConfigError(
            "planning from an inventory file needs DuckDB: pip install 'customhouse[lifecycle]'"
        ) from None
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory,
        "threads": threads,
        "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    if spill is not None:
        config["temp_directory"] = str(spill)
    database = duckdb.connect(config=config)
    database.execute("SET enable_progress_bar = false")  # it would go to standard output, among JSON
    database.execute("SET TimeZone = 'UTC'")  # what a report's moments are in where they do not say
    return database


def create(
    database: duckdb.DuckDBPyConnection, source: str, known: dict[str, str], *, name: str = "", lazy: bool = False
) -> None:
    """Make the table `inventory` from a relation; `known` maps our columns to expressions over it.

    With `lazy` it is a view, right for Parquet: planning then reads the few columns it asks for. ConfigError, naming
    the file `name`, where a value does not read.
    """
    projected = ", ".join(f"{_value(known.get(ours, 'NULL'), kind)} AS {ours}" for ours, kind in COLUMNS.items())
    rows = f"FROM {source} SELECT {projected}"
    if not lazy:
        try:
            database.execute(f"CREATE OR REPLACE TABLE loaded AS {rows}")
        except Exception as error:
            if not type(error).__module__.endswith("duckdb"):
                raise
            raise ConfigError(f"{name}: a value does not read: {str(error).splitlines()[0]}") from None
        rows = "FROM loaded"
    database.execute(f"CREATE OR REPLACE VIEW inventory AS {rows}")


def _value(expression: str, kind: str) -> str:
    cast = f"({expression})::{kind}"
    return f"coalesce({cast}, {DEFAULTS[kind]})" if kind in DEFAULTS else cast


def load_export(database: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Make the table `inventory` from our own export; ConfigError where a line is no artifact."""
    here = ("root", "key", "version", "etag")
    fields = {name: kind for name, kind in COLUMNS.items() if name not in here}
    shape = {"location": f"STRUCT({', '.join(f'{name} VARCHAR' for name in here)})"} | fields
    columns = ", ".join(f"{name}: '{kind}'" for name, kind in shape.items())
    source = f"read_json({quote(str(path))}, format='newline_delimited', columns={{{columns}}})"
    known = {name: f"location.{name}" for name in here} | {name: name for name in fields}
    create(database, source, known, name=str(path))
    whole = "root <> '' AND key <> '' AND size IS NOT NULL AND created IS NOT NULL"
    if database.execute(f"FROM inventory SELECT 1 WHERE NOT ({whole}) LIMIT 1").fetchone():
        raise ConfigError(f"{path}: a line is no artifact: write it with `customhouse lifecycle export`")


def quote(value: str) -> str:
    """A string literal."""
    return "'" + value.replace("'", "''") + "'"
