"""Cloud Storage (our emulator) -> Pub/Sub push of its notification -> functions-framework."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from tests.emulators import gcs
from tests.runtimes.functions_framework import FunctionsFramework
from tests.runtimes.process import free_port

from demo.cloud import BUCKETS, FORGED, INTAKE, settings

PROJECT = "demo-project"
TOPIC = "customhouse"


class Gcp:
    """Cloud Storage and a function that serves from `folder`, called by a push subscription."""

    name = "gcp"
    root = "gs://"

    def __init__(self, folder: Path, policy: Path) -> None:
        port = free_port()
        push = gcs.push(f"http://127.0.0.1:{port}/projects/{PROJECT}/topics/{TOPIC}")
        with contextlib.ExitStack() as started:
            endpoint = started.enter_context(gcs.running(0, push)).url
            options = {"api_endpoint": endpoint}
            client = storage.Client(PROJECT, AnonymousCredentials(), client_options=options)
            self._client = started.enter_context(contextlib.closing(client))
            self._buckets = {name: self._client.create_bucket(name) for name in BUCKETS}
            self._buckets[INTAKE].notification(TOPIC, PROJECT, event_types=["OBJECT_FINALIZE"]).create()
            environment = {**settings(self.root, policy), "STORAGE_EMULATOR_HOST": endpoint}
            runtime = FunctionsFramework(folder, "artifact", "cloudevent", environment=environment, port=port)
            self._runtime = started.enter_context(runtime)
            self._started = started.pop_all()

    def upload(self, key: str, data: bytes) -> None:
        """Insert an object; the bucket's notification goes to the topic."""
        blob = self._buckets[INTAKE].blob(key)
        blob.metadata = FORGED
        blob.upload_from_string(data, content_type="application/octet-stream")

    def names(self, bucket: str) -> Iterator[str]:
        """List objects, page by page."""
        return (blob.name for blob in self._client.list_blobs(bucket))

    def read(self, bucket: str, name: str) -> bytes:
        """Get an object's media."""
        return bytes(self._buckets[bucket].blob(name).download_as_bytes())

    def tags(self, bucket: str, name: str) -> Mapping[str, str]:
        """Get an object's custom metadata: Cloud Storage has no tags."""
        blob = self._buckets[bucket].blob(name)
        blob.reload()
        return dict(blob.metadata or {})

    def output(self) -> str:
        """The function's log."""
        return self._runtime.output

    def close(self) -> None:
        """Stop the function and Cloud Storage."""
        self._started.close()
