"""One inspected and judged artifact, as reports show it."""

from __future__ import annotations

from dataclasses import dataclass

from customhouse.inspect.names import printable
from customhouse.model import Decision, Inspection


@dataclass(frozen=True, slots=True)
class Judged:
    """An artifact at `path`, what was learned and what was decided."""

    path: str
    inspection: Inspection
    decision: Decision


def one_line(text: str) -> str:
    """Text that an artifact may have chosen as one line that says what it is, whatever characters are in it."""
    return "!/".join(map(printable, text.split("!/")))
