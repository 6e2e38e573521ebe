"""`policy check`, `policy schema` and `policy explain`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from customhouse.app import engines, library
from customhouse.commands.judging import read_policy
from customhouse.policy.load import schema as policy_schema
from customhouse.stores import open_store

application = typer.Typer(no_args_is_help=True, help="The policy file: check it, explain it, print its schema.")
File = Annotated[Path | None, typer.Argument(help="Policy file; the packaged default without it.")]


@application.command()
def check(file: File = None) -> None:
    """Load the file with everything it names; exit status 2 and one line at the first mistake."""
    loaded = read_policy(file)
    engines(loaded.policy, library(loaded.policy, open_store))
    rules, lifecycle = len(loaded.policy.rules), len(loaded.lifecycle)
    sys.stdout.write(f"{file or 'default.yaml'}: {rules} verdict rules, {lifecycle} lifecycle rules, all in order\n")


@application.command()
def schema() -> None:
    """Print the JSON Schema for editors."""
    sys.stdout.write(json.dumps(policy_schema(), indent=2) + "\n")


@application.command()
def explain(file: File = None) -> None:
    """Say in words what the file decides, in the order in which it decides."""
    loaded = read_policy(file)
    for at, rule in enumerate(loaded.policy.rules, 1):
        asked = {
            name: value for name in rule.when.__struct_fields__ if (value := getattr(rule.when, name)) not in ((), None)
        }
        when = " and ".join(f"{name} {_word(value)}" for name, value in asked.items()) or "anything else"
        actions = ", ".join(loaded.policy.actions.get(rule.verdict, ())) or "nothing"
        sys.stdout.write(f"{at}. {when}: {rule.verdict} ({rule.name}); then {actions}\n")
    sys.stdout.write("An incomplete ledger is never clean, whatever a rule says: it becomes held.\n")


def _word(value: object) -> str:
    return " or ".join(map(str, value)) if isinstance(value, tuple) else str(value).lower()
