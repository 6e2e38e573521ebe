"""`lifecycle expire`: say when single artifacts expire, for the rules with `expires: true`."""

from __future__ import annotations

import datetime as dt
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from customhouse.commands import lifecycle_show
from customhouse.commands.lifecycle_inputs import Policy, Surroundings
from customhouse.commands.lifecycle_show import Format, Style
from customhouse.errors import ConfigError, Rejected
from customhouse.lifecycle.execute import FAILED
from customhouse.lifecycle.rules import Rule
from customhouse.lifecycle.units import duration
from customhouse.lifecycle.upload import Uploads
from customhouse.model import Location, Outcome
from customhouse.stores import split

Store = Annotated[str, typer.Argument(help="The store: s3://bucket, gs://bucket, az://account/container.")]
Keys = Annotated[list[str], typer.Argument(help="Names of artifacts in it, as the cloud has them.")]
When = Annotated[
    str, typer.Option("--on", help="From which moment on: 2027-03-01 (midnight UTC), 2027-03-01T12:00Z, or never.")
]


def expire(
    url: Store,
    keys: Keys,
    *,
    when: When = "",
    after: Annotated[str, typer.Option(help="How long from now: 14d, 12h.")] = "",
    policy: Policy = "",
    style: Style = Format.TABLE,
) -> None:
    """Say when artifacts expire, each in its current version; the copies made of them by their verdict go along.

    Kept beside the records, since a tag or metadata may be an uploader's. Exit status 1: some could not be dated.
    """
    here, now = Surroundings.read(), time.time()
    root, prefix = split(url)
    if prefix:
        raise ConfigError(f"{url}: name the store, {root}, and the whole names of artifacts after it")
    at, rules, (state, under) = _moment(when, after, now), here.rules(policy), here.state()
    uploads = Uploads(rules, here.store, here.target, state, under)
    done = _dated(uploads, here, root, keys, at)
    fine = lifecycle_show.outcomes(done, len(keys), "dating", as_json=style is Format.JSON)
    if not _asked(rules, root):
        sys.stderr.write(f"customhouse: no lifecycle rule has `expires: true` for {root}: nothing comes of a date\n")
    raise typer.Exit(0 if fine else 1)


def _dated(uploads: Uploads, here: Surroundings, root: str, keys: Sequence[str], at: float | None) -> Iterator[Outcome]:
    for key in keys:
        try:
            location = here.store(root).stat(Location(root, key)).location
        except Rejected as error:
            yield Outcome("date", FAILED, Location(root, key), str(error))
            continue
        yield from uploads.date(location, at, time.time())


def _asked(rules: Sequence[Rule], root: str) -> bool:
    return any(rule.expires and (not rule.root or root in rule.root) for rule in rules)


def _moment(when: str, after: str, now: float) -> float | None:
    """The moment that one of the two options names (UTC epoch seconds); None for never."""
    if bool(when) == bool(after):
        raise ConfigError("lifecycle expire: say --on 2027-03-01 (or never), or --after 14d, and not both")
    if when == "never":
        return None
    try:
        if after:
            return now + duration(after)
        found = dt.datetime.fromisoformat(when)
    except ValueError as error:
        raise ConfigError(f"lifecycle expire: {error}; write 2027-03-01, or --after 14d") from None
    return (found if found.tzinfo else found.replace(tzinfo=dt.UTC)).timestamp()
