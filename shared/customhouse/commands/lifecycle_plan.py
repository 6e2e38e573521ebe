"""Planning from a live listing, from the clouds' inventory reports, or from an export."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from customhouse.commands.lifecycle_inputs import Surroundings, without_tags
from customhouse.commands.lifecycle_show import counted
from customhouse.errors import ConfigError
from customhouse.lifecycle import needed, plan
from customhouse.lifecycle.asking import (
    asks_reads,
    asks_versions,
    refuse_unread,
    refuse_unrecorded,
    sees_tags,
)
from customhouse.lifecycle.dates import Dates, by_any_name
from customhouse.lifecycle.inventory import live, table
from customhouse.lifecycle.plan import Plan
from customhouse.lifecycle.rules import Rule
from customhouse.lifecycle.words import Artifact
from customhouse.stores import split

if TYPE_CHECKING:
    import duckdb

    from customhouse.lifecycle.inventory.reports import Cloud


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to plan with, and where to."""

    rules: Sequence[Rule]
    in_use: AbstractSet[str] | None
    now: float
    out: Path
    lists: Sequence[str] = ()


def from_store(here: Surroundings, url: str, wanted: Wanted) -> Plan:
    """Plan over what a store lists now, into a file of JSON Lines."""
    if wanted.out.suffix == ".parquet":
        raise ConfigError("a live listing is planned as .jsonl; Parquet plans are made from --inventory")
    rules = plan.ready(wanted.rules, wanted.in_use)
    root, _ = split(url)
    found = list(listed(here, url, rules, wanted)) if wanted.rules else []
    refuse_unread(rules, {root: not found or any(one.used is not None for one in found)})
    marks = here.marks(root, wanted.rules)
    made = plan.make(wanted.rules, found, wanted.now, source=url, in_use=wanted.in_use, lists=wanted.lists, marks=marks)
    refuse_unrecorded(wanted.rules, wanted.in_use, root, found, made.header.acting)
    with wanted.out.open("wb") as file:
        plan.write(made, file)
    return plan.read(wanted.out)


def listed(here: Surroundings, url: str, rules: Sequence[Rule], wanted: Wanted) -> Iterator[Artifact]:
    """The artifacts of a store, told what the rules, those for the trash too, ask for and only where it matters."""
    root, _ = split(url)
    closer = live.Closer(
        lookup=here.lookup(rules, wanted.in_use),
        tags=sees_tags(rules),
        locks=here.bucket(root).hides,
        dates=by_any_name(here.dates(rules)),
        wanted=needed.wanted(rules, wanted.now),
    )
    return _rows(here, url, wanted.now, closer, versions=asks_versions(rules))


def everything(here: Surroundings, url: str, now: float) -> Iterator[Artifact]:
    """The artifacts of a store with all that can be known of each."""
    root, _ = split(url)
    dates = by_any_name(Dates(*here.state()))
    closer = live.Closer(lookup=here.everything(), tags=True, locks=here.bucket(root).hides, dates=dates)
    return _rows(here, url, now, closer, versions=False)


def _rows(here: Surroundings, url: str, now: float, closer: live.Closer, *, versions: bool) -> Iterator[Artifact]:
    """A listing without our own records."""
    root, prefix = split(url)
    rows, ours = live.rows(here.store(root), now, closer, prefix=prefix, versions=versions), here.ours(root)
    return (one for one in counted(rows, "listing") if ours is None or not one.location.key.startswith(ours))


def from_files(here: Surroundings, files: Sequence[Path], cloud: str, account: str, wanted: Wanted) -> Plan:
    """Plan over inventory files in DuckDB, into JSON Lines or (by the suffix) Parquet."""
    from customhouse.lifecycle import planner  # noqa: PLC0415 -- DuckDB, only where asked for
    from customhouse.lifecycle.inventory import joined  # noqa: PLC0415 -- as above

    for file in files:
        if not file.is_file():
            raise ConfigError(f"{file}: no such file; name the files of an inventory")
    with tempfile.TemporaryDirectory() as spill, table.connect(spill=Path(spill)) as database:
        _load(database, files, cloud, account, wanted.rules)
        if files[0].suffix != ".jsonl":  # an export has all of it
            joined.tell_dates(database, here.dates(wanted.rules))
            lookup = here.lookup(wanted.rules, wanted.in_use)
            joined.tell_records(database, wanted.rules, wanted.now, lookup)
        if asks_reads(wanted.rules):
            refuse_unread(wanted.rules, joined.reads(database))
        roots = joined.roots(database)
        for root in roots:
            if (ours := here.ours(root)) is not None:
                joined.leave_out(database, root, ours)
        marks = here.marks(roots[0], wanted.rules) if len(roots) == 1 else {}
        source = ", ".join(roots) or str(files[0])
        return planner.make(
            database,
            wanted.rules,
            wanted.now,
            wanted.out,
            source=source,
            in_use=wanted.in_use,
            lists=wanted.lists,
            marks=marks,
        )


def _load(
    database: duckdb.DuckDBPyConnection, files: Sequence[Path], cloud: str, account: str, rules: Sequence[Rule]
) -> None:
    from customhouse.lifecycle.inventory import reports  # noqa: PLC0415 -- as above

    first, columns, listed = files[0], list[str](), files[0].name == "manifest.json"
    if first.suffix == ".jsonl":
        if len(files) > 1:
            raise ConfigError("one export at a time: write one file with `customhouse lifecycle export`")
        table.load_export(database, first)
        return
    if listed:
        files, columns = reports.manifest(first)
        cloud = "s3"
    if cloud not in reports.FIELDS:
        raise ConfigError(f"{first}: say whose report it is: --cloud s3, az or gs")
    found = reports.load_report(database, cast("Cloud", cloud), files, columns=columns, account=account, listed=listed)
    if "tags" not in found:
        without_tags(rules, "this inventory")
