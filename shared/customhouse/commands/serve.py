"""`sweep` processes what a store holds, `watch` a folder as things land in it; `job` runs what a schedule does."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from customhouse.app import App, load
from customhouse.commands.show import progress
from customhouse.errors import ConfigError, Rejected, Transient
from customhouse.inspect.names import printable
from customhouse.model import Event, Stat
from customhouse.stores import split

LEFT = {"later", "refused"}
"""What became of an artifact that has no verdict yet."""


def sweep(url: Annotated[str, typer.Argument(help="A store, with a prefix if wanted: s3://bucket/in.")]) -> None:
    """Process everything in a store that has no record yet, with settings from CUSTOMHOUSE_ variables.

    Exit status 1 when something could not be judged.
    """
    app = load()
    root, prefix = split(url)
    counts = _process(app, [Event(stat.location, "sweep") for stat in app.store(root).list(prefix)])
    sys.stdout.write("".join(f"{count:>8} {word}\n" for word, count in sorted(counts.items())))
    raise typer.Exit(1 if LEFT & set(counts) else 0)


def job(
    name: Annotated[str, typer.Argument(help="reconcile, lifecycle, advisories or rematch.")],
    seconds: Annotated[float, typer.Option(help="How long it may work before it stops, to go on next time.")] = 3600.0,
) -> None:
    """Run one scheduled job and print what came of it; exit status 1 when there is something left to do."""
    done = dict(load().run_schedule(name, seconds))
    sys.stdout.write(json.dumps(done) + "\n")
    raise typer.Exit(0 if done.get("complete") else 1)


def watch(
    folder: Annotated[Path, typer.Argument(help="The folder where things land.")],
    home: Annotated[
        Path | None, typer.Option(help="Where released, quarantine and records go; beside it by default.")
    ] = None,
    interval: Annotated[float, typer.Option(help="Seconds between looks.")] = 2.0,
    *,
    once: Annotated[bool, typer.Option("--once", help="Look once and end.")] = False,
) -> None:
    """Process a folder as things land in it: released, quarantine and records are folders beside it.

    What is still being written waits for the next look. With --once, exit status 1 when something could not be judged.
    """
    base = (home or folder.resolve().parent / f"{folder.resolve().name}.customhouse").resolve()
    if base.is_relative_to(folder.resolve()):
        raise ConfigError(f"--home: {base} lies in {folder} and would be watched itself; name a folder outside of it")
    places = {name: base / name for name in ("released", "quarantine", "records")}
    for place in (folder, *places.values()):
        place.mkdir(parents=True, exist_ok=True)
    root = f"file://{folder.resolve()}"
    app = load({f"CUSTOMHOUSE_{name.upper()}": f"file://{place}" for name, place in places.items()} | dict(os.environ))
    if not once:
        sys.stderr.write(f"watching {folder}; what becomes of it is in {base}; Ctrl-C ends it\n")
    told: set[str] = set()
    while True:
        due = [stat for stat in app.store(root).list() if once or _quiet(stat, interval)]
        counts = _process(app, [Event(stat.location, "watch") for stat in due], told)
        if once:
            raise typer.Exit(1 if LEFT & set(counts) else 0)
        time.sleep(interval)


def _quiet(stat: Stat, seconds: float) -> bool:
    """Whether nobody wrote to a file for so long; a time that is yet to come says nothing."""
    return not 0 <= time.time() - stat.modified < seconds


def _process(app: App, events: list[Event], told: set[str] | None = None) -> Counter[str]:
    """Count what becomes of each; where `told` is given verdicts are told too, and no trouble twice."""
    counts: Counter[str] = Counter()
    said = set() if told is None else told
    for event in progress(events, lambda event: event.location.key, quiet=told is not None):
        try:
            result = app.process(event)
        except (Transient, Rejected) as error:
            word = "later" if isinstance(error, Transient) else "refused"
            counts[word] += 1
            line = f"{event.location}: {word}: {printable(str(error))}\n"
            if line not in said:
                sys.stderr.write(line)
                said.add(line)
            continue
        counts[result.verdict or result.status] += 1
        if told is not None and result.status == "decided":
            sys.stdout.write(f"{result.verdict}\t{printable(event.location.key)}\t{result.rule}\n")
            sys.stdout.flush()
    return counts
