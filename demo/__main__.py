"""`python -m demo`: a dozen artifacts on three clouds; exit status 1 unless all agree and are right."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from importlib import resources
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from tests.emulators import azurite
from tests.runtimes.folders import ROOT, CloudName, build, core_of

from demo import artifacts
from demo.artifacts import Artifact
from demo.aws import Aws
from demo.azure import Azure
from demo.cloud import Cloud
from demo.flow import Run
from demo.gcp import Gcp
from demo.judge import CLOUDS, Row, problems
from demo.show import show

RESULTS = ROOT / "build" / "demo" / "results.json"
POLICY = RESULTS.with_name("policy.yaml")
STARTERS: Mapping[CloudName, Callable[[Path, Path], Cloud]] = {"aws": Aws, "gcp": Gcp, "azure": Azure}


def main() -> int:
    """Start, upload, wait, read back, compare, stop."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began, console = time.monotonic(), Console()
    _write_policy()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not console.is_terminal) as progress:
        made, rows = _demonstrate(progress)
    RESULTS.write_text(json.dumps([asdict(row) for row in rows], indent=2, ensure_ascii=False) + "\n")
    show(console, rows)
    wrong = problems(rows, {one.key: one.expected for one in made})
    for line in wrong:
        print(f"WRONG: {line}")
    print(f"{len(made)} artifacts, {len(CLOUDS)} clouds, {time.monotonic() - began:.0f} s: {RESULTS.relative_to(ROOT)}")
    print("the clouds do not agree or are wrong" if wrong else "the clouds agree, and every verdict is right")
    return 1 if wrong else 0


def _write_policy() -> None:
    """The packaged policy with a limit of members that a small archive is over."""
    packaged = resources.files("customhouse.policy").joinpath("default.yaml").read_text()
    lowered = re.sub(r"^  members: \d+$", f"  members: {artifacts.MEMBERS}", packaged, count=1, flags=re.MULTILINE)
    if lowered == packaged:
        raise RuntimeError("the packaged policy names no limit of members")
    POLICY.parent.mkdir(parents=True, exist_ok=True)
    POLICY.write_text(lowered)


def _demonstrate(progress: Progress) -> tuple[Sequence[Artifact], list[Row]]:
    """Everything that runs; whatever was started is stopped on the way out, Ctrl-C included."""
    stopping = threading.Event()
    with contextlib.ExitStack() as started, ThreadPoolExecutor(len(CLOUDS) + 1) as pool:
        try:
            making = pool.submit(lambda: list(artifacts.build()))
            folders = _folders()
            starting = [pool.submit(_start, started, name, folders[name]) for name in CLOUDS]
            clouds, made = [one.result() for one in starting], making.result()
            running = [pool.submit(_run, cloud, made, stopping, progress) for cloud in clouds]
            return made, [row for one in running for row in one.result()]
        finally:
            stopping.set()


def _folders() -> Mapping[CloudName, Path]:
    """The three deployment folders; each must bring the core that will run from it."""
    folders = build(*CLOUDS)
    for folder in folders.values():
        core = core_of(folder)
        if not core.is_relative_to(folder):
            raise RuntimeError(f"{folder} would run {core}")
    return folders


def _start(started: contextlib.ExitStack, name: CloudName, folder: Path) -> Cloud:
    return started.enter_context(contextlib.closing(STARTERS[name](folder, POLICY)))


def _run(cloud: Cloud, made: Sequence[Artifact], stopping: threading.Event, progress: Progress) -> list[Row]:
    task = progress.add_task(cloud.name, total=len(made))
    return Run(cloud, stopping, lambda: progress.advance(task)).rows(made)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("stopped")
    except azurite.UnavailableError as reason:
        sys.exit(f"Azurite cannot run here: {reason}")
