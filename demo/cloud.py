"""What the demonstration asks of a cloud."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

INTAKE, RELEASED, QUARANTINE, RECORDS = BUCKETS = ("intake", "released", "quarantine", "records")
"""The same four on each cloud."""
FORGED = {"customhouse-verdict": "clean", "team": "demo"}
"""Tags of every upload: one that lies, as any uploader may write it, and one that must survive."""


class Cloud(Protocol):
    """One cloud on loopback: its storage, its events and its function runtime."""

    name: str
    root: str
    """What precedes a bucket's name in a URL."""

    def upload(self, key: str, data: bytes) -> None:
        """Upload to the intake bucket with the official SDK; the cloud's event takes it from there."""
        ...

    def names(self, bucket: str) -> Iterator[str]:
        """The names of all objects in a bucket."""
        ...

    def read(self, bucket: str, name: str) -> bytes:
        """One object's bytes."""
        ...

    def tags(self, bucket: str, name: str) -> Mapping[str, str]:
        """One object's tags, or its metadata where that is what the cloud has."""
        ...

    def output(self) -> str:
        """What the function logged, for when something is wrong."""
        ...

    def close(self) -> None:
        """Stop everything that was started."""
        ...


def settings(root: str, policy: Path) -> Mapping[str, str]:
    """The function's environment on a cloud whose buckets are at `root`."""
    stores = {f"CUSTOMHOUSE_{name.upper()}": f"{root}{name}" for name in BUCKETS}
    return {**stores, "CUSTOMHOUSE_POLICY": str(policy)}
