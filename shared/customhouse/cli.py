"""The command line: `customhouse`. Exit status 0 all may pass, 1 something may not, 2 it could not run."""

from __future__ import annotations

import sys

from customhouse.errors import CustomhouseError


def main() -> None:
    """Run the command; every expected error is one line and exit status 2."""
    try:
        from customhouse.commands import application  # noqa: PLC0415 -- the extra may not be installed
    except ModuleNotFoundError as error:
        if error.name not in {"typer", "rich"}:
            raise
        sys.exit(f"customhouse: the command line needs {error.name}: pip install 'customhouse[cli]'")
    try:
        application()
    except CustomhouseError as error:
        sys.stderr.write(f"customhouse: {error}\n")
        sys.exit(2)
