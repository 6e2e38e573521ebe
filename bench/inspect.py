"""The inspection engine: speed against openssl, clamscan, yara and the standard library; memory; bombs; start.

Every run is a process of its own over files that are in the page cache. Figures are ratios to baselines measured in
the same run, by wall clock and by CPU (user and system, all threads). `CUSTOMHOUSE_BENCH_MIB` makes the large files
smaller than 1,024 MiB for a quick look; `CUSTOMHOUSE_BENCH_PARTS` runs some parts only.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench import _inputs as inputs
from bench._processes import Run, timed

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / "build" / "bench" / "inspect"
REPORT = ROOT / "build" / "bench" / "inspect.json"
SCALE = int(os.environ.get("CUSTOMHOUSE_BENCH_MIB", "1024"))
ROUNDS = 3
NO_LIMITS = ("--max-filesize=2000M", "--max-scansize=4000M", "--max-files=0", "--max-scantime=0", "--disable-cache")
UNPACK = """
import hashlib, os, sys, tarfile, tempfile, zipfile
with tempfile.TemporaryDirectory(dir=os.path.dirname(sys.argv[1])) as folder:
    if sys.argv[1].endswith(".zip"):
        zipfile.ZipFile(sys.argv[1]).extractall(folder)
    elif sys.argv[1].endswith(".zst"):
        import zstandard
        with open(sys.argv[1], "rb") as file:
            tarfile.open(fileobj=zstandard.ZstdDecompressor().stream_reader(file), mode="r|").extractall(folder)
    else:
        tarfile.open(sys.argv[1]).extractall(folder)
    for root, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(root, name), "rb") as file:
                hashlib.file_digest(file, "sha256")
"""

Figures = dict[str, object]


def inspected(path: Path, rules: Path | None) -> dict[str, float]:
    """Our figures for one file."""
    command = [sys.executable, "-m", "bench._inspected", str(rules or ""), str(path)]
    found: dict[str, float] = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)
    return found


def _best(runs: Sequence[dict[str, float]]) -> dict[str, float]:
    return {**runs[0], "wall": min(run["wall"] for run in runs), "cpu": min(run["cpu"] for run in runs)}


def _fastest(runs: Sequence[Run]) -> dict[str, float]:
    return {"wall": min(run.wall for run in runs), "cpu": min(run.cpu for run in runs)}


def large(name: str, path: Path, rules: Path) -> Figures:
    """One large file: the best of three rounds of ours and of openssl in turns, then one run of each slow command."""
    ours, hashed = [], []
    for _ in range(ROUNDS):
        hashed.append(timed(["openssl", "dgst", "-sha256", str(path)]))
        ours.append(inspected(path, rules.parent))
    best = _best(ours)
    size = path.stat().st_size
    rates = {"MB/s": round(size / 1e6 / best["wall"]), "MB per CPU second": round(size / 1e6 / best["cpu"])}
    figures: Figures = {**rates, "inflated MB": round(best["seen"] / 1e6), "members": best["members"]}
    figures |= {"peak MiB": _peak(ours), "complete": best["complete"], "openssl": _ratio(best, _fastest(hashed))}
    assert str(best["sha256"]) in hashed[0].said, "we hashed other bytes than openssl"
    print(f"{name}: {rates}, peak {figures['peak MiB']} MiB; openssl {figures['openssl']}")
    for tool, command in _commands(path, rules).items():
        figures[tool] = _slow(tool, command, best)
    return figures


def _peak(runs: Sequence[dict[str, float]]) -> int:
    return max(int(run["peak"]) >> 20 for run in runs)


def _ratio(ours: Mapping[str, float], theirs: Mapping[str, float]) -> dict[str, float]:
    """How many times as fast as theirs we are."""
    return {clock: round(theirs[clock] / ours[clock], 2) for clock in ("wall", "cpu")}


def _commands(path: Path, rules: Path) -> dict[str, list[str]]:
    signature = WORK / "one.ndb"
    signature.write_text("Bench.Marker:0:*:" + b"a marker that is nowhere".hex() + "\n", encoding="ascii")
    clamscan = ["clamscan", f"--database={signature}", *NO_LIMITS, "--no-summary", str(path)]
    return {"clamscan": clamscan, "yara": ["yara", str(rules), str(path)]}


def _slow(tool: str, command: Sequence[str], ours: Mapping[str, float]) -> dict[str, float] | str:
    if not shutil.which(command[0]):
        print(f"  {tool} is not on this machine: not compared")
        return "absent"
    ratio = _ratio(ours, _fastest([timed(command)]))
    print(f"  against {tool}: {ratio}")
    return ratio


def throughput() -> Figures:
    """The mixed tar and the file that nothing packs."""
    rules = inputs.rules(WORK / "rules")
    figures: Figures = {}
    tar, noise = WORK / "mixed.tar", WORK / "noise.bin"
    parts = inputs.mixed(tar, SCALE << 20)
    print(f"mixed tar of {SCALE} MiB, bytes in it: {parts}")
    figures["mixed tar"] = {"bytes": parts, **large("mixed tar", tar, rules)}
    tar.unlink()
    inputs.noise(noise, SCALE << 20)
    figures["noise"] = large("noise", noise, rules)
    noise.unlink()
    return figures


def small_files() -> Figures:
    """Archives of small files: inflated MB/s, against unpacking with the standard library and hashing the files."""
    rules = inputs.rules(WORK / "rules")
    paths, size = inputs.small_files(WORK, min(inputs.SMALL_FILES, inputs.SMALL_FILES * SCALE // 256))
    figures: Figures = {"inflated bytes": size}
    for name, path in paths.items():
        best = _best([inspected(path, rules.parent) for _ in range(ROUNDS)])
        theirs = _fastest([timed([sys.executable, "-c", UNPACK, str(path)])])
        assert best["complete"], name
        rates = {"MB/s": round(size / 1e6 / best["wall"]), "MB per CPU second": round(size / 1e6 / best["cpu"])}
        figures[name] = {**rates, "peak MiB": int(best["peak"]) >> 20, "standard library": _ratio(best, theirs)}
        print(f"small files, {name}: {figures[name]}")
    return figures


def memory() -> Figures:
    """Peak resident memory by size of the file, which is sparse."""
    path = WORK / "sparse.bin"
    figures: Figures = {}
    for mebibytes in (10, SCALE, 10 * SCALE):
        inputs.sparse(path, mebibytes << 20)
        found = inspected(path, None)
        figures[f"{mebibytes} MiB"] = {"peak MiB": int(found["peak"]) >> 20, "seconds": round(found["wall"], 2)}
        print(f"memory, {mebibytes:,} MiB: {figures[f'{mebibytes} MiB']}")
        path.unlink()
    return figures


def bombs() -> Figures:
    """Time and memory that each class of bomb takes, and that it is not seen whole."""
    figures: Figures = {}
    for name, path in inputs.bombs(WORK).items():
        found = inspected(path, None)
        stopped = not found["complete"] or bool(found["findings"])
        assert stopped, f"{name} passed"
        seconds = {"seconds": round(found["wall"], 2), "CPU seconds": round(found["cpu"], 2)}
        figures[name] = {"bytes": path.stat().st_size, **seconds, "peak MiB": int(found["peak"]) >> 20}
        print(f"bomb {name}: {figures[name]}")
    return figures


def start() -> Figures:
    """A new process until every engine is ready: Python and imports included, then the engines alone."""
    figures: Figures = {}
    for name, rules in (
        ("default rules", ""),
        (f"{inputs.RULES} more rules", str(inputs.rules(WORK / "rules").parent)),
    ):
        runs = [timed([sys.executable, "-m", "bench._inspected", rules]) for _ in range(ROUNDS)]
        ready = min(json.loads(run.said)["ready_cpu"] for run in runs)
        whole = _fastest(runs)
        figures[name] = {"process": {clock: round(whole[clock], 3) for clock in whole}, "engines cpu": round(ready, 3)}
        print(f"engines ready, {name}: {figures[name]}")
    return figures


PARTS: dict[str, Callable[[], Figures]] = {
    "start": start,
    "small_files": small_files,
    "bombs": bombs,
    "memory": memory,
    "throughput": throughput,
}


def main() -> None:
    """Measure, print and write build/bench/inspect.json; the large files are removed again."""
    chosen = os.environ.get("CUSTOMHOUSE_BENCH_PARTS", ",".join(PARTS)).split(",")
    report: Figures = {"mebibytes": SCALE, "processors": os.cpu_count(), "load before": os.getloadavg()[0]}
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    tempfile.tempdir = str(WORK)
    try:
        report |= {name: part() for name, part in PARTS.items() if name in chosen}
    finally:
        shutil.rmtree(WORK)
    REPORT.write_text(json.dumps(report, indent=2) + "\n", encoding="ascii")
