"""Where a scheduled job stopped, so that the next run goes on from there."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from customhouse.errors import Gone
from customhouse.model import Location
from customhouse.ports import Store


@dataclass(frozen=True, slots=True)
class Cursors:
    """One small document per job and subject; the text in it is the last key that was done."""

    store: Store
    prefix: str = ""

    def get(self, job: str, subject: str) -> str:
        """The last key done, or empty to begin."""
        try:
            with self.store.read(Location(self.store.root, self._key(job, subject))) as body:
                return b"".join(body).decode("utf-8", "surrogatepass")
        except Gone:
            return ""

    def set(self, job: str, subject: str, key: str) -> None:
        """Remember `key`; an empty one starts over."""
        self.store.put(self._key(job, subject), key.encode("utf-8", "surrogatepass"), content_type="text/plain")

    def _key(self, job: str, subject: str) -> str:
        return f"{self.prefix}cursors/{job}/{hashlib.sha256(subject.encode()).hexdigest()[:32]}"
