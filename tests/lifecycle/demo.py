"""A bucket of 100,000 objects as a listing and its records; `python -m tests.lifecycle.demo` prints its plan.

docs/lifecycle.md quotes what this prints, and a test compares the two.
"""

from __future__ import annotations

import random
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import cache
from pathlib import Path

import yaml

from customhouse.commands.lifecycle_inputs import Surroundings
from customhouse.commands.lifecycle_plan import Wanted, from_store
from customhouse.lifecycle.execute import Bucket as Opened
from customhouse.lifecycle.inventory.live import Known
from customhouse.lifecycle.inventory.records import Index
from customhouse.lifecycle.limits import Limits
from customhouse.lifecycle.native.compile import compile_rules
from customhouse.lifecycle.native.words import Target
from customhouse.lifecycle.plan import Marks
from customhouse.lifecycle.rules import Rule
from customhouse.lifecycle.summary import render, summarise
from customhouse.lifecycle.vocabulary import load
from customhouse.lifecycle.words import DAY
from customhouse.model import LIFECYCLE_TAG, Location, Stat
from customhouse.stores.memory import MemoryStore

ROOT = "s3://acme-builds"
COUNT = 100_000
NOW = 1_795_000_000.0
PAGE = Path(__file__).parents[2] / "docs" / "lifecycle.md"
QUOTED = re.compile(r"\$ customhouse lifecycle plan s3://acme-builds\n(.*?)```", re.DOTALL)
"""The output as the page quotes it."""
PINNED = 0.03
SIZES = {"logs": (5e3, 1e6), "models": (1e8, 6e9), "scratch": (1e3, 1e6), "wheels": (1e5, 4e7)}


def policy() -> str:
    """The rules, as the page shows them."""
    found = re.search(r"```yaml\n(version: 1\n.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return found[1]


class Bucket(MemoryStore):
    """Lists what the seed says: scratch files as the upload path labels them, three in a hundred wheels pinned."""

    def list(self, prefix: str = "", *, after: str = "", versions: bool = False) -> Iterator[Stat]:
        del versions
        return (stat for stat in objects() if stat.location.key.startswith(prefix) and stat.location.key > after)


@cache
def label() -> str:
    """What the upload path puts on scratch files."""
    return compile_rules(load(yaml.safe_load(policy())["lifecycle"]), Target(ROOT)).labels["scratch"]


@cache
def objects() -> Sequence[Stat]:
    """In key order: logs, models, scratch files and wheels of a thousand packages, over the last half year."""
    draw = random.Random(0).random
    made = [_object(draw, at) for at in range(COUNT)]
    return sorted(made, key=lambda stat: stat.location.key)


def _object(draw: Callable[[], float], at: int) -> Stat:
    kind, share, part, build = _kind(draw()), draw(), int(draw() * 5000), int(draw() * 600)
    least, most = SIZES[kind]
    key = {
        "logs": f"logs/{at % 90:03}/run-{at}.log",
        "models": f"models/m{at % 50}/weights-{at}.safetensors",
        "scratch": f"scratch/{at}.tmp",
        "wheels": f"wheels/pkg{part // 5}/pkg{part // 5}-{part % 5}.{build // 30}.{build % 30}-{at}.whl",
    }[kind]
    tags = {"wheels": {"pinned": "true"} if draw() < PINNED else {}, "scratch": {LIFECYCLE_TAG: label()}}
    where, created = Location(ROOT, key, etag=f"{at:032x}"), NOW - draw() * 180 * DAY
    return Stat(where, int(least + share * most), created, storage_class="STANDARD", tags=tags.get(kind, {}))


def _kind(drawn: float) -> str:
    return "logs" if drawn < 0.4 else "wheels" if drawn < 0.85 else "models" if drawn < 0.95 else "scratch"


class Records(Index):
    """What the records of such wheels would know."""

    def __init__(self) -> None:
        super().__init__(())

    def __call__(self, location: Location) -> Known | None:
        found = re.fullmatch(r"wheels/(pkg\d+)/pkg\d+-([\d.]+)-\d+\.whl", location.key)
        return Known("clean", "wheel", "pypi", found[1], found[2]) if found else None


class Demo(Surroundings):
    """The bucket, its records, and native rules installed."""

    def lookup(self, rules: Sequence[Rule], in_use: AbstractSet[str] | None) -> Index:
        del rules, in_use
        return Records()

    def bucket(self, root: str) -> Opened:
        return Opened(self.store(root))

    def marks(self, root: str, rules: Sequence[Rule]) -> Marks:
        return compile_rules(rules, Target(root)).used


def output() -> str:
    """What `customhouse lifecycle plan s3://acme-builds` writes into a pipe."""
    rules = load(yaml.safe_load(policy())["lifecycle"])
    here = Demo({}, None, {}, {ROOT: Bucket(ROOT)})
    with tempfile.TemporaryDirectory() as folder:
        made = from_store(here, ROOT, Wanted(rules, None, NOW, Path(folder) / "plan.jsonl"))
    return render(summarise(made.header), Limits()).rstrip("\n") + "\nwrote plan.jsonl\n"


def main() -> None:
    """Print it, and with `--write` put it into the page."""
    text = output()
    if "--write" in sys.argv:
        page = PAGE.read_text(encoding="utf-8")
        start, end = QUOTED.search(page).span(1)  # type: ignore[union-attr] # the test says that it is there
        PAGE.write_text(page[:start] + text + page[end:], encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
