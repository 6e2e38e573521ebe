"""Planning by the million: the interpreter's meaning, set-based in DuckDB, row for row the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from customhouse.lifecycle import seal, sql
from customhouse.lifecycle.closure import Protects, close
from customhouse.lifecycle.interpreter import protects
from customhouse.lifecycle.inventory import table
from customhouse.lifecycle.order import ranks
from customhouse.lifecycle.plan import (
    EXACT,
    SAMPLES,
    Header,
    Item,
    Marks,
    Plan,
    Total,
    dated,
    digest_of,
    note,
    parse_header,
    protect,
    ready,
)
from customhouse.lifecycle.plan import read as read_plan
from customhouse.lifecycle.rules import Keep, Rule, digest
from customhouse.lifecycle.using import InUse
from customhouse.lifecycle.words import NOTHING, Action, Artifact, Disposition
from customhouse.model import LIFECYCLE_TAG, Location

if TYPE_CHECKING:
    import duckdb

KEY = "customhouse"
"""The key of the header in a Parquet plan's metadata."""

ITEM = tuple(field.name for field in fields(Item))
LOCATION = "{'root': root, 'key': key, 'version': version, 'etag': etag}"
ACTING = f"FROM decided SELECT {LOCATION} AS location, {', '.join(ITEM[1:])} WHERE action <> 'keep'"
TOTAL = tuple(field.name for field in fields(Total))


def make(
    database: duckdb.DuckDBPyConnection,
    rules: Sequence[Rule],
    now: float,
    out: Path,
    *,
    source: str = "",
    in_use: AbstractSet[str] | None = None,
    lists: Sequence[str] = (),
    marks: Marks | None = None,
) -> Plan:
    """Plan over the table `inventory` into the file `out`, JSON Lines or (by its suffix) Parquet."""
    rules = ready(rules, in_use)
    decide(database, rules, now, in_use or frozenset(), marks or {})
    header = replace(_header(database, rules, now, source), in_use=InUse.of(rules, in_use, lists), seal=seal.OPEN)
    (_write_parquet if out.suffix == ".parquet" else _write_lines)(database, header, out)
    with out.open("r+b") as file:
        seal.seal(file)
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
    _means(database, "CREATE OR REPLACE TEMP TABLE", sql.meanings(rules))
    database.execute(f"CREATE OR REPLACE TEMP VIEW decided AS {_decided(rules, now, marks or {})}")
    _close(database, protects(rules, now, in_use), marks or {})


def _means(database: duckdb.DuckDBPyConnection, how: str, rows: Iterable[sql.Meaning]) -> None:
    """Make or add to the table `meanings`: what an artifact's `meaning` stands for."""
    columns = ("means", "action", "rule", "clause", "detail", "undo")
    kinds = ("BIGINT", "VARCHAR", "VARCHAR", "VARCHAR", "VARCHAR", "BIGINT")
    if how.startswith("CREATE"):
        shape = ", ".join(f"{name} {kind}" for name, kind in zip(columns, kinds, strict=True))
        database.execute(f"{how} meanings ({shape})")
    if found := [list(row) for row in rows]:
        database.executemany("INSERT INTO meanings VALUES (?, ?, ?, ?, ?, ?)", found)


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
    """The query of `decided`: scores, then what they mean."""
    if not rules:
        return f"FROM (FROM base JOIN meanings ON false) {_item(marks)}"
    names = [f"s{at}" for at in range(len(rules))]
    scores = ", ".join(f"{sql.score(rule, at, len(rules), now)} AS {names[at]}" for at, rule in enumerate(rules))
    joins = " ".join(sql.join(f"kept_{at}", rule.keep) for at, rule in enumerate(rules) if rule.keep)
    won = f"FROM (FROM base {joins} SELECT base.*, {scores}) SELECT *, {sql.silenced(names)} AS score"
    told = f"FROM ({won}) SELECT *, {sql.meaning(rules)} AS means WHERE score > 0"
    return f"FROM (FROM ({told}) JOIN meanings USING (means)) {_item(marks)}"


def _item(marks: Marks) -> str:
    """The SELECT of an item's columns, as `plan.Item` has them, beside the inventory's and what was decided."""
    exact = [table.quote(rule) for rule, mark in marks.items() if mark == EXACT]
    cloud = [f"rule IN ({', '.join(exact)})"] if exact else []
    label = f"tags[{table.quote(LIFECYCLE_TAG)}]"
    armed = [(table.quote(rule), table.quote(mark)) for rule, mark in marks.items() if mark != EXACT]
    cloud += [f"rule = {rule} AND coalesce({label} = {mark}, false)" for rule, mark in armed]
    plain = ("means", "root", "key", "version", "etag", *(name for name in ITEM[1:] if name not in {"live", "cloud"}))
    return f"SELECT {', '.join(plain)}, noncurrent_since IS NULL AS live, {sql.some(cloud)} AS cloud"


def _close(database: duckdb.DuckDBPyConnection, protects: Protects, marks: Marks) -> None:
    """Close over images, which are few enough for memory, and put right what the closure changes."""
    related = "len(children) > 0 OR subject <> ''"
    if not database.execute(f"FROM inventory SELECT 1 WHERE {related} LIMIT 1").fetchone():
        return
    images = "FROM base SELECT root, key, version, digest, held, children, subject, locked_until, tags "
    decided = "FROM decided SELECT root, key, version, "
    rows = database.execute(
        f"FROM ({images} WHERE digest <> '' OR {related}) LEFT JOIN "
        f"({decided} action, rule, clause, detail) USING (root, key, version)"
    ).fetchall()
    inventory = [
        Artifact(
            Location(*row[:3]),
            0,
            0.0,
            digest=row[3],
            held=row[4],
            children=tuple(row[5]),
            subject=row[6],
            locked_until=row[7],
            tags=row[8],
        )
        for row in rows
    ]
    before = [Disposition(Action(row[9]), *row[10:]) if row[9] else NOTHING for row in rows]
    after = zip(inventory, before, close(inventory, before, protects), strict=True)
    _overrule(database, [(item.location, one) for item, old, one in after if one != old], marks)


def _overrule(
    database: duckdb.DuckDBPyConnection, changed: Sequence[tuple[Location, Disposition]], marks: Marks
) -> None:
    """Replace what was decided about some artifacts; `decided` becomes a table for it."""
    if not changed:
        return
    undos = dict(database.execute("FROM meanings SELECT rule, max(undo) GROUP BY rule").fetchall())
    fresh = {one: -1 - at for at, one in enumerate(dict.fromkeys(one for _, one in changed))}
    windows = {one: undos[one.rule] if one.action is Action.DELETE else 0 for one in fresh}
    said = [(means, one.action.value, one.rule, one.clause, one.detail, windows[one]) for one, means in fresh.items()]
    _means(database, "INSERT", said)
    here = ("root", "key", "version")
    database.execute(
        f"CREATE OR REPLACE TEMP TABLE changed ({', '.join(f'{name} VARCHAR' for name in here)}, means BIGINT)"
    )
    rows = [(where.root, where.key, where.version, fresh[one]) for where, one in changed]
    database.executemany("INSERT INTO changed VALUES (?, ?, ?, ?)", rows)
    others = f"FROM decided ANTI JOIN changed USING ({', '.join(here)})"
    replaced = f"FROM (FROM base JOIN changed USING ({', '.join(here)}) JOIN meanings USING (means)) {_item(marks)}"
    database.execute(f"CREATE OR REPLACE TEMP TABLE closed AS {others} UNION ALL {replaced}")
    database.execute("CREATE OR REPLACE TEMP VIEW decided AS FROM closed")


def dispositions(database: duckdb.DuckDBPyConnection) -> dict[Location, Disposition]:
    """What was decided about each artifact that a rule has a word on."""
    rows = database.execute(f"FROM decided SELECT {LOCATION} AS location, action, rule, clause, detail").fetchall()
    return {Location(**where): Disposition(Action(action), *rest) for where, action, *rest in rows}


def _header(database: duckdb.DuckDBPyConnection, rules: Sequence[Rule], now: float, source: str) -> Header:
    scanned, size = database.execute("FROM inventory SELECT count(*), coalesce(sum(size), 0)").fetchall()[0]
    # counted by numbers first, which are what they mean only afterwards: strings are dear to group by
    counts = "FROM decided SELECT means, root, storage_class, cloud, count(*) AS n, sum(size) AS size GROUP BY ALL"
    names = ("rule", "action", "detail", "split_part(root, ':', 1) AS scheme", "storage_class", "cloud", "undo")
    sums = database.execute(
        f"FROM ({counts}) JOIN meanings USING (means) SELECT {', '.join(names)}, sum(n)::BIGINT, sum(size)::BIGINT "
        "GROUP BY ALL ORDER BY ALL"
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
        dated=dated(rules),
        note=note(rules),
    )


def _samples(database: duckdb.DuckDBPyConnection, acting: Sequence[str]) -> tuple[Item, ...]:
    """A few items of each rule that has any, whichever come first."""
    found = [database.execute(f"{ACTING} AND rule = ? LIMIT {SAMPLES}", [rule]).fetchall() for rule in acting]
    return tuple(msgspec.convert(dict(zip(ITEM, row, strict=True)), Item) for rows in found for row in rows)


def _write_lines(database: duckdb.DuckDBPyConnection, header: Header, out: Path) -> None:
    """The header's line, then a line of JSON for each item.

    DuckDB's JSON format takes no first line; it is its CSV format without quotes, which does.
    """
    first = table.quote(msgspec.json.encode(header).decode() + "\n")
    form = f"FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\n', PREFIX {first}, SUFFIX '\n'"
    database.execute(f"COPY (FROM ({ACTING}) AS item SELECT to_json(item)) TO {table.quote(str(out))} ({form})")


def _write_parquet(database: duckdb.DuckDBPyConnection, header: Header, out: Path) -> None:
    """One Parquet file, the header in its key-value metadata."""
    meta = table.quote(msgspec.json.encode(header).decode())
    form = "FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, COMPRESSION_LEVEL 1, DICTIONARY_SIZE_LIMIT 1000"
    database.execute(f"COPY ({ACTING}) TO {table.quote(str(out))} ({form}, KV_METADATA {{{KEY}: {meta}}})")


def _metadata(database: duckdb.DuckDBPyConnection, path: Path) -> bytes:
    """What a Parquet file says of itself under our key; nothing of one that does not read."""
    import duckdb  # noqa: PLC0415 -- an extra

    try:
        found = database.execute("FROM parquet_kv_metadata(?) SELECT value WHERE key = ?", [str(path), KEY]).fetchone()
    except duckdb.Error:
        return b""
    return bytes(found[0]) if found else b""


def read_parquet(path: Path) -> Plan:
    """A plan from its Parquet file; its items are read a batch at a time."""
    database = table.connect(threads=1)
    header = parse_header(_metadata(database, path), str(path))

    def items() -> Iterator[Item]:
        cursor = database.cursor().execute(f"FROM read_parquet(?) SELECT {', '.join(ITEM)}", [str(path)])
        while rows := cursor.fetchmany(1000):
            yield from (msgspec.convert(dict(zip(ITEM, row, strict=True)), Item) for row in rows)

    return Plan(header, items, lambda: digest_of(path))
