"""Blob Storage (Azurite) -> Event Grid event on a storage queue -> the Azure Functions worker."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from azure.storage.blob import BlobServiceClient
from tests.emulators import azurite
from tests.runtimes.azure_host import AzureHost

from demo.cloud import BUCKETS, FORGED, INTAKE, settings

QUEUE = "customhouse-events"
ACCOUNT = azurite.ACCOUNT
TOPIC = f"/subscriptions/s/resourceGroups/demo/providers/Microsoft.Storage/storageAccounts/{ACCOUNT}"


class Azure:
    """A storage account and a function app that serves from `folder`; Azurite sends no events, so `upload` does."""

    name = "azure"
    root = f"az://{ACCOUNT}/"

    def __init__(self, folder: Path, policy: Path) -> None:
        with contextlib.ExitStack() as started:
            connection = started.enter_context(azurite.running()).connection_string
            self._blobs = started.enter_context(BlobServiceClient.from_connection_string(connection))
            for container in BUCKETS:
                self._blobs.create_container(container)
            environment = {
                **settings(self.root, policy),
                "AzureWebJobsStorage": connection,
                "AZURE_STORAGE_CONNECTION_STRING": connection,
                "CUSTOMHOUSE_QUEUE": QUEUE,
            }
            self._host = started.enter_context(AzureHost(folder, environment=environment))
            self._queue = started.enter_context(self._host.queue(QUEUE))
            self._started = started.pop_all()

    def upload(self, key: str, data: bytes) -> None:
        """Put Blob, and on the queue what Event Grid then delivers there."""
        written = self._blobs.get_blob_client(INTAKE, key).upload_blob(data, tags=FORGED)
        event = {
            "id": str(uuid.uuid4()),
            "topic": TOPIC,
            "subject": f"/blobServices/default/containers/{INTAKE}/blobs/{key}",
            "eventType": "Microsoft.Storage.BlobCreated",
            "eventTime": datetime.now(UTC).isoformat(),
            "dataVersion": "",
            "metadataVersion": "1",
            "data": {
                "api": "PutBlob",
                "eTag": written["etag"].strip('"'),
                "contentType": "application/octet-stream",
                "contentLength": len(data),
                "blobType": "BlockBlob",
                "url": f"https://{ACCOUNT}.blob.core.windows.net/{INTAKE}/{quote(key)}",
                "sequencer": "0",
            },
        }
        self._queue.send_message(self._host.encode(json.dumps(event)))

    def names(self, bucket: str) -> Iterator[str]:
        """List Blobs, page by page."""
        return iter(self._blobs.get_container_client(bucket).list_blob_names())

    def read(self, bucket: str, name: str) -> bytes:
        """Get Blob."""
        return self._blobs.get_blob_client(bucket, name).download_blob().readall()

    def tags(self, bucket: str, name: str) -> Mapping[str, str]:
        """Get Blob Tags."""
        return self._blobs.get_blob_client(bucket, name).get_blob_tags()

    def output(self) -> str:
        """The worker's log."""
        return self._host.output

    def close(self) -> None:
        """Stop the app and Azurite."""
        self._started.close()
