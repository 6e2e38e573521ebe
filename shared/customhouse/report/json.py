"""The line format of `customhouse scan --format json`: one object per artifact."""

from __future__ import annotations

import msgspec

from customhouse.inspect.identity import own
from customhouse.inspect.kinds import media_type
from customhouse.report.result import Judged


def line(judged: Judged) -> str:
    """One JSON object without a line break; its fields are a contract (docs/cli.md)."""
    inspection, decision = judged.inspection, judged.decision
    coverage = inspection.coverage
    document = {
        "path": judged.path,
        "kind": inspection.kind,
        "media_type": media_type(inspection.kind),
        "purl": str(purl) if (purl := own(inspection.name, inspection.kind, inspection.packages)) else "",
        "digests": dict(inspection.digests),
        "verdict": decision.verdict,
        "rule": decision.rule,
        "reasons": decision.reasons,
        "coverage": {
            "complete": coverage.complete,
            "members": coverage.members,
            "opened": coverage.opened,
            "bytes": coverage.bytes,
            "skipped": coverage.skipped,
        },
        "findings": inspection.findings,
        "waived": decision.waived,
        "signatures": inspection.signatures,
        "packages": [package.purl for package in inspection.packages],
        "engines": dict(inspection.engines),
        "seconds": round(inspection.seconds, 4),
    }
    return msgspec.json.encode(document).decode()
