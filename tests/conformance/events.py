"""Events as their clouds document them: do we find the uploads, pass over the rest, and refuse what is no event?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from customhouse.errors import Malformed
from customhouse.events import parse
from tests.conformance import Result, rows

_RIGHT = {
    "process": {"process"},
    "ignore": {"ignore"},
    "error": {"error"},
    "not-process": {"ignore", "error"},
}


def run(folder: Path) -> Iterator[Result]:
    """A payload file is a request's body, whose headers are lost."""
    for row in rows(folder):
        answer, detail = _answer((folder / row.path).read_bytes())
        right = _RIGHT.get(row.expect)
        yield Result(row, right is None or answer in right, f"{answer}: {detail}", counted=right is not None)


def _answer(body: bytes) -> tuple[str, str]:
    try:
        events = parse(body)
    except Malformed as error:
        return "error", str(error)
    return ("process" if events else "ignore"), ", ".join(str(event.location) for event in events)
