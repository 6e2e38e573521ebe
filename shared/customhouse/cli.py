"""The command line: `customhouse`. Exit status 0 all may pass, 1 something may not, 2 it could not run."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Callable

from customhouse.errors import CustomhouseError


def main() -> None:
    """Run the command; every expected error is one line and exit status 2."""
    try:
        from customhouse.commands import application  # noqa: PLC0415 -- the extra may not be installed
        from customhouse.report.result import one_line  # noqa: PLC0415 -- as above
    except ModuleNotFoundError as error:
        if error.name not in {"typer", "rich"}:
            raise
        sys.stderr.write(f"customhouse: the command line needs {error.name}: pip install 'customhouse[cli]'\n")
        sys.exit(2)
    logging.basicConfig(level=logging.ERROR, format="customhouse: %(message)s")  # SDKs warn of what is told below
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        _run(application)
    except (CustomhouseError, OSError) as error:
        sys.stderr.write(f"customhouse: {one_line(str(error))}\n")
        sys.exit(2)
    except Exception:
        logging.getLogger("customhouse").exception("a mistake of its own, please report it")
        sys.exit(2)


def _run(application: Callable[[], object]) -> None:
    """What could not be written must not end well."""
    try:
        application()
    finally:
        sys.stdout.flush()
