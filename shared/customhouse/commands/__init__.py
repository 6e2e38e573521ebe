"""What the command line offers, one module per group of commands."""

from __future__ import annotations

import typer

from customhouse.commands import artifacts, lifecycle, policy, serve

application = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Opens, inspects, judges and retires every artifact that lands in a bucket or registry.",
)
application.command("scan")(artifacts.scan)
application.command("events")(artifacts.events)
application.command("sweep")(serve.sweep)
application.command("watch")(serve.watch)
application.command("job")(serve.job)
application.command("report")(artifacts.report)
application.add_typer(policy.application, name="policy")
application.add_typer(lifecycle.application, name="lifecycle")
