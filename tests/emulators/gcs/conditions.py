"""What the service refuses (cloud.google.com/storage/docs/request-preconditions)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Resource = dict[str, Any]


class RefusedError(Exception):
    """An error answer of the JSON API."""

    def __init__(self, status: int, reason: str, message: str = "") -> None:
        super().__init__(message or reason)
        self.status = status
        self.reason = reason

    def body(self) -> Resource:
        """The error document that clients parse."""
        detail = {"message": str(self), "domain": "global", "reason": self.reason}
        return {"error": {"code": self.status, "message": str(self), "errors": [detail]}}


def check(query: Mapping[str, str], resource: Resource | None, prefix: str = "if", *, reading: bool = False) -> None:
    """Compare generation and metageneration with the query's conditions; an object that is not there has 0."""
    for name in ("generation", "metageneration"):
        is_now = resource[name] if resource else "0"
        field = f"{prefix}{name.capitalize()}"
        if query.get(f"{field}Match", is_now) != is_now:
            raise RefusedError(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.")
        if query.get(f"{field}NotMatch") == is_now:
            raise RefusedError(304 if reading else 412, "conditionNotMet")


def guard(resource: Resource, now: str) -> None:
    """Refuse to remove or replace what is held or retained."""
    name = f"{resource['bucket']}/{resource['name']}"
    if resource.get("temporaryHold") or resource.get("eventBasedHold"):
        raise RefusedError(
            403, "forbidden", f"Object '{name}' is under active hold and cannot be deleted or overwritten"
        )
    until = resource.get("retention", {}).get("retainUntilTime") or resource.get("retentionExpirationTime", "")
    if until > now:
        raise RefusedError(403, "retentionPolicyNotMet", f"Object '{name}' is retained until {until}")
