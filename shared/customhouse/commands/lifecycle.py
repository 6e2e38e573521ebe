"""`lifecycle`: plan what the policy's retention rules come to, apply exactly that, undo it; rules for the clouds."""

from __future__ import annotations

import hashlib
import sys
import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from customhouse.commands import lifecycle_expire, lifecycle_native, lifecycle_plan, lifecycle_show
from customhouse.commands.lifecycle_inputs import Policy, Surroundings
from customhouse.commands.lifecycle_show import Format, Style
from customhouse.errors import ConfigError
from customhouse.lifecycle import apply as applying
from customhouse.lifecycle import plan as planning
from customhouse.lifecycle import undo as undoing
from customhouse.lifecycle.dates import Dates, by_any_name
from customhouse.lifecycle.inventory import table
from customhouse.lifecycle.journal import FileJournal
from customhouse.lifecycle.limits import Limits, refuse
from customhouse.lifecycle.plan import Plan
from customhouse.lifecycle.rules import digest
from customhouse.lifecycle.summary import summarise
from customhouse.lifecycle.units import show_duration, size
from customhouse.lifecycle.words import Action

application = typer.Typer(no_args_is_help=True, help="Retention: plan it, apply it, undo it, or let the cloud do it.")
application.command("compile")(lifecycle_native.compile_)
application.command("install")(lifecycle_native.install)
application.command("drift")(lifecycle_native.drift)
application.command("expire")(lifecycle_expire.expire)


InUseLists = Annotated[
    list[str] | None,
    typer.Option("--in-use", help="Digests and addresses in use: a list, or a dump of Kubernetes' pods."),
]
PlanFile = Annotated[Path, typer.Argument(help="A plan that `lifecycle plan` wrote.")]
DEFAULTS = Limits()


@application.command()
def plan(
    url: Annotated[str, typer.Argument(help="A store, with a prefix if wanted: s3://bucket/in.")] = "",
    *,
    policy: Policy = "",
    inventory: Annotated[
        list[Path] | None,
        typer.Option(help="Files of an inventory report, an S3 manifest.json, or one export; instead of a store."),
    ] = None,
    cloud: Annotated[str, typer.Option(help="Whose report it is: s3, az or gs.")] = "",
    account: Annotated[str, typer.Option(help="The storage account of an Azure report.")] = "",
    in_use: InUseLists = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write it.")] = Path("plan.jsonl"),
    style: Style = Format.TABLE,
) -> None:
    """Write what the rules would do now as one plan file, and show what it comes to. Nothing else changes."""
    if bool(url) == bool(inventory):
        raise ConfigError("lifecycle plan: name a store such as s3://bucket, or files with --inventory, and not both")
    here = Surroundings.read()
    lists = [name if "://" in name else str(Path(name).resolve()) for name in in_use or ()]
    wanted = lifecycle_plan.Wanted(here.rules(policy), here.in_use(lists), time.time(), output, lists)
    if inventory:
        made = lifecycle_plan.from_files(here, inventory, cloud, account, wanted)
    else:
        made = lifecycle_plan.from_store(here, url, wanted)
    lifecycle_show.summary(summarise(made.header), DEFAULTS, str(output), as_json=style is Format.JSON)


@application.command()
def export(
    url: Annotated[str, typer.Argument(help="A store, with a prefix if wanted: s3://bucket/in.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write it.")] = Path("inventory.jsonl"),
) -> None:
    """Write a store's listing with tags and all that the records know, for `plan --inventory`."""
    here = Surroundings.read()
    with output.open("wb") as file:
        count = table.export(lifecycle_plan.everything(here, url, time.time()), file)
    sys.stdout.write(f"wrote {output}: {count:,} artifacts\n")


@application.command()
def apply(
    plan: PlanFile,
    *,
    policy: Annotated[
        str, typer.Option(envvar="CUSTOMHOUSE_POLICY", help="Refuse the plan unless it is of this policy.")
    ] = "",
    max_items: Annotated[int, typer.Option(help="Deletes at most.")] = DEFAULTS.max_items,
    max_bytes: Annotated[str, typer.Option(help="Bytes deleted at most.")] = "10TB",
    max_share: Annotated[float, typer.Option(help="Share of the inventory deleted at most.")] = DEFAULTS.max_share,
    in_use: InUseLists = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Items done at once.")] = 8,
    style: Style = Format.TABLE,
    accept: Annotated[bool, typer.Option("--accept", help="Yes, more than that too.")] = False,
) -> None:
    """Do what a plan says and nothing else; run it again after an interruption and it goes on where it was.

    The lists of what is in use that it was planned with are read again: what came into use is left. Exit status 1:
    something was left as it is, and is reported.
    """
    made, here = _read(plan), Surroundings.read()
    limits = Limits(max_items=max_items, max_bytes=_size(max_bytes), max_share=max_share)
    mine = digest(planning.ready(here.rules(policy), frozenset())) if policy else ""
    refuse(made.header, time.time(), limits, accept=accept, policy=mine)
    with FileJournal(_journal(plan, made)) as journal:
        done = applying.apply(
            made,
            here.buckets({item.location.root for item in made.items() if not item.cloud}),
            time.time(),
            journal=journal,
            limits=limits,
            accept=accept,
            policy=mine,
            dates=by_any_name(Dates(*here.state())) if made.header.dated else None,
            using=here.using(in_use or made.header.in_use.lists) if made.header.in_use.rules else None,
            workers=workers,
        )
        total = sum(total.items for total in made.header.totals if not total.cloud)
        fine = lifecycle_show.outcomes(done, total, "applying", as_json=style is Format.JSON)
    _say_how_to_undo(made, plan)
    raise typer.Exit(0 if fine else 1)


def _say_how_to_undo(made: Plan, path: Path) -> None:
    windows = [total.undo for total in made.header.totals if total.undo and not total.cloud]
    if windows:
        sys.stderr.write(f"for {show_duration(min(windows))} `customhouse lifecycle undo {path}` brings it back\n")


@application.command()
def undo(
    plan: PlanFile,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Items done at once.")] = 8,
    style: Style = Format.TABLE,
) -> None:
    """Bring back what a plan deleted and the undo window still holds; exit status 1 where something stayed away."""
    made, here = _read(plan), Surroundings.read()
    deleted = [item for item in made.items() if item.action is Action.DELETE and item.undo and not item.cloud]
    buckets = here.buckets({item.location.root for item in deleted})
    done = undoing.undo(made, buckets, workers=workers)
    fine = lifecycle_show.outcomes(done, len(deleted), "restoring", as_json=style is Format.JSON)
    raise typer.Exit(0 if fine else 1)


def _read(path: Path) -> Plan:
    if not path.is_file():
        raise ConfigError(f"{path}: no such file; write a plan with `customhouse lifecycle plan`")
    return planning.read(path)


def _journal(path: Path, made: Plan) -> Path:
    """Beside the plan, named by its content: another plan of the same name has another journal."""
    name = hashlib.sha256(msgspec.json.encode(made.header)).hexdigest()[:8]
    return path.with_name(f"{path.name}.{name}.outcomes")


def _size(text: str) -> int:
    try:
        return size(text)
    except ValueError as error:
        raise ConfigError(f"--max-bytes: {error}") from None
