"""What lifecycle asks of a Cloud Storage bucket: its lifecycle rules, storage classes, holds and Custom-Time."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import google.auth
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Blob, Bucket, Client

from customhouse.errors import Conflict
from customhouse.model import LIFECYCLE_TAG, Location
from customhouse.ports import Features
from customhouse.stores.gcs_answers import translated
from customhouse.stores.options import Options

SCOPES = ["https://www.googleapis.com/auth/devstorage.full_control"]  # a bucket's own settings need it
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def connect(root: str, options: Options) -> GcsLifecycle:
    """The bucket with application default credentials; none for an `endpoint` or STORAGE_EMULATOR_HOST."""
    emulated = bool(options.endpoint or os.environ.get("STORAGE_EMULATOR_HOST"))
    with translated(root):
        credentials: Any = (
            AnonymousCredentials()  # type: ignore[no-untyped-call] # google-auth types only some
            if emulated
            else google.auth.default(scopes=SCOPES)[0]
        )
        endpoint = {"api_endpoint": options.endpoint} if options.endpoint else None
        client = Client("unused", credentials=credentials, client_options=endpoint)
    return GcsLifecycle(root, client.bucket(root.removeprefix("gs://")))


class GcsLifecycle:
    """A `ports.LifecycleTarget`."""

    def __init__(self, root: str, bucket: Bucket) -> None:
        self._root = root
        self._bucket = bucket

    def features(self) -> Features:
        """See `ports.LifecycleTarget`; one call."""
        with translated(self._root):
            self._bucket.reload()
        return Features(
            versioned=bool(self._bucket.versioning_enabled),
            soft_delete=int(self._bucket.soft_delete_policy.retention_duration_seconds or 0),
            locks=bool(self._bucket.retention_period or self._bucket.object_retention_mode),
        )

    def native_rules(self) -> Mapping[str, object]:
        """See `ports.LifecycleTarget`; `{"rule": […]}` as in the JSON API."""
        with translated(self._root):
            self._bucket.reload()
        return {"rule": [dict(rule) for rule in self._bucket.lifecycle_rules]}

    def install_native_rules(self, document: Mapping[str, object]) -> None:
        """See `ports.LifecycleTarget`; conditional on the bucket's settings being those that were read."""
        self._bucket.lifecycle_rules = document["rule"]
        with translated(self._root):
            self._bucket.patch(if_metageneration_match=self._bucket.metageneration)

    def change_class(self, location: Location, storage_class: str) -> None:
        """See `ports.LifecycleTarget`; rewrites the object, so its age begins anew."""
        blob = self._blob(location)
        with translated(location):
            blob.update_storage_class(
                storage_class,
                if_generation_match=int(location.version),
                if_source_generation_match=int(location.version),
            )

    def hold(self, location: Location) -> None:
        """See `ports.LifecycleTarget`."""
        blob = self._blob(location)
        blob.temporary_hold = True
        with translated(location):
            blob.patch(if_generation_match=int(location.version))

    def arm(self, location: Location, label: str, custom_time: float) -> None:
        """See `ports.LifecycleTarget`; label and Custom-Time in one conditional patch."""
        when = EPOCH + timedelta(seconds=custom_time)
        blob = self._blob(location)
        with translated(location):
            blob.reload()
            if blob.custom_time is not None and blob.custom_time > when:
                raise Conflict(f"{location} has a Custom-Time of its own, which can only grow")
            blob.metadata = {**(blob.metadata or {}), LIFECYCLE_TAG: label}
            blob.custom_time = when
            blob.patch(if_generation_match=int(location.version), if_metageneration_match=blob.metageneration)

    def _blob(self, location: Location) -> Blob:
        return self._bucket.blob(location.key, generation=int(location.version))
