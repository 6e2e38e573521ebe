"""`policy check`, `policy schema` and `policy explain`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from customhouse.app import engines, library
from customhouse.commands.judging import read_policy
from customhouse.commands.show import counted
from customhouse.errors import ConfigError
from customhouse.model import Severity, Verdict
from customhouse.policy.load import Loaded
from customhouse.policy.load import schema as policy_schema
from customhouse.policy.model import When
from customhouse.stores import open_store

application = typer.Typer(no_args_is_help=True, help="The policy file: check it, explain it, print its schema.")
_WORSE = " or worse"
File = Annotated[Path | None, typer.Argument(readable=False, help="Policy file; the packaged default without it.")]


@application.command()
def check(file: File = None) -> None:
    """Load the file with everything it names; exit status 2 and one line at the first mistake."""
    loaded, name = read_policy(file), file or "default.yaml"
    try:
        engines(loaded.policy, library(loaded.policy, open_store))
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from error
    rules = counted(len(loaded.policy.rules), "verdict rule")
    lifecycle = counted(len(loaded.lifecycle), "lifecycle rule")
    sys.stdout.write(f"{name}: {rules}, {lifecycle}, all in order\n")


@application.command()
def schema() -> None:
    """Print the JSON Schema for editors."""
    sys.stdout.write(json.dumps(policy_schema(), indent=2) + "\n")


@application.command()
def explain(file: File = None) -> None:
    """Say in words what the file decides, in the order in which it decides."""
    loaded = read_policy(file)
    for at, rule in enumerate(loaded.policy.rules, 1):
        sys.stdout.write(
            f"{at}. {_when(rule.when)}: {rule.verdict} ({rule.name}); then {_then(loaded, rule.verdict)}\n"
        )
    sys.stdout.write("An incomplete ledger is never clean, whatever a rule says: it becomes held.\n")
    sys.stdout.write(f"What no rule decides is held; then {_then(loaded, Verdict.HELD)}.\n")
    for waiver in loaded.policy.waivers:
        where = f"{waiver.finding} in {waiver.member} of {waiver.artifact}"
        sys.stdout.write(f"Accepted until {waiver.expires}: {where} ({waiver.owner}: {waiver.reason})\n")
    if loaded.lifecycle:
        said = counted(len(loaded.lifecycle), "lifecycle rule")
        sys.stdout.write(f"{said}: `customhouse lifecycle plan` shows what they come to.\n")


def _when(when: When) -> str:
    asked = {name: value for name in when.__struct_fields__ if (value := getattr(when, name)) not in ((), None)}
    words = [
        f"{name} {_word(value)}{_WORSE if name == 'severity' and value is not Severity.CRITICAL else ''}"
        for name, value in asked.items()
    ]
    return " and ".join(words) or "anything else"


def _then(loaded: Loaded, verdict: Verdict) -> str:
    return ", ".join(loaded.policy.actions.get(verdict, ())) or "nothing"


def _word(value: object) -> str:
    return " or ".join(map(str, value)) if isinstance(value, tuple) else str(value).lower()
