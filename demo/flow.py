"""One cloud's run: upload one artifact after another, wait for each verdict, read back what came of it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from demo.artifacts import Artifact
from demo.cloud import INTAKE, QUARANTINE, RECORDS, RELEASED, Cloud
from demo.judge import Row

POLL_SECONDS = 0.04
PATIENCE_SECONDS = 90.0
LOG_TAIL = 3000


class Run:
    """The artifacts of one cloud, in order; `stopping` ends it early, `advance` is called after each."""

    def __init__(self, cloud: Cloud, stopping: threading.Event, advance: Callable[[], None]) -> None:
        self._cloud, self._stopping, self._advance = cloud, stopping, advance
        self._seen: set[str] = set()

    def rows(self, artifacts: Sequence[Artifact]) -> list[Row]:
        """One row per artifact."""
        return list(self._rows(artifacts))

    def _rows(self, artifacts: Sequence[Artifact]) -> Iterator[Row]:
        for artifact in artifacts:
            began = time.monotonic()
            self._cloud.upload(artifact.key, artifact.data)
            decision = self._decision(artifact.key)
            elapsed = round((time.monotonic() - began) * 1000)
            bucket, name = self._place(artifact.key)
            tags = self._cloud.tags(bucket, name)
            location = f"{self._cloud.root}{bucket}/{name}"
            yield Row(self._cloud.name, artifact.key, decision["verdict"], decision["rule"], tags, location, elapsed)
            self._advance()

    def _decision(self, key: str) -> dict[str, Any]:
        """What the record of `key` says once its run is over."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline and not self._stopping.is_set():
            for name in {name for name in self._cloud.names(RECORDS) if name.startswith("records/")} - self._seen:
                record = json.loads(self._cloud.read(RECORDS, name))
                if record["location"]["key"] == key and record["state"] == "done":
                    self._seen.add(name)
                    return dict(record["decision"])
            self._stopping.wait(POLL_SECONDS)
        raise TimeoutError(f"{key} on {self._cloud.name}: no verdict\n{self._cloud.output()[-LOG_TAIL:]}")

    def _place(self, key: str) -> tuple[str, str]:
        """The bucket that it lies in now, and its name there: quarantined names have a folder of their version."""
        for bucket in (RELEASED, QUARANTINE, INTAKE):
            for name in self._cloud.names(bucket):
                if name == key or (bucket == QUARANTINE and name.endswith(f"/{key}")):
                    return bucket, name
        raise LookupError(f"{key} on {self._cloud.name} lies nowhere")
