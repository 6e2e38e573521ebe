from __future__ import annotations

import gzip
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.errors import ConfigError
from customhouse.lifecycle.inventory import in_use, live, reports, table
from customhouse.lifecycle.words import Artifact
from customhouse.model import Coverage, Decision, Inspection, Location, Package, Verdict
from tests.lifecycle.support import memory


@pytest.fixture
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with table.connect(memory="500MB") as found:
        yield found


def rows(database: duckdb.DuckDBPyConnection, *columns: str) -> list[tuple[object, ...]]:
    return database.execute(f"FROM inventory SELECT {', '.join(columns)} ORDER BY key, created").fetchall()


# live listings


def test_a_listing_gives_one_row_per_live_object_with_what_its_record_knows() -> None:
    store = memory(versioned=True)
    store.put("a", b"1", tags={"team": "red"})
    newer = store.put("a", b"22")
    store.put("b", b"3")
    facts = live.Known(verdict="clean", package="numpy")
    found = list(live.rows(store, 0.0, live.Closer(lambda where: facts if where == newer else None)))
    assert [(item.location.key, item.size, item.package) for item in found] == [("a", 2, "numpy"), ("b", 1, "")]
    assert all(item.live for item in found)


def test_versions_are_replaced_when_the_next_one_came_and_never_earlier() -> None:
    store = memory(versioned=True)
    for data in (b"1", b"22", b"333"):
        store.put("a", data)
    store.put("gone", b"x")
    store.delete(Location(store.root, "gone"))
    store.put("z", b"z")
    found = list(live.rows(store, 9e9, versions=True))
    assert [(item.location.key, item.size, item.live) for item in found] == [
        ("a", 1, False),
        ("a", 2, False),
        ("a", 3, True),
        ("gone", 1, False),
        ("z", 1, True),
    ]
    assert [item.noncurrent_since for item in found[:2]] == [item.created for item in found[1:3]]
    assert found[3].noncurrent_since == 9e9


def test_a_record_says_which_package_the_artifact_itself_is() -> None:
    packages = (
        Package("pkg:pypi/six@1.16", "a.tgz!/x"),
        Package("pkg:npm/%40s/name@1.2.3", "a.tgz!/package/package.json"),
    )
    inspection = Inspection("a.tgz", "npm", 1, {"sha256": "00"}, (), packages, Coverage(1, 1, 1))
    found = live.known(Decision(Verdict.CLEAN, "default"), inspection)
    assert found == live.Known("clean", "npm", "npm", "@s/name", "1.2.3", "sha256:00")
    assert live.known(None, None) == live.Known()
    odd = Inspection("a", "zip", 1, {}, (), (Package("not a purl", "a"),), Coverage(1, 1, 1))
    assert live.known(None, odd) == live.Known(kind="zip")


# S3 Inventory

S3_COLUMNS = "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag, StorageClass"
S3_ROWS = [
    ("b", "a+b%2Fc%25.log", "v2", "true", "false", "7", "2026-01-03T00:00:00.000Z", "e2", "STANDARD_IA"),
    ("b", "a+b%2Fc%25.log", "v1", "false", "false", "5", "2026-01-01T00:00:00.000Z", "e1", "STANDARD"),
    ("b", "gone", "m", "true", "true", "", "2026-01-05T00:00:00.000Z", "", ""),
    ("b", "gone", "v1", "false", "false", "3", "2026-01-02T00:00:00.000Z", "e3", "STANDARD"),
]
DAY_1 = 1_767_225_600.0


def s3_csv(folder: Path) -> Path:
    (folder / "data").mkdir()
    text = "\n".join(",".join(f'"{value}"' for value in row) for row in S3_ROWS)
    (folder / "data" / "part.csv.gz").write_bytes(gzip.compress(text.encode()))
    manifest = folder / "manifest.json"
    files = [{"key": "inventory/b/config/data/part.csv.gz", "size": 1, "MD5checksum": ""}]
    manifest.write_text(json.dumps({"fileFormat": "CSV", "fileSchema": S3_COLUMNS, "files": files}))
    return manifest


def test_s3_inventory_csv_is_read_by_its_manifest_with_decoded_names(
    database: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    files, columns = reports.manifest(s3_csv(tmp_path))
    reports.load_report(database, "s3", files, columns=columns)
    assert rows(database, "root", "key", "version", "etag", "size", "created", "noncurrent_since", "storage_class") == [
        ("s3://b", "a b/c%.log", "v1", "e1", 5, DAY_1, DAY_1 + 2 * 86_400, "STANDARD"),
        ("s3://b", "a b/c%.log", "v2", "e2", 7, DAY_1 + 2 * 86_400, None, "STANDARD_IA"),
        ("s3://b", "gone", "v1", "e3", 3, DAY_1 + 86_400, DAY_1 + 4 * 86_400, "STANDARD"),
    ]


S3_PARQUET = (
    "SELECT 'b' AS bucket, 'k%2F' AS key, 'v' AS version_id, true AS is_latest, false AS is_delete_marker, "
    "9::BIGINT AS size, TIMESTAMP '2026-01-01' AS last_modified_date, 'e' AS e_tag, 'GLACIER' AS storage_class, "
    "'ON' AS object_lock_legal_hold_status, TIMESTAMP '2026-01-02' AS object_lock_retain_until_date"
)


def test_s3_inventory_parquet_has_plain_names_and_holds(database: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    database.execute(f"COPY ({S3_PARQUET}) TO '{tmp_path / 'part.parquet'}' (FORMAT parquet)")
    reports.load_report(database, "s3", [tmp_path / "part.parquet"])
    assert rows(database, "key", "size", "created", "held", "locked_until", "noncurrent_since", "storage_class") == [
        ("k%2F", 9, DAY_1, True, DAY_1 + 86_400, None, "GLACIER")
    ]


@pytest.mark.parametrize(
    ("legal", "event", "held"), [("OFF", "ON", True), ("", "", False), ("ON", "OFF", True), ("off", "odd", True)]
)
def test_an_event_hold_of_s3_inventory_is_a_hold(
    database: duckdb.DuckDBPyConnection, tmp_path: Path, legal: str, event: str, *, held: bool
) -> None:
    path = tmp_path / "part.csv"
    columns = "Bucket,Key,Size,LastModifiedDate,ObjectLockLegalHoldStatus,ObjectLockEventHoldStatus"
    path.write_text(f"{columns}\nb,k,1,2026-01-01T00:00:00Z,{legal},{event}\n")
    reports.load_report(database, "s3", [path])
    assert rows(database, "held") == [(held,)]


@pytest.mark.parametrize(
    ("cloud", "columns"),
    [
        ("s3", "Bucket,Key,Size,LastModifiedDate,ObjectLockRetainUntilDate"),
        ("gs", "bucket,name,size,timeCreated,retentionExpirationTime"),
        ("az", "bucket,Name,Content-Length,Last-Modified,ImmutabilityPolicyUntilDate"),
    ],
)
@pytest.mark.parametrize(
    ("said", "until"),
    [("2026-01-01T00:00:00Z", DAY_1), ("", None), ("soon", float("inf")), ("31/12/2030", float("inf"))],
)
def test_a_lock_whose_end_does_not_read_has_none(
    database: duckdb.DuckDBPyConnection,
    tmp_path: Path,
    cloud: reports.Cloud,
    columns: str,
    *,
    said: str,
    until: float | None,
) -> None:
    path = tmp_path / "part.csv"
    path.write_text(f"{columns}\nb,c/k,1,2026-01-01T00:00:00Z,{said}\n")
    reports.load_report(database, cloud, [path], account="acme")
    assert rows(database, "locked_until") == [(until,)]


@pytest.mark.skipif(importlib.util.find_spec("pyarrow") is None, reason="pyarrow is not installed")
def test_s3_inventory_orc_is_read_like_parquet(database: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    arrow, orc = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.orc")
    columns = {"bucket": ["b"], "key": ["k"], "size": [3], "last_modified_date": ["2026-01-01T00:00:00Z"]}
    orc.write_table(arrow.table(columns), str(tmp_path / "part.orc"))
    reports.load_report(database, "s3", [tmp_path / "part.orc"])
    assert rows(database, "root", "key", "size", "created") == [("s3://b", "k", 3, DAY_1)]


# Azure and Cloud Storage


def test_azure_inventory_tells_tags_last_access_holds_and_versions(
    database: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    path = tmp_path / "blobs.csv"
    path.write_text(
        "Name,Last-Modified,Etag,Content-Length,AccessTier,LastAccessTime,VersionId,IsCurrentVersion,LegalHold,Tags\n"
        'c/a/b.log,2026-01-02T00:00:00Z,0x8D,5,Hot,2026-01-03T00:00:00Z,2,true,false,"{""team"":""red""}"\n'
        "c/a/b.log,2026-01-01T00:00:00Z,0x8C,4,Cool,,1,false,true,\n"
    )
    reports.load_report(database, "az", [path], account="acme")
    found = rows(
        database, "root", "key", "version", "etag", "used", "noncurrent_since", "held", "tags", "storage_class"
    )
    assert found == [
        ("az://acme/c", "a/b.log", "1", "0x8C", None, DAY_1 + 86_400, True, {}, "Cool"),
        ("az://acme/c", "a/b.log", "2", "0x8D", DAY_1 + 2 * 86_400, None, False, {"team": "red"}, "Hot"),
    ]


def test_an_azure_inventory_without_its_account_is_refused(database: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="storage account"):
        reports.load_report(database, "az", [tmp_path / "blobs.csv"])


def test_storage_insights_tell_when_a_generation_was_replaced(
    database: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    path = tmp_path / "insights.csv"
    path.write_text(
        "bucket,name,size,timeCreated,timeDeleted,storageClass,generation,temporaryHold\n"
        "b,a,5,2026-01-01T00:00:00Z,2026-01-02T00:00:00Z,NEARLINE,11,false\n"
        "b,a,6,2026-01-02T00:00:00Z,,STANDARD,12,true\n"
    )
    reports.load_report(database, "gs", [path])
    assert rows(database, "root", "version", "created", "noncurrent_since", "held", "storage_class") == [
        ("gs://b", "11", DAY_1, DAY_1 + 86_400, False, "NEARLINE"),
        ("gs://b", "12", DAY_1 + 86_400, None, True, "STANDARD"),
    ]


def test_a_report_of_something_else_is_refused(database: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("id,what\n1,2\n")
    with pytest.raises(ConfigError, match="no column 'name'"):
        reports.load_report(database, "gs", [path])
    with pytest.raises(ConfigError, match=r"an inventory is \.csv"):
        reports.load_report(database, "gs", [tmp_path / "x.txt"])


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"files": []}', '{"files": [{"key": "../../etc/passwd"}], "fileFormat": "CSV", "fileSchema": "Key"}'],
)
def test_a_manifest_that_is_none_or_names_a_file_elsewhere_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(text)
    with pytest.raises(ConfigError):
        reports.manifest(path)


def test_what_a_source_does_not_say_is_unknown_and_never_false_knowledge(
    database: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    path = tmp_path / "inventory.jsonl"
    with path.open("wb") as file:
        table.export([Artifact(Location("s3://b", "k"), 1, 2.0)], file)
    table.load_export(database, path)
    [found] = rows(database, "used", "noncurrent_since", "tags", "held", "verdict", "image_tags", "expires_at")
    assert found == (None, None, {}, False, "", [], None)


def test_a_long_plan_writes_nothing_to_standard_output(database: duckdb.DuckDBPyConnection) -> None:
    assert database.execute("SELECT current_setting('enable_progress_bar')").fetchone() == (False,)


# in use

DIGEST = "sha256:" + "ab" * 32
OTHER = "sha256:" + "cd" * 32


def covered(digest: str, count: int) -> dict[str, object]:
    """A resource of `aws inspector2 list-coverage`: its name and its use count stand apart."""
    metadata = {"ecrImage": {"tags": ["1.2"], "inUseCount": count, "lastInUseAt": "2026-11-01T00:00:00Z"}}
    arn = f"arn:aws:ecr:eu-central-1:1:repository/app/{digest}"
    return {"resourceType": "AWS_ECR_CONTAINER_IMAGE", "resourceId": arn, "resourceMetadata": metadata}


COVERAGE = {"coveredResources": [covered(OTHER, 0), covered(DIGEST, 3)]}


@pytest.mark.parametrize(
    "text",
    [
        f"# running\n{DIGEST}\n\n",
        f"registry/app@{DIGEST}\n",
        json.dumps({"items": [{"status": {"containerStatuses": [{"imageID": f"docker-pullable://app@{DIGEST}"}]}}]}),
        json.dumps({"resources": [{"details": {"awsEcrContainerImage": {"imageHash": DIGEST, "inUseCount": 2}}}]}),
        json.dumps(COVERAGE),
    ],
)
def test_digests_are_found_in_every_kind_of_in_use_list(text: str) -> None:
    assert in_use.parse(text, "list") == {DIGEST}


digests = st.integers(0, 5).map(lambda at: f"sha256:{at:064x}")


@st.composite
def dumps(draw: st.DrawFn) -> tuple[Any, set[str]]:
    """A dump of pods at some depth among other things, and the digests that run in it."""
    found, used = list[Any](), set[str]()
    for digest, running in draw(st.lists(st.tuples(digests, st.booleans()), min_size=1, max_size=4)):
        pod = {"containerStatuses": [{"imageID": f"docker-pullable://app@{digest}", "note": "sha256:" + "f" * 64}]}
        image = {"imageHash": digest, "inUseCount": 1 if running else 0}
        found.append(draw(st.sampled_from([pod, image])))
        used |= {digest} if running or found[-1] is pod else set()
    for key in draw(st.lists(st.sampled_from(["items", "status", "spec"]), max_size=4)):
        found = [{key: found, "kind": "Pod"}]
    return found, used


@given(dumps())
def test_what_runs_is_found_at_any_depth_of_a_dump_and_nothing_else_is(dump: tuple[Any, set[str]]) -> None:
    value, used = dump
    assert in_use.parse(json.dumps(value), "dump") == used


@given(st.lists(st.one_of(digests, st.sampled_from(["s3://b/k", "gs://b/a b#c", "oci://h/r@sha256:" + "1" * 64]))))
def test_the_lines_of_a_list_may_stand_in_any_order_and_among_comments(names: list[str]) -> None:
    plain, mixed = (
        "\n".join([*names, "#"]),
        "# all\r\n\r\n".join(f"  {name} # why\r\n" for name in [*reversed(names), "#"]),
    )
    assert in_use.parse(plain, "list") == in_use.parse(mixed, "list")
    assert set(names) & in_use.parse(plain, "list") == set(names)


def test_addresses_count_and_unused_images_do_not() -> None:
    assert in_use.parse("s3://bucket/key # the model in production\n", "list") == {"s3://bucket/key"}
    assert in_use.parse(json.dumps([{"inUseCount": 0, "imageHash": DIGEST}]), "list") == frozenset()
    assert in_use.parse("# nothing\n", "list") == frozenset()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "\ufeff",
        " \n\t\n",
        "[]",
        "{}",
        '{"kind": "List", "items": []}',
        '{"coveredResources": []}',
    ],
)
def test_a_list_that_is_empty_as_a_failed_command_leaves_it_does_not_say_that_nothing_is_in_use(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^list: it lists nothing, .* `# nothing`$"):
        in_use.parse(text, "list")


PODS: dict[str, Any] = {"kind": "List", "items": [{"imageID": f"host/app@{DIGEST}"}]}
COVERED: dict[str, Any] = {"coveredResources": [{"inUseCount": 1, "imageHash": DIGEST}]}


@pytest.mark.parametrize(
    ("dump", "whole"),
    [
        (PODS, True),
        (PODS | {"metadata": {"resourceVersion": "7", "continue": ""}}, True),
        (PODS | {"metadata": {"continue": "abc", "remainingItemCount": 9}}, False),
        (COVERED, True),
        (COVERED | {"nextToken": None}, True),
        (COVERED | {"nextToken": "abc"}, False),
        (COVERED | {"NextToken": "abc"}, False),
        ([COVERED | {"nextToken": "abc"}, COVERED], True),
        ([COVERED, COVERED | {"nextToken": "abc"}], False),
    ],
)
def test_a_page_of_a_dump_that_says_that_others_follow_is_refused(dump: object, *, whole: bool) -> None:
    if whole:
        assert in_use.parse(json.dumps(dump), "dump") == {DIGEST}
        return
    with pytest.raises(ConfigError, match=r"^dump: it is one page of several"):
        in_use.parse(json.dumps(dump), "dump")


@pytest.mark.parametrize(
    "text", ["latest\n", "sha256:short\n", "{half", "[" * 100_000, '{"items": [{"kind": "Node"}]}', "[1]"]
)
def test_an_unreadable_in_use_list_is_never_taken_for_an_empty_one(text: str) -> None:
    with pytest.raises(ConfigError, match="list"):
        in_use.parse(text, "list")
