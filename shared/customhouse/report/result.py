"""One inspected and judged artifact, as reports show it."""

from __future__ import annotations

from dataclasses import dataclass

from customhouse.model import Decision, Inspection


@dataclass(frozen=True, slots=True)
class Judged:
    """An artifact at `path`, what was learned and what was decided."""

    path: str
    inspection: Inspection
    decision: Decision
