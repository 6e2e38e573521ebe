"""An inspection as a newer vulnerability index would have made it, from the packages that it found."""

from __future__ import annotations

from dataclasses import replace

from customhouse.inspect.ledger import Ledger
from customhouse.model import Coverage, Inspection, Skip
from customhouse.scanners.vulnerabilities import about_index, judge
from customhouse.vulnerabilities.index import SCANNER, Index


def renewed(inspection: Inspection, index: Index) -> Inspection:
    """The same facts, but for what the vulnerabilities scanner says; errors as the index raises them."""
    ledger = Ledger()
    ledger.add(ledger.member(), judge(inspection.packages, index))
    others = tuple(finding for finding in inspection.findings if finding.scanner != SCANNER)
    return replace(
        inspection,
        findings=(*others, *ledger.findings()),
        coverage=_covered(inspection.coverage, ledger.coverage().skipped),
        engines={**inspection.engines, SCANNER: index.version},
    )


def _covered(before: Coverage, fresh: tuple[Skip, ...]) -> Coverage:
    """The ledger with other skips: a member without any is opened."""
    skipped = (*(skip for skip in before.skipped if not about_index(skip)), *fresh)
    unseen, still = ({skip.member for skip in skips} for skips in (before.skipped, skipped))
    return replace(before, opened=before.opened + len(unseen - still) - len(still - unseen), skipped=skipped)
