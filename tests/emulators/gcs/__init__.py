"""Cloud Storage in memory: the JSON API as far as an object's life goes, with every precondition honoured.

No published emulator has preconditions on reads, metadata, deletes and rewrites. Not here: signed URLs, XML API,
gRPC, batch requests, compose, soft delete; lifecycle documents are kept and given back, never executed.
"""

from __future__ import annotations

from tests.emulators.gcs.notify import push
from tests.emulators.gcs.server import Emulator, running

__all__ = ["Emulator", "push", "running"]
