"""Reports and exports read as their makers meant them, on any machine; what does not read stops the plan."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customhouse.errors import ConfigError
from customhouse.lifecycle.inventory import reports, table
from customhouse.lifecycle.words import DAY, Artifact
from customhouse.model import Location
from tests.lifecycle.worlds import World, seeds

JANUARY_2 = 1_704_153_600.0
AZURE = "Name,Content-Length,Last-Modified,Etag,Snapshot,hdi_isfolder,Deleted,Tags\n"


def azure(folder: Path, *rows: str) -> list[tuple[Any, ...]]:
    path = folder / "report.csv"
    path.write_text(AZURE + "".join(f"{row}\n" for row in rows))
    with table.connect(memory="200MB") as database:
        reports.load_report(database, "az", [path], account="acme")
        return database.execute("FROM inventory SELECT key, created, tags ORDER BY ALL").fetchall()


def test_snapshots_folders_and_deleted_blobs_are_no_artifacts_and_take_no_place(tmp_path: Path) -> None:
    found = azure(
        tmp_path,
        "c/blob,5,2024-01-02T00:00:00Z,e,,,,",
        "c/blob,5,2024-01-02T00:00:00Z,e,2024-01-03T00:00:00Z,false,false,",
        "c/folder,0,2024-01-02T00:00:00Z,e,,true,,",
        "c/gone,5,2024-01-02T00:00:00Z,e,,,true,",
    )
    assert found == [("blob", JANUARY_2, {})]


@pytest.mark.parametrize(
    ("said", "tags"),
    [("", {}), ("{}", {}), ('"{""pinned"":""true""}"', {"pinned": "true"}), ('"{""n"":1}"', {"n": "1"})],
)
def test_a_report_s_tags_are_read(tmp_path: Path, said: str, tags: dict[str, str]) -> None:
    assert azure(tmp_path, f"c/k,5,2024-01-02T00:00:00Z,e,,,,{said}") == [("k", JANUARY_2, tags)]


@pytest.mark.parametrize("said", ["pinned", '"[{""pinned"":""true""}]"', '"""pinned"""', "7"])
def test_tags_that_do_not_read_are_not_taken_for_none(tmp_path: Path, said: str) -> None:
    with pytest.raises(ConfigError, match=r"report\.csv: a value does not read: [^\n]+$"):
        azure(tmp_path, f"c/k,5,2024-01-02T00:00:00Z,e,,,,{said}")


ZONED = """
import sys
from pathlib import Path
from customhouse.lifecycle.inventory import reports, table
with table.connect() as database:
    for path in map(Path, sys.argv[1:]):
        reports.load_report(database, "s3", [path])
        print(database.execute("FROM inventory SELECT created").fetchall())
"""


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Los_Angeles"])
def test_a_moment_without_a_zone_is_utc_whatever_the_machine_s_zone(tmp_path: Path, zone: str) -> None:
    csv, parquet = tmp_path / "naive.csv", tmp_path / "naive.parquet"
    csv.write_text("bucket,key,size,lastmodifieddate\nb,k,1,2024-01-02 00:00:00\n")
    row = "SELECT 'b' AS bucket, 'k' AS key, 1 AS size, TIMESTAMP '2024-01-02' AS last_modified_date"
    with duckdb.connect() as database:
        database.execute(f"COPY ({row}) TO '{parquet}'")
    arguments = [sys.executable, "-c", ZONED, str(csv), str(parquet)]
    done = subprocess.run(arguments, env={**os.environ, "TZ": zone}, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == [f"[({JANUARY_2},)]"] * 2


@pytest.mark.parametrize(
    "line",
    [
        "{}",
        "[]",
        "nonsense",
        '{"location":{"root":"s3://b","key":"k"',
        '{"location":{"root":"s3://b","key":""},"size":1,"created":1}',
        '{"location":{"root":"s3://b","key":"k"},"created":1}',
        '{"location":{"root":"s3://b","key":"k"},"size":1}',
        '{"location":{"root":"s3://b","key":"k"},"size":1,"created":"once"}',
        '{"location":{"root":"s3://b","key":"k"},"size":1,"created":1,"held":"perhaps"}',
        '{"location":{"root":"s3://b","key":"k"},"size":1,"created":1,"tags":["pinned"]}',
    ],
)
def test_a_line_of_an_export_that_is_no_artifact_stops_the_plan_in_one_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "export.jsonl"
    good = '{"location":{"root":"s3://b","key":"k","version":"","etag":"e"},"size":1,"created":1}\n'
    path.write_text(f"{good}{line}\n")
    with table.connect(memory="200MB") as database, pytest.raises(ConfigError, match=r"export\.jsonl: a [^\n]+$"):
        table.load_export(database, path)


HEAD = "Bucket,Key,VersionId,IsLatest,Size,LastModifiedDate,ETag\n"
ROW = "b,{},{},{},5,2024-01-01T00:00:00Z,{}\n"


@pytest.mark.parametrize("twice", [("one.csv", "one.csv"), ("one.csv", "two.csv", "one.csv"), ("one.csv", "later.csv")])
def test_reports_that_list_a_version_twice_are_refused_since_it_would_take_two_places(
    tmp_path: Path, twice: tuple[str, ...]
) -> None:
    (tmp_path / "one.csv").write_text(HEAD + ROW.format("a", "", "true", "e1"))
    (tmp_path / "two.csv").write_text(HEAD + ROW.format("b", "", "true", "e1"))
    (tmp_path / "later.csv").write_text(HEAD + ROW.format("a", "", "true", "e2"))
    with table.connect(memory="200MB") as database:
        with pytest.raises(ConfigError, match="'s3://b/a' is listed twice"):
            reports.load_report(database, "s3", [tmp_path / name for name in twice])
        reports.load_report(database, "s3", [tmp_path / "one.csv", tmp_path / "two.csv"])
        assert database.execute("FROM inventory SELECT key ORDER BY key").fetchall() == [("a",), ("b",)]


def test_versions_of_a_name_in_the_files_of_one_report_are_no_version_twice(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text(HEAD + ROW.format("a", "v2", "true", "e"))
    (tmp_path / "two.csv").write_text(HEAD + ROW.format("a", "v1", "false", "e"))
    with table.connect(memory="200MB") as database:
        reports.load_report(database, "s3", [tmp_path / "one.csv", tmp_path / "two.csv"])
        assert database.execute("FROM inventory SELECT count(*)").fetchone() == (2,)


COLUMNS = [name for name in table.COLUMNS if name not in {"root", "key", "version", "etag"}]


@given(seeds, st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), max_size=3))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_export_reads_back_as_it_was_written_under_any_name(tmp_path: Path, seed: int, names: list[str]) -> None:
    rows = [*World(seed).inventory(), *(Artifact(Location("s3://b", name, "v", "e"), 1, DAY) for name in names)]
    path = tmp_path / "export.jsonl"
    with path.open("wb") as file:
        assert table.export(rows, file) == len(rows)
    assert list(table.load(path)) == rows
    assert {field.name for field in fields(Artifact)} - {"location"} == set(COLUMNS)
    with table.connect(memory="200MB") as database:
        table.load_export(database, path)
        told = database.execute(f"FROM inventory SELECT root, key, version, etag, {', '.join(COLUMNS)}").fetchall()
    found = [Artifact(Location(*row[:4]), **_plain(dict(zip(COLUMNS, row[4:], strict=True)))) for row in told]
    assert sorted(found, key=repr) == sorted(rows, key=repr)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
