"""`lifecycle compile`, `install` and `drift`: what the clouds' own engines do of a policy."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Annotated, Any

import typer

from customhouse.commands import lifecycle_show
from customhouse.commands.lifecycle_inputs import Policy, Surroundings
from customhouse.commands.lifecycle_show import Format, Style
from customhouse.errors import ConfigError, Rejected
from customhouse.lifecycle import installed
from customhouse.lifecycle.arming import Arms, put_right
from customhouse.lifecycle.dates import by_any_name
from customhouse.lifecycle.execute import FAILED
from customhouse.lifecycle.installed import Installed
from customhouse.lifecycle.inventory import live
from customhouse.lifecycle.native import document
from customhouse.lifecycle.native.compile import compile_rules
from customhouse.lifecycle.native.words import Compiled, Target
from customhouse.lifecycle.rules import digest
from customhouse.lifecycle.units import duration
from customhouse.ports import LifecycleTarget, Store
from customhouse.stores import split

Url = Annotated[str, typer.Argument(help="A bucket or container: s3://bucket, gs://bucket, az://account/container.")]
Approximated = Annotated[bool, typer.Option("--allow-approximated", help="Use rules too whose difference is stated.")]
FLAGS: Mapping[str, Any] = {
    "versioned": {"versioned": True},
    "locks": {"locks": True},
    "no-index-tags": {"index_tags": False},
    "last-access": {"last_access": True},
}


def compile_(
    url: Url,
    policy: Policy = "",
    assume: Annotated[
        list[str] | None,
        typer.Option(
            help="Do not ask the cloud what the bucket can do: plain, versioned, locks, no-index-tags, last-access, "
            "soft-delete=7d."
        ),
    ] = None,
    style: Style = Format.TABLE,
    *,
    allow_approximated: Approximated = False,
) -> None:
    """Print what the cloud can do of each rule by itself, why not the rest, and the document of our rules."""
    here, root = Surroundings.read(), _root(url)
    target = _assumed(root, assume) if assume else _asked(root, _there(here, root))
    found = compile_rules(here.rules(policy), target, allow_approximated=allow_approximated)
    lifecycle_show.compiled(found, document.wrap(target, found.native), as_json=style is Format.JSON)


def install(
    url: Url,
    policy: Policy = "",
    *,
    take: Annotated[bool, typer.Option("--take", help="Overwrite what somebody else changed of our rules.")] = False,
    allow_approximated: Approximated = False,
) -> None:
    """Write our rules into the bucket's document among everybody else's, and read them back."""
    here, root = Surroundings.read(), _root(url)
    rules, (state, prefix), there = here.rules(policy), here.state(), _there(here, root)
    compiled = compile_rules(rules, _asked(root, there), allow_approximated=allow_approximated)
    before = _before(state, prefix, root, take=take)
    if before is None or before.policy != digest(rules):
        label_anew(here, Arms(rules, compiled, here.store(root), there))
    after = document.install(compiled, there, known=before.native if before else (), take=take)
    installed.save(state, prefix, installed.Installed.of(rules, compiled))
    foreign = len(document.unwrap(compiled.target, after)) - len(compiled.native)
    does = f"carrying out {', '.join(compiled.used) or 'no rule'}"
    sys.stdout.write(f"{root}: {len(compiled.native)} native rules of ours, {does}; {foreign} of others kept\n")


def _before(state: Store, prefix: str, root: str, *, take: bool) -> Installed | None:
    """What was installed last; None where that does not read and is to be overwritten."""
    try:
        return installed.load(state, prefix, root)
    except ConfigError:
        if not take:
            raise
        return None


def label_anew(here: Surroundings, arms: Arms) -> None:
    """Put right what an earlier policy armed, before the rule is there that would delete it: all of it, or Rejected."""
    if not arms.by_time:
        return
    rules, store = arms.rules, arms.store
    dates = by_any_name(here.dates(rules))
    closer = live.Closer(lookup=here.lookup(rules, None), tags=True, dates=dates, wanted=arms.astray)
    counts: Counter[str] = Counter()
    for outcome in put_right(arms, lifecycle_show.counted(live.rows(store, time.time(), closer), "looking at labels")):
        if outcome.status == FAILED:
            raise Rejected(f"nothing was installed: an earlier policy armed {outcome.location}, and {outcome.detail}")
        counts[outcome.step] += 1
    if counts:
        sys.stdout.write(
            f"{store.root}: {counts.total():,} armed by an earlier policy: {counts['arm']:,} by this one too, "
            f"{counts['disarm']:,} no more\n"
        )


def drift(
    url: Url,
    policy: Policy = "",
    style: Style = Format.TABLE,
    *,
    allow_approximated: Approximated = False,
) -> None:
    """Compare the bucket's document with what the policy compiles to; exit status 1 where they differ."""
    here, root = Surroundings.read(), _root(url)
    there = _there(here, root)
    compiled = compile_rules(here.rules(policy), _asked(root, there), allow_approximated=allow_approximated)
    before = installed.load(*here.state(), root) if here.records else None
    found = document.drift(compiled.target, compiled.native, there.native_rules(), before.native if before else ())
    if style is Format.JSON:
        sys.stdout.write(json.dumps({"clean": found.clean, **asdict(found)}) + "\n")
    else:
        lifecycle_show.rules("missing", found.missing)
        lifecycle_show.rules("stale", found.stale)
        lifecycle_show.rules("foreign", found.foreign)
        sys.stdout.write(_verdict(root, compiled, clean=found.clean))
    raise typer.Exit(0 if found.clean else 1)


def _verdict(root: str, compiled: Compiled, *, clean: bool) -> str:
    if clean:
        return f"{root}: as it should be, {len(compiled.native)} rules of ours\n"
    return f"{root}: differs; `customhouse lifecycle install {root}` puts it right\n"


def _root(url: str) -> str:
    root, prefix = split(url)
    if prefix:
        raise ConfigError(f"{url}: native rules are a whole bucket's: name {root}")
    return root


def _there(here: Surroundings, root: str) -> LifecycleTarget:
    found = here.target(root)
    if found is None:
        raise ConfigError(f"{root}: only s3://, gs:// and az:// have lifecycle rules of their own")
    return found


def _asked(root: str, there: LifecycleTarget) -> Target:
    return Target(root, **asdict(there.features()))


def _assumed(root: str, words: Sequence[str]) -> Target:
    """A bucket as it is said to be."""
    target = Target(root)
    for word in words:
        name, _, value = word.partition("=")
        if name == "soft-delete":
            try:
                target = replace(target, soft_delete=duration(value))
            except ValueError as error:
                raise ConfigError(f"--assume soft-delete: {error}") from None
        elif word in FLAGS:
            target = replace(target, **FLAGS[word])
        elif word != "plain":
            raise ConfigError(f"--assume {word}: there are plain, {', '.join(FLAGS)} and soft-delete=7d")
    return target
