"""Planning by the million: the interpreter's meaning, set-based in DuckDB, row for row the same."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from customhouse.lifecycle import sql
from customhouse.lifecycle.closure import close
from customhouse.lifecycle.inventory import table
from customhouse.lifecycle.order import ranks
from customhouse.lifecycle.plan import (
    SAMPLES,
    Header,
    Item,
    Marks,
    Plan,
    Total,
    note,
    parse_header,
    protect,
    ready,
)
from customhouse.lifecycle.plan import read as read_plan
from customhouse.lifecycle.rules import Keep, Rule, digest
from customhouse.lifecycle.words import NOTHING, Action, Artifact, Disposition
from customhouse.model import LIFECYCLE_TAG, Location

if TYPE_CHECKING:
    import duckdb

KEY = "customhouse"
"""The key of the header in a Parquet plan's metadata."""

ITEM = tuple(field.name for field in fields(Item))
TOTAL = tuple(field.name for field in fields(Total))


def make(
    database: duckdb.DuckDBPyConnection,
    rules: Sequence[Rule],
    now: float,
    out: Path,
    *,
    source: str = "",
    in_use: AbstractSet[str] | None = None,
    marks: Marks | None = None,
) -> Plan:
    """Plan over the table `inventory` into the file `out`, JSON Lines or (by its suffix) Parquet."""
    rules = ready(rules, in_use)
    decide(database, rules, now, in_use or frozenset(), marks or {})
    header = _header(database, rules, now, source)
    (_write_parquet if out.suffix == ".parquet" else _write_lines)(database, header, out)
    return read_plan(out)


def decide(
    database: duckdb.DuckDBPyConnection,
    rules: Sequence[Rule],
    now: float,
    in_use: AbstractSet[str] = frozenset(),
    marks: Marks | None = None,
) -> None:
    """Make the relation `decided`: an item's columns for every artifact that a rule has a word on, kept ones too."""
    database.execute("CREATE OR REPLACE TEMP TABLE in_use (name VARCHAR)")
    if in_use:
        database.execute("INSERT INTO in_use SELECT unnest(?::VARCHAR[])", [sorted(in_use)])
    _base(database, rules)
    for at, rule in enumerate(rules):
        if rule.keep:
            _kept(database, f"kept_{at}", rule, rule.keep, now)
    database.execute(f"CREATE OR REPLACE TEMP VIEW decided AS {_decided(rules, now, marks or {})}")
    _close(database, rules, marks or {})


def _base(database: duckdb.DuckDBPyConnection, rules: Sequence[Rule]) -> None:
    """The view `base`: the inventory with its scheme, and with ranks of versions where a rule orders by them."""
    joined = ""
    if any(rule.keep and rule.keep.order == "version" for rule in rules):
        pairs = database.execute("FROM inventory SELECT DISTINCT ecosystem, package_version").fetchall()
        database.execute(
            "CREATE OR REPLACE TEMP TABLE version_ranks "
            "(ecosystem VARCHAR, package_version VARCHAR, version_rank BIGINT)"
        )
        ordered = [[*pair, rank] for pair, rank in ranks(pairs).items()]
        database.executemany("INSERT INTO version_ranks VALUES (?, ?, ?)", ordered or [["", "", 0]])
        joined = "JOIN version_ranks USING (ecosystem, package_version)"
    database.execute(
        f"CREATE OR REPLACE TEMP VIEW base AS FROM inventory {joined} SELECT *, split_part(root, ':', 1) AS scheme"
    )


def _kept(database: duckdb.DuckDBPyConnection, name: str, rule: Rule, keep: Keep, now: float) -> None:
    """The table of what is kept last in each group of a rule."""
    database.execute(f"CREATE OR REPLACE TEMP TABLE edges AS {sql.edges(rule, keep, now)}")
    database.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {sql.untied('edges')}")
    if database.execute("FROM edges SELECT 1 WHERE tied LIMIT 1").fetchone():
        database.execute(f"INSERT INTO {name} {sql.tied('edges', rule, keep, now)}")


def _decided(rules: Sequence[Rule], now: float, marks: Marks) -> str:
    """The query of `decided`."""
    if not rules:
        silence = ", ".join(f"'' AS {name}" for name in ("action", "rule", "clause", "detail"))
        return f"FROM (FROM base SELECT *, {silence} LIMIT 0) {_item({}, marks)}"
    names = [f"s{at}" for at in range(len(rules))]
    scores = ", ".join(f"{sql.score(rule, at, len(rules), now)} AS {names[at]}" for at, rule in enumerate(rules))
    joins = " ".join(sql.join(f"kept_{at}", rule.keep) for at, rule in enumerate(rules) if rule.keep)
    won = f"FROM (FROM base {joins} SELECT base.*, {scores}) SELECT *, {sql.silenced(names)} AS score"
    said = ", ".join(f"{expression} AS {name}" for name, expression in sql.unpack(rules).items())
    return f"FROM (FROM ({won}) SELECT *, {said} WHERE score > 0) {_item(_undos(rules), marks)}"


def _undos(rules: Sequence[Rule]) -> dict[str, int]:
    return {rule.id: rule.undo for rule in rules if rule.undo}


def _item(undos: Mapping[str, int], marks: Marks) -> str:
    """The SELECT of an item's columns, as `plan.Item` has them, beside the inventory's and what was decided."""
    undo = " ".join(f"WHEN {table.quote(rule)} THEN {seconds}" for rule, seconds in undos.items())
    exact = [table.quote(rule) for rule, mark in marks.items() if mark == "exact"]
    armed = [table.quote(rule) for rule, mark in marks.items() if mark == "armed"]
    label = f"coalesce(tags[{table.quote(LIFECYCLE_TAG)}] = rule, false)"
    cloud = [f"rule IN ({', '.join(exact)})"] if exact else []
    cloud += [f"rule IN ({', '.join(armed)}) AND {label}"] if armed else []
    columns = {
        "location": "{'root': root, 'key': key, 'version': version, 'etag': etag}",
        "undo": f"CASE WHEN action = 'delete' THEN CASE rule {undo} ELSE 0 END ELSE 0 END" if undo else "0",
        "live": "noncurrent_since IS NULL",
        "cloud": sql.some(cloud),
    }
    return f"SELECT {', '.join(f'{columns.get(name, name)} AS {name}' for name in ITEM)}"


def _close(database: duckdb.DuckDBPyConnection, rules: Sequence[Rule], marks: Marks) -> None:
    """Close over images, which are few enough for memory, and put right what the closure changes."""
    related = "len(children) > 0 OR subject <> ''"
    if not database.execute(f"FROM inventory SELECT 1 WHERE {related} LIMIT 1").fetchone():
        return
    images = "FROM base SELECT root, key, version, digest, held, children, subject "
    decided = "FROM decided SELECT location.root AS root, location.key AS key, location.version AS version, "
    rows = database.execute(
        f"FROM ({images} WHERE digest <> '' OR {related}) LEFT JOIN "
        f"({decided} action, rule, clause, detail) USING (root, key, version)"
    ).fetchall()
    inventory = [
        Artifact(Location(*row[:3]), 0, 0.0, digest=row[3], held=row[4], children=tuple(row[5]), subject=row[6])
        for row in rows
    ]
    before = [Disposition(Action(row[7]), *row[8:]) if row[7] else NOTHING for row in rows]
    after = zip(inventory, before, close(inventory, before), strict=True)
    _overrule(database, [(item.location, one) for item, old, one in after if one != old], _item(_undos(rules), marks))


def _overrule(database: duckdb.DuckDBPyConnection, changed: Sequence[tuple[Location, Disposition]], item: str) -> None:
    """Replace what was decided about some artifacts; `decided` becomes a table for it."""
    columns = ("root", "key", "version", "action", "rule", "clause", "detail")
    database.execute(f"CREATE OR REPLACE TEMP TABLE changed ({', '.join(f'{name} VARCHAR' for name in columns)})")
    rows = [
        (where.root, where.key, where.version, one.action.value, one.rule, one.clause, one.detail)
        for where, one in changed
    ]
    if not rows:
        return
    database.executemany("INSERT INTO changed VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    here = ", ".join(f"'{name}': location.{name}" for name in columns[:3])
    there = ", ".join(f"'{name}': {name}" for name in columns[:3])
    others = f"FROM decided WHERE {{{here}}} NOT IN (FROM changed SELECT {{{there}}})"
    database.execute(
        f"CREATE OR REPLACE TEMP TABLE closed AS {others} "
        f"UNION ALL FROM (FROM base JOIN changed USING (root, key, version)) {item}"
    )
    database.execute("CREATE OR REPLACE TEMP VIEW decided AS FROM closed")


def dispositions(database: duckdb.DuckDBPyConnection) -> dict[Location, Disposition]:
    """What was decided about each artifact that a rule has a word on."""
    rows = database.execute("FROM decided SELECT location, action, rule, clause, detail").fetchall()
    return {Location(**where): Disposition(Action(action), *rest) for where, action, *rest in rows}


def _header(database: duckdb.DuckDBPyConnection, rules: Sequence[Rule], now: float, source: str) -> Header:
    scanned, size = database.execute("FROM inventory SELECT count(*), coalesce(sum(size), 0)").fetchall()[0]
    names = ("rule", "action", "detail", "split_part(location.root, ':', 1)", "storage_class", "cloud", "undo")
    sums = database.execute(
        f"FROM decided SELECT {', '.join(names)}, count(*), sum(size)::BIGINT GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    counted = [msgspec.convert(dict(zip(TOTAL, row, strict=True)), Total) for row in sums]
    totals = tuple(total for total in counted if total.action is not Action.KEEP)
    return Header(
        policy=digest(tuple(rules)),
        inventory=source,
        clock=now,
        scanned=scanned,
        scanned_size=int(size),
        kept=sum(total.items for total in counted if total.action is Action.KEEP),
        totals=totals,
        samples=_samples(database, sorted({total.rule for total in totals})),
        protect=protect(rules),
        note=note(rules),
    )


def _samples(database: duckdb.DuckDBPyConnection, acting: Sequence[str]) -> tuple[Item, ...]:
    """A few items of each rule that has any, whichever come first."""
    found = [
        database.execute(
            f"FROM decided SELECT {', '.join(ITEM)} WHERE action <> 'keep' AND rule = ? LIMIT {SAMPLES}", [rule]
        ).fetchall()
        for rule in acting
    ]
    return tuple(msgspec.convert(dict(zip(ITEM, row, strict=True)), Item) for rows in found for row in rows)


def _write_lines(database: duckdb.DuckDBPyConnection, header: Header, out: Path) -> None:
    """The header's line, then DuckDB's own JSON Lines behind it."""
    with tempfile.NamedTemporaryFile(dir=out.parent, prefix=f"{out.name}.") as body:
        target = table.quote(body.name)
        database.execute(
            f"COPY (FROM decided SELECT {', '.join(ITEM)} WHERE action <> 'keep') TO {target} (FORMAT json)"
        )
        with out.open("wb") as file:
            file.write(msgspec.json.encode(header) + b"\n")
            with Path(body.name).open("rb") as lines:
                shutil.copyfileobj(lines, file, 1 << 20)


def _write_parquet(database: duckdb.DuckDBPyConnection, header: Header, out: Path) -> None:
    """One Parquet file, the header in its key-value metadata."""
    meta = table.quote(msgspec.json.encode(header).decode())
    database.execute(
        f"COPY (FROM decided SELECT {', '.join(ITEM)} WHERE action <> 'keep') TO {table.quote(str(out))} "
        f"(FORMAT parquet, DICTIONARY_SIZE_LIMIT 1000, KV_METADATA {{{KEY}: {meta}}})"
    )


def read_parquet(path: Path) -> Plan:
    """A plan from its Parquet file; its items are read a batch at a time."""
    database = table.connect(threads=1)
    found = database.execute("FROM parquet_kv_metadata(?) SELECT value WHERE key = ?", [str(path), KEY]).fetchone()
    header = parse_header(bytes(found[0]) if found else b"{}", str(path))

    def items() -> Iterator[Item]:
        cursor = database.cursor().execute(f"FROM read_parquet(?) SELECT {', '.join(ITEM)}", [str(path)])
        while rows := cursor.fetchmany(1000):
            yield from (msgspec.convert(dict(zip(ITEM, row, strict=True)), Item) for row in rows)

    return Plan(header, items)
