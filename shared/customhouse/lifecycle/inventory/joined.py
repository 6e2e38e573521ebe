"""The table `inventory` joined with what the records know, and without what is ours."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from customhouse.lifecycle.inventory.live import Known
from customhouse.lifecycle.inventory.records import Identity
from customhouse.lifecycle.inventory.table import COLUMNS, quote

if TYPE_CHECKING:
    import duckdb

FACTS = tuple(field.name for field in fields(Known))
IDENTITY = ("root", "key", "id")


def join(database: duckdb.DuckDBPyConnection, found: Iterable[tuple[Identity, Known]]) -> None:
    """Fill in what the records know of each version; a version without a record stays as it is."""
    shape = dict.fromkeys(IDENTITY, "VARCHAR") | {name: COLUMNS[name] for name in FACTS}
    columns = ", ".join(f"{name}: '{kind}'" for name, kind in shape.items())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "known.jsonl"
        with path.open("wb") as file:
            for identity, facts in found:
                row = dict(zip(IDENTITY, identity, strict=True)) | msgspec.to_builtins(facts)
                file.write(msgspec.json.encode(row) + b"\n")
        known = f"read_json({quote(str(path))}, format='newline_delimited', columns={{{columns}}})"
        told = ", ".join(f"coalesce(k.{name}, i.{name}) AS {name}" for name in FACTS)
        database.execute(
            f"CREATE OR REPLACE TABLE joined AS FROM inventory i LEFT JOIN {known} k ON i.root = k.root "
            "AND i.key = k.key AND k.id = CASE WHEN i.version <> '' THEN i.version ELSE i.etag END "
            f"SELECT i.* REPLACE ({told})"
        )
    database.execute("CREATE OR REPLACE VIEW inventory AS FROM joined")


def leave_out(database: duckdb.DuckDBPyConnection, root: str, prefix: str) -> None:
    """Drop what stands under a prefix of a bucket, such as the records themselves."""
    ours = f"root = {quote(root)} AND starts_with(key, {quote(prefix)})"
    database.execute(f"CREATE OR REPLACE TABLE others AS FROM inventory WHERE NOT ({ours})")
    database.execute("CREATE OR REPLACE VIEW inventory AS FROM others")


def roots(database: duckdb.DuckDBPyConnection) -> list[str]:
    """The buckets of an inventory."""
    return [str(row[0]) for row in database.execute("FROM inventory SELECT DISTINCT root ORDER BY root").fetchall()]
