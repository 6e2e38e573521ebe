"""The table `inventory` joined with what the records know, and without what is ours."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, fields
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from customhouse.lifecycle import sql
from customhouse.lifecycle.dates import Dated
from customhouse.lifecycle.inventory.live import READERS, Known, Lookup
from customhouse.lifecycle.inventory.table import COLUMNS, quote
from customhouse.lifecycle.inventory.version import identity
from customhouse.lifecycle.parallel import bounded
from customhouse.lifecycle.rules import Rule
from customhouse.model import Location

if TYPE_CHECKING:
    import duckdb

FACTS = tuple(field.name for field in fields(Known))
LOCATION = ("root", "key", "version", "etag")
IDENTITY = ("root", "key", "id")
ID = "CASE WHEN i.version <> '' THEN i.version ELSE i.etag END"
"""As `version.identity`."""


def tell_records(database: duckdb.DuckDBPyConnection, rules: Sequence[Rule], now: float, lookup: Lookup | None) -> None:
    """Fill in what the records know of each version that a rule could still act on; others stay as they are."""
    if lookup is None:
        return
    scheme = "FROM inventory SELECT *, split_part(root, ':', 1) AS scheme"
    here = ", ".join(LOCATION)
    wanted = database.cursor().execute(f"FROM ({scheme}) SELECT DISTINCT {here} WHERE {sql.wanted(rules, now)}")

    def told(row: tuple[str, str, str, str]) -> dict[str, object]:
        facts = lookup(Location(*row)) or Known()
        return dict(zip((*LOCATION, *FACTS), (*row, *astuple(facts)), strict=True))

    _join(database, LOCATION, FACTS, bounded(told, _rows(wanted), READERS))


def tell_dates(database: duckdb.DuckDBPyConnection, dates: Iterable[Dated]) -> None:
    """Fill in when single versions expire."""
    found = [dict(zip(IDENTITY, identity(one.location), strict=True), expires_at=one.expires_at) for one in dates]
    if found:
        _join(database, IDENTITY, ("expires_at",), found)


def _rows(found: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, str, str, str]]:
    while some := found.fetchmany(1000):
        yield from some


def _join(
    database: duckdb.DuckDBPyConnection,
    names: Sequence[str],
    facts: Sequence[str],
    found: Iterable[Mapping[str, object]],
) -> None:
    """Put `facts` into the rows that `names` name."""
    shape = dict.fromkeys(names, "VARCHAR") | {name: COLUMNS[name] for name in facts}
    columns = ", ".join(f"{name}: '{kind}'" for name, kind in shape.items())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "known.jsonl"
        with path.open("wb") as file:
            file.writelines(msgspec.json.encode(row) + b"\n" for row in found)
        known = f"read_json({quote(str(path))}, format='newline_delimited', columns={{{columns}}})"
        same = " AND ".join(f"k.{name} = {ID if name == 'id' else f'i.{name}'}" for name in names)
        told = ", ".join(f"coalesce(k.{name}, i.{name}) AS {name}" for name in facts)
        database.execute(
            f"CREATE OR REPLACE TABLE joined_{names[-1]} AS FROM inventory i LEFT JOIN {known} k ON {same} "
            f"SELECT i.* REPLACE ({told})"
        )
    database.execute(f"CREATE OR REPLACE VIEW inventory AS FROM joined_{names[-1]}")


def reads(database: duckdb.DuckDBPyConnection) -> dict[str, bool]:
    """Of each bucket whether anything in it tells when it was last read."""
    return dict(database.execute("FROM inventory SELECT root, count(used) > 0 GROUP BY root").fetchall())


def leave_out(database: duckdb.DuckDBPyConnection, root: str, prefix: str) -> None:
    """Drop what stands under a prefix of a bucket, such as the records themselves."""
    ours = f"root = {quote(root)} AND starts_with(key, {quote(prefix)})"
    database.execute(f"CREATE OR REPLACE TABLE others AS FROM inventory WHERE NOT ({ours})")
    database.execute("CREATE OR REPLACE VIEW inventory AS FROM others")


def roots(database: duckdb.DuckDBPyConnection) -> list[str]:
    """The buckets of an inventory."""
    return [str(row[0]) for row in database.execute("FROM inventory SELECT DISTINCT root ORDER BY root").fetchall()]
