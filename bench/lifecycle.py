"""Lifecycle: rows planned a second at growing sizes against the interpreter and Spark; apply's rate and its calls.

Every size is planned in a process of its own, so that its peak memory is the operating system's figure. The inventory
is an unversioned bucket as S3 Inventory lists it, in key order: 50 builds of each package, a seventh of them excluded.
The rule keeps the latest 10 per package and deletes the others after 30 days; the explained plan is written.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench._applied import measured
from customhouse.lifecycle import plan
from customhouse.lifecycle.inventory import table
from customhouse.lifecycle.vocabulary import load
from customhouse.lifecycle.words import DAY, Artifact
from customhouse.model import Location

WORK = Path(__file__).resolve().parents[1] / "build" / "bench"
REPORT = WORK / "lifecycle.json"
SIZES = (1_000_000, 10_000_000, 20_000_000)
SMALL = 200_000
START = 1_700_000_000
NOW = float(START + 365 * DAY)
RULES: list[dict[str, Any]] = [
    {
        "id": "builds",
        "do": "delete",
        "select": {"prefix": "packages/"},
        "exclude": {"suffix": ".tmp"},
        "age": "30d",
        "keep": {"latest": 10, "per": "package"},
    }
]
COLUMNS = ("root", "key", "etag", "size", "created", "storage_class", "ecosystem", "package")
MADE = f"""
FROM range(?) t(i) SELECT 's3://builds' AS root,
  'packages/p' || lpad((i // 50)::VARCHAR, 7, '0') || '/build-' || lpad((i % 50)::VARCHAR, 2, '0')
    || CASE WHEN i % 7 = 0 THEN '.tmp' ELSE '.whl' END AS key,
  md5(i::VARCHAR) AS etag, (hash(i + 1) % 50000000)::BIGINT AS size,
  {START} + (hash(i + 2) % 31536000)::DOUBLE AS created, 'STANDARD' AS storage_class, 'pypi' AS ecosystem,
  'p' || (i // 50) AS package
"""
ONE = """
import json, resource, sys, time
from pathlib import Path
from bench.lifecycle import COLUMNS, NOW, RULES
from customhouse.lifecycle import planner
from customhouse.lifecycle.inventory import table
from customhouse.lifecycle.vocabulary import load
source, out = Path(sys.argv[1]), Path(sys.argv[2])
began, cpu = time.perf_counter(), time.process_time()
database = table.connect(memory="3GB", threads=2, spill=out.parent / "spill")
table.create(database, f"read_parquet('{source}')", {name: name for name in COLUMNS}, lazy=True)
made = planner.make(database, load(RULES), NOW, out, source=str(source))
wall, cpu = time.perf_counter() - began, time.process_time() - cpu
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"wall": wall, "cpu": cpu, "memory": memory, "items": sum(t.items for t in made.header.totals)}))
"""
SPARK = """
import json, sys, time
from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as F
source, out, now = sys.argv[1], sys.argv[2], float(sys.argv[3])
spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
began = time.perf_counter()
rows = spark.read.parquet(source)
chosen = rows.where(F.col("key").startswith("packages/") & ~F.col("key").endswith(".tmp"))
window = Window.partitionBy("root", "ecosystem", "package").orderBy(F.desc("created"), F.desc("key"))
ranked = chosen.withColumn("rank", F.row_number().over(window))
due = ranked.where((F.col("rank") > 10) & (F.col("created") + 30 * 86400 <= now))
due.withColumn("clause", F.lit("not in latest 10 per package")).write.mode("overwrite").parquet(out)
print(json.dumps({"wall": time.perf_counter() - began}))
"""


def inventory(count: int) -> Path:
    """The Parquet inventory of so many rows, made once."""
    path = WORK / f"inventory-{count}.parquet"
    if not path.exists():
        with table.connect() as database:
            database.execute(f"COPY ({MADE.replace('?', str(count))}) TO '{path}' (FORMAT parquet)")
    return path


def child(code: str, *arguments: str) -> dict[str, float]:
    """What a process of its own printed last."""
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def planned(count: int) -> dict[str, float]:
    """One size planned by DuckDB."""
    source, out = inventory(count), WORK / "plan.parquet"
    found = child(ONE, str(source), str(out))
    out.unlink()
    rates = {"rows_per_second": count / found["wall"], "rows_per_second_of_cpu": count / found["cpu"]}
    return {"rows": count, **rates, **found}


def interpreted() -> float:
    """Rows a second of the reference interpreter over the same rows."""
    with table.connect() as database:
        rows = database.execute(f"FROM read_parquet('{inventory(SMALL)}') SELECT {', '.join(COLUMNS)}").fetchall()
    artifacts = [
        Artifact(Location(root, key, etag=etag), size, made, storage_class=kind, ecosystem=ecosystem, package=package)
        for root, key, etag, size, made, kind, ecosystem, package in rows
    ]
    began = time.perf_counter()
    plan.make(load(RULES), artifacts, NOW)
    return SMALL / (time.perf_counter() - began)


def spark(count: int) -> float | None:
    """Rows a second of Spark's local[2] over the same window; None where pyspark is not installed."""
    if importlib.util.find_spec("pyspark") is None:
        return None
    return count / child(SPARK, str(inventory(count)), str(WORK / "spark"), str(NOW))["wall"]


def main() -> None:
    """Run all, print the table and write the figures."""
    WORK.mkdir(parents=True, exist_ok=True)
    slow = interpreted()
    sizes = [planned(count) for count in SIZES]
    sparked = spark(SIZES[0])
    fast = sizes[1]["rows_per_second"]
    report: dict[str, Any] = {
        "planned": sizes,
        "interpreter_rows_per_second": slow,
        "ratio_to_interpreter": fast / slow,
        "spark_rows_per_second": sparked,
        "ratio_to_spark": sizes[0]["rows_per_second"] / sparked if sparked else None,
        "applied": measured(),
    }
    REPORT.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    for one in sizes:
        wall, cpu = one["rows_per_second"], one["rows_per_second_of_cpu"]
        print(
            f"{one['rows']:>12,} rows  {wall:>10,.0f} a second, {cpu:>10,.0f} a CPU second  {one['memory']:6,.0f} MiB"
        )
    print(f"interpreter {slow:,.0f} rows/s, DuckDB {fast / slow:.1f}x; Spark: {sparked or 'not installed'}")
    for store, kinds in report["applied"].items():
        for kind, found in kinds.items():
            print(f"apply {store:>6} {kind}: {found}")
