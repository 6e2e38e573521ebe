"""One self-contained HTML page about a run."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence

from customhouse.model import Verdict
from customhouse.report.result import Judged, one_line


def render(results: Sequence[Judged], made: dt.datetime) -> str:
    """The page as text; worst verdicts first, everything from artifacts escaped and on one line."""
    from jinja2 import Environment, PackageLoader  # noqa: PLC0415 -- only a report needs it

    order = list(Verdict)[::-1]
    counts = Counter(one.decision.verdict for one in results)
    environment = Environment(loader=PackageLoader("customhouse.report", "."), autoescape=True)
    environment.filters["line"] = one_line
    return environment.get_template("page.html.j2").render(
        results=sorted(results, key=lambda one: order.index(one.decision.verdict)),
        counts=[(name.value, counts[name]) for name in Verdict if counts[name]],
        made=made.isoformat(timespec="seconds"),
    )
