"""What the command line offers, one module per group of commands."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from customhouse import __version__
from customhouse.commands import artifacts, lifecycle, policy, serve


def _version(asked: bool) -> None:  # noqa: FBT001 -- the form of typer's callbacks
    if asked:
        sys.stdout.write(f"customhouse {__version__}\n")
        raise typer.Exit


application = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Opens, inspects, judges and retires every artifact that lands in a bucket or registry.",
)


@application.callback()
def _options(
    *, _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it and end.")] = False
) -> None:
    """Options that stand before a command."""


application.command("scan")(artifacts.scan)
application.command("events")(artifacts.events)
application.command("sweep")(serve.sweep)
application.command("watch")(serve.watch)
application.command("job")(serve.job)
application.command("report")(artifacts.report)
application.add_typer(policy.application, name="policy")
application.add_typer(lifecycle.application, name="lifecycle")
