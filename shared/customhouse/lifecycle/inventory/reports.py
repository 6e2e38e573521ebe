"""The clouds' own inventory reports, read by DuckDB into the table `inventory`.

S3 Inventory (CSV, ORC, Parquet): https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory.html;
Azure Blob Inventory (CSV, Parquet): https://learn.microsoft.com/azure/storage/blobs/blob-inventory;
Storage Insights (CSV, Parquet): https://cloud.google.com/storage/docs/insights/inventory-reports
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from customhouse.errors import ConfigError
from customhouse.lifecycle.inventory.table import create, quote

if TYPE_CHECKING:
    import duckdb

Cloud = Literal["s3", "gs", "az"]


def _moment(column: str) -> str:
    return f"epoch(try_cast({column} AS TIMESTAMPTZ))"


def _lock(column: str) -> str:
    """Until when a lock holds: for ever where that does not read, because something is stated."""
    return f"CASE WHEN trim(coalesce({column}::VARCHAR, '')) <> '' THEN coalesce({_moment(column)}, 'infinity') END"


def _true(column: str) -> str:
    return f"lower(coalesce({column}::VARCHAR, '')) = 'true'"


def _on(column: str) -> str:
    """Whether a hold is on: it is unless nothing is stated, or that it is off."""
    return f"lower(trim(coalesce({column}::VARCHAR, ''))) NOT IN ('', 'false', 'off')"


_NEWER = "lead({moment}) OVER (PARTITION BY {name} ORDER BY {moment}, {current})"
_REPLACED = "coalesce(newer, 'infinity'::DOUBLE)"
"""When an old version was replaced: where the report does not tell, it is old all the same, and never due."""

_SNAPSHOT = "coalesce(snapshot::VARCHAR, '') <> ''"
"""Whether a row is a blob's snapshot, which would take a place beside the blob itself among the latest."""

FIELDS: dict[str, dict[str, str]] = {
    "s3": {
        "version": "versionid",
        "etag": "etag",
        "size": "size",
        "created": _moment("lastmodifieddate"),
        "storage_class": "storageclass",
        "noncurrent_since": f"CASE WHEN {_true('islatest')} THEN NULL ELSE {_REPLACED} END",
        "held": f"{_on('objectlocklegalholdstatus')} OR {_on('objectlockeventholdstatus')}",
        "locked_until": _lock("objectlockretainuntildate"),
    },
    "az": {
        "version": "versionid",
        "etag": "trim(etag, '\"')",
        "size": "contentlength",
        "created": _moment("lastmodified"),
        "used": _moment("lastaccesstime"),
        "storage_class": "accesstier",
        "noncurrent_since": f"CASE WHEN {_true('iscurrentversion')} THEN NULL ELSE {_REPLACED} END",
        "tags": "nullif(tags, '')::JSON::MAP(VARCHAR, VARCHAR)",
        "held": _on("legalhold"),
        "locked_until": _lock("immutabilitypolicyuntildate"),
    },
    "gs": {
        "version": "generation",
        "size": "size",
        "created": _moment("timecreated"),
        "storage_class": "storageclass",
        "noncurrent_since": _moment("timedeleted"),
        "held": f"{_on('temporaryhold')} OR {_on('eventbasedhold')}",
        "locked_until": _lock("retentionexpirationtime"),
    },
}
"""Our columns as expressions over a report's, whose names are compared without case, dashes and underscores."""

READ = {
    "s3": (
        "bucket",
        "versionid",
        "islatest",
        "isdeletemarker",
        "size",
        "lastmodifieddate",
        "etag",
        "storageclass",
        "objectlocklegalholdstatus",
        "objectlockeventholdstatus",
        "objectlockretainuntildate",
    ),
    "az": (
        "versionid",
        "iscurrentversion",
        "deleted",
        "snapshot",
        "hdiisfolder",
        "contentlength",
        "lastmodified",
        "lastaccesstime",
        "etag",
        "accesstier",
        "tags",
        "legalhold",
        "immutabilitypolicyuntildate",
    ),
    "gs": (
        "bucket",
        "generation",
        "size",
        "timecreated",
        "timedeleted",
        "storageclass",
        "temporaryhold",
        "eventbasedhold",
        "retentionexpirationtime",
    ),
}
"""Every column of a report that is read."""
NAMES = {"s3": "key", "az": "name", "gs": "name"}
"""Which column holds the object's name; Azure's begins with the container."""
DEFAULTS = {"islatest": "'true'", "iscurrentversion": "'true'"}
"""What a column that a report was not configured to have stands for; NULL otherwise."""


def load_report(
    database: duckdb.DuckDBPyConnection,
    cloud: Cloud,
    files: Sequence[Path],
    *,
    columns: Sequence[str] = (),
    account: str = "",
    listed: bool = False,
) -> frozenset[str]:
    """Make the table `inventory` out of a report's files, all of one format told by their suffix; its columns.

    `columns` names a CSV's columns where it has no header (S3's manifest has them: see `manifest`), `account` is
    Azure's, which a report does not name. `listed` tells that a manifest named the files, which are of one report then.
    """
    if cloud == "az" and not account:
        raise ConfigError("an Azure inventory does not name its storage account: give it")
    relation = _source(database, files, columns)
    found = {re.sub(r"[^a-z0-9]", "", name.lower()): name for name in _columns(database, relation)}
    name = NAMES[cloud]
    if name not in found:
        raise ConfigError(f"{files[0]}: no column {name!r}: is it an inventory of this cloud?")
    spread = ", ".join(f'"{there}" AS {here}' for here, there in found.items())
    missing = [column for column in READ[cloud] if column not in found]
    spread += "".join(f", {DEFAULTS.get(column, 'NULL')} AS {column}" for column in missing)
    decoded = files[0].name.removesuffix(".gz").endswith(".csv") and cloud == "s3"
    key = f"url_decode(replace({name}, '+', ' '))" if decoded else name
    known = FIELDS[cloud] | {"root": _root(cloud, account), "key": f"regexp_replace({key}, '^[^/]*/', '')"}
    if cloud != "az":
        known["key"] = key
    create(database, f"({_with_newer(cloud, f'FROM {relation} SELECT {spread}')})", known, name=str(files[0]))
    if len(files) > 1 and not (listed and len(set(files)) == len(files)):
        _refuse_twice(database)
    return frozenset(found)


def _refuse_twice(database: duckdb.DuckDBPyConnection) -> None:
    """Refuse files that overlap: a version listed twice would take two places among those that are kept."""
    query = "FROM inventory SELECT root, key GROUP BY root, key, version HAVING count(*) > 1 LIMIT 1"
    if found := database.execute(query).fetchone():
        raise ConfigError(f"{'/'.join(found)!r} is listed twice: give the files of one report, each once")


def manifest(path: Path) -> tuple[list[Path], list[str]]:
    """The files and columns that an S3 Inventory manifest names, its files beside or below it."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        keys = [str(file["key"]) for file in document["files"]]
        columns = (
            [name.strip() for name in document["fileSchema"].split(",")] if document["fileFormat"] == "CSV" else []
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: not an S3 Inventory manifest ({error!r})") from None
    return [_beside(path, key) for key in keys], columns


def _beside(path: Path, key: str) -> Path:
    """A report's file by its last name only: a key is never a path."""
    name = key.rpartition("/")[2]
    for folder in (path.parent, path.parent / "data", path.parent.parent / "data"):
        if (folder / name).is_file():
            return folder / name
    raise ConfigError(f"{path}: {name} is neither beside it nor in a folder data")


def _source(database: duckdb.DuckDBPyConnection, files: Sequence[Path], columns: Sequence[str]) -> str:
    names = f"[{', '.join(quote(str(file)) for file in files)}]"
    suffix = files[0].name.removesuffix(".gz").rpartition(".")[2]
    if suffix == "parquet":
        return f"read_parquet({names}, union_by_name=true)"
    if suffix == "orc":
        return _orc(database, files)
    if suffix != "csv":
        raise ConfigError(f"{files[0]}: an inventory is .csv, .csv.gz, .parquet or .orc")
    header = f"header=false, names=[{', '.join(quote(name) for name in columns)}]" if columns else "header=true"
    return f"read_csv({names}, {header}, all_varchar=true, quote='\"', escape='\"', delim=',')"


def _orc(database: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> str:
    try:
        arrow, orc = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.orc")
    except ModuleNotFoundError:
        raise ConfigError("an ORC inventory needs pyarrow: pip install pyarrow, or order it as Parquet") from None
    database.register("orc_report", arrow.concat_tables([orc.read_table(file) for file in files]))
    return "orc_report"


def _columns(database: duckdb.DuckDBPyConnection, relation: str) -> list[str]:
    """A relation's column names."""
    return [str(row[0]) for row in database.execute(f"DESCRIBE FROM {relation}").fetchall()]


def _root(cloud: Cloud, account: str) -> str:
    if cloud == "az":
        return f"'az://' || {quote(account)} || '/' || split_part(name, '/', 1)"
    return f"'{cloud}://' || bucket"


def _with_newer(cloud: Cloud, rows: str) -> str:
    """The rows that are artifacts, each with the moment a newer version (or a delete marker) came."""
    if cloud == "gs":
        return rows
    moment, current = ("lastmodifieddate", "islatest") if cloud == "s3" else ("lastmodified", "iscurrentversion")
    newer = _NEWER.format(moment=_moment(moment), name="bucket, key" if cloud == "s3" else "name", current=current)
    others = [_true("isdeletemarker")] if cloud == "s3" else [_true("deleted"), _true("hdiisfolder"), _SNAPSHOT]
    return f"FROM (FROM ({rows}) SELECT *, {newer} AS newer) WHERE NOT ({' OR '.join(others)})"
