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
    """Make the table `decided`: the inventory's rowid as `id`, and an item's columns, where any rule has a word."""
    database.execute("CREATE OR REPLACE TEMP TABLE in_use (name VARCHAR)")
    if in_use:
        database.execute("INSERT INTO in_use SELECT unnest(?::VARCHAR[])", [sorted(in_use)])
    _versions(database, rules)
    base = "FROM inventory SELECT rowid AS id, split_part(root, ':', 1) AS scheme, *"
    database.execute(f"CREATE OR REPLACE TEMP VIEW base AS {base}")
    for at, rule in enumerate(rules):
        if rule.keep:
            database.execute(f"CREATE OR REPLACE TEMP TABLE kept_{at} AS {_kept(rule, rule.keep, now)}")
    database.execute(f"CREATE OR REPLACE TEMP TABLE decided AS {_decided(rules, now, marks or {})}")
    _close(database, rules, marks or {})


def _versions(database: duckdb.DuckDBPyConnection, rules: Sequence[Rule]) -> None:
    """The table `version_ranks`, filled where a rule orders by version: each distinct version once, not each row."""
    database.execute(
        "CREATE OR REPLACE TEMP TABLE version_ranks (ecosystem VARCHAR, package_version VARCHAR, version_rank BIGINT)"
    )
    if any(rule.keep and rule.keep.order == "version" for rule in rules):
        pairs = database.execute("FROM inventory SELECT DISTINCT ecosystem, package_version").fetchall()
        ordered = [[*pair, rank] for pair, rank in ranks(pairs).items()]
        database.executemany("INSERT INTO version_ranks VALUES (?, ?, ?)", ordered)


def _kept(rule: Rule, keep: Keep, now: float) -> str:
    """The ids that the rule's `keep` keeps."""
    source = "base LEFT JOIN version_ranks USING (ecosystem, package_version)" if keep.order == "version" else "base"
    window = f"PARTITION BY {', '.join(sql.group(keep))} ORDER BY {sql.newest_first(keep)}"
    rank = f"row_number() OVER ({window})"
    return f"FROM {source} SELECT id WHERE {sql.ranked(rule, now)} QUALIFY {rank} <= {keep.latest}"


def _decided(rules: Sequence[Rule], now: float, marks: Marks) -> str:
    """The query of the table `decided`."""
    if not rules:
        silence = ", ".join(f"'' AS {name}" for name in ("action", "rule", "clause", "detail"))
        return f"FROM (FROM base SELECT *, {silence} LIMIT 0) {_item({}, marks)}"
    names = [f"s{at}" for at in range(len(rules))]
    scores = ", ".join(
        f"{sql.score(rule, at, len(rules), now, f'id IN (FROM kept_{at})')} AS {name}"
        for at, (rule, name) in enumerate(zip(rules, names, strict=True))
    )
    won = f"FROM (FROM base SELECT *, {scores}) SELECT *, {sql.silenced(names)} AS score"
    said = ", ".join(f"{expression} AS {name}" for name, expression in sql.unpack(rules).items())
    return f"FROM (FROM ({won}) SELECT *, {said} WHERE score > 0) {_item(_undos(rules), marks)}"


def _undos(rules: Sequence[Rule]) -> dict[str, int]:
    return {rule.id: rule.undo for rule in rules if rule.undo}


def _item(undos: Mapping[str, int], marks: Marks) -> str:
    """The SELECT of an item's columns, as `plan.Item` has them, beside the inventory's and what was decided."""
    undo = " ".join(f"WHEN {sql.quote(rule)} THEN {seconds}" for rule, seconds in undos.items())
    exact = [sql.quote(rule) for rule, mark in marks.items() if mark == "exact"]
    armed = [sql.quote(rule) for rule, mark in marks.items() if mark == "armed"]
    label = f"coalesce(tags[{sql.quote(LIFECYCLE_TAG)}] = rule, false)"
    cloud = [f"rule IN ({', '.join(exact)})"] if exact else []
    cloud += [f"rule IN ({', '.join(armed)}) AND {label}"] if armed else []
    columns = {
        "location": "{'root': root, 'key': key, 'version': version, 'etag': etag}",
        "undo": f"CASE WHEN action = 'delete' THEN CASE rule {undo} ELSE 0 END ELSE 0 END" if undo else "0",
        "live": "noncurrent_since IS NULL",
        "cloud": sql.some(cloud),
    }
    return f"SELECT id, {', '.join(f'{columns.get(name, name)} AS {name}' for name in ITEM)}"


def _close(database: duckdb.DuckDBPyConnection, rules: Sequence[Rule], marks: Marks) -> None:
    """Close over images, which are few enough for memory, and put right what the closure changes."""
    related = "len(children) > 0 OR subject <> ''"
    if not database.execute(f"FROM inventory SELECT 1 WHERE {related} LIMIT 1").fetchone():
        return
    wanted = ("root", "digest", "held", "children", "subject", "action", "rule", "clause", "detail")
    rows = database.execute(
        f"FROM base LEFT JOIN decided USING (id) SELECT id, {', '.join(_image(name) for name in wanted)} "
        f"WHERE base.digest <> '' OR {related}"
    ).fetchall()
    images = [
        Artifact(Location(row[1], ""), 0, 0.0, digest=row[2], held=row[3], children=tuple(row[4]), subject=row[5])
        for row in rows
    ]
    before = [Disposition(Action(row[6]), *row[7:]) if row[6] else NOTHING for row in rows]
    after = close(images, before)
    changed = [
        (row[0], one.action.value, one.rule, one.clause, one.detail)
        for row, old, one in zip(rows, before, after, strict=True)
        if one != old
    ]
    _overrule(database, changed, _item(_undos(rules), marks))


def _image(name: str) -> str:
    return f"base.{name}" if name in table.COLUMNS else f"decided.{name}"


def _overrule(database: duckdb.DuckDBPyConnection, changed: Sequence[tuple[object, ...]], item: str) -> None:
    """Replace what was decided about some ids."""
    if not changed:
        return
    database.execute(
        "CREATE OR REPLACE TEMP TABLE changed (id BIGINT, action VARCHAR, rule VARCHAR, clause VARCHAR, detail VARCHAR)"
    )
    database.executemany("INSERT INTO changed VALUES (?, ?, ?, ?, ?)", changed)
    database.execute("DELETE FROM decided WHERE id IN (FROM changed SELECT id)")
    database.execute(f"INSERT INTO decided FROM (FROM base JOIN changed USING (id)) {item}")


def dispositions(database: duckdb.DuckDBPyConnection) -> list[Disposition]:
    """What was decided about each row of the inventory, in its order."""
    rows = database.execute(
        "FROM inventory LEFT JOIN decided ON inventory.rowid = decided.id "
        "SELECT action, rule, clause, detail ORDER BY inventory.rowid"
    ).fetchall()
    return [Disposition(Action(row[0]), *row[1:]) if row[0] else NOTHING for row in rows]


def _header(database: duckdb.DuckDBPyConnection, rules: Sequence[Rule], now: float, source: str) -> Header:
    scanned, size = database.execute("FROM inventory SELECT count(*), coalesce(sum(size), 0)").fetchall()[0]
    (kept,) = database.execute("FROM decided SELECT count(*) WHERE action = 'keep'").fetchall()[0]
    names = ("rule", "action", "detail", "split_part(location.root, ':', 1)", "storage_class", "cloud", "undo")
    sums = database.execute(
        f"FROM decided SELECT {', '.join(names)}, count(*), sum(size)::BIGINT "
        "WHERE action <> 'keep' GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    return Header(
        policy=digest(tuple(rules)),
        inventory=source,
        clock=now,
        scanned=scanned,
        scanned_size=int(size),
        kept=kept,
        totals=tuple(msgspec.convert(dict(zip(TOTAL, row, strict=True)), Total) for row in sums),
        samples=_samples(database),
        protect=protect(rules),
        note=note(rules),
    )


def _samples(database: duckdb.DuckDBPyConnection) -> tuple[Item, ...]:
    """As `plan.samples`: a short list per rule, without sorting the rest."""
    order = "{'key': location.key, 'version': location.version}"
    found = database.execute(
        f"FROM decided SELECT rule, min_by({{{', '.join(f'{name}: {name}' for name in ITEM)}}}, {order}, {SAMPLES}) "
        "WHERE action <> 'keep' GROUP BY rule ORDER BY rule"
    ).fetchall()
    return tuple(msgspec.convert(item, Item) for _, items in found for item in items)


def _write_lines(database: duckdb.DuckDBPyConnection, header: Header, out: Path) -> None:
    """The header's line, then DuckDB's own JSON Lines behind it."""
    with tempfile.NamedTemporaryFile(dir=out.parent, prefix=f"{out.name}.") as body:
        target = sql.quote(body.name)
        database.execute(
            f"COPY (FROM decided SELECT {', '.join(ITEM)} WHERE action <> 'keep') TO {target} (FORMAT json)"
        )
        with out.open("wb") as file:
            file.write(msgspec.json.encode(header) + b"\n")
            with Path(body.name).open("rb") as lines:
                shutil.copyfileobj(lines, file, 1 << 20)


def _write_parquet(database: duckdb.DuckDBPyConnection, header: Header, out: Path) -> None:
    """One Parquet file, the header in its key-value metadata."""
    meta = sql.quote(msgspec.json.encode(header).decode())
    database.execute(
        f"COPY (FROM decided SELECT {', '.join(ITEM)} WHERE action <> 'keep') TO {sql.quote(str(out))} "
        f"(FORMAT parquet, COMPRESSION zstd, KV_METADATA {{{KEY}: {meta}}})"
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
