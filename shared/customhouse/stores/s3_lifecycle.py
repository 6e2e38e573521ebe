"""What lifecycle asks of an S3 bucket: its lifecycle configuration, storage classes and legal holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import botocore.session
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from customhouse.errors import Rejected, Transient
from customhouse.model import LIFECYCLE_TAG, Location
from customhouse.ports import Features, Store
from customhouse.stores.options import Options
from customhouse.stores.s3 import connect as connect_store
from customhouse.stores.s3_answers import kept, translated

COPY_LIMIT = 5 * 1000**3
"""Bytes that one CopyObject moves at most; a native rule moves larger objects."""


def connect(root: str, options: Options) -> S3Lifecycle:
    """The bucket, with the credentials and region that the AWS SDK finds."""
    client = botocore.session.get_session().create_client("s3", endpoint_url=options.endpoint or None)
    return S3Lifecycle(root, client, connect_store(root, options))


class S3Lifecycle:
    """A `ports.LifecycleTarget` and `ports.Batches`."""

    most = 1000

    def __init__(self, root: str, client: BaseClient, store: Store) -> None:
        self._root = root
        self._client = client
        self._store = store
        self._bucket = root.removeprefix("s3://")

    def features(self) -> Features:
        """See `ports.LifecycleTarget`; two calls. A version that is kept is no soft delete: S3 has none."""
        with translated(self._root):
            versioning = self._client.get_bucket_versioning(Bucket=self._bucket).get("Status")
        locks = self._unless_absent("ObjectLockConfigurationNotFoundError", "get_object_lock_configuration")
        return Features(versioned=versioning is not None, locks=locks is not None)

    def native_rules(self) -> Mapping[str, object]:
        """See `ports.LifecycleTarget`; `{"Rules": […]}`."""
        found = self._unless_absent("NoSuchLifecycleConfiguration", "get_bucket_lifecycle_configuration")
        return {"Rules": found["Rules"] if found else []}

    def _unless_absent(self, absent: str, operation: str) -> Mapping[str, Any] | None:
        """What an operation answers, None for the code that says there is no such setting."""
        try:
            answer: Mapping[str, Any] = getattr(self._client, operation)(Bucket=self._bucket)
        except ClientError as error:
            if error.response["Error"].get("Code") == absent:
                return None
            with translated(self._root):
                raise
        return answer

    def install_native_rules(self, document: Mapping[str, object]) -> None:
        """See `ports.LifecycleTarget`; an empty list removes the configuration, which S3 cannot hold empty."""
        with translated(self._root):
            if not document["Rules"]:
                self._client.delete_bucket_lifecycle(Bucket=self._bucket)
                return
            self._client.put_bucket_lifecycle_configuration(Bucket=self._bucket, LifecycleConfiguration=document)

    def change_class(self, location: Location, storage_class: str) -> None:
        """See `ports.LifecycleTarget`; copies the current version onto itself, so its age begins anew."""
        found = self._store.stat(location)
        if found.size > COPY_LIMIT:
            raise Rejected(f"{location}: larger than 5 GB: let a native rule move it")
        source = {"Bucket": self._bucket, "Key": location.key}
        if location.version:
            source["VersionId"] = location.version
        with translated(location):
            self._client.copy_object(
                Bucket=self._bucket,
                Key=location.key,
                CopySource=source,
                CopySourceIfMatch=f'"{found.location.etag}"',
                IfMatch=f'"{found.location.etag}"',
                StorageClass=storage_class,
                MetadataDirective="COPY",
                TaggingDirective="COPY",
            )

    def hold(self, location: Location) -> None:
        """See `ports.LifecycleTarget`; the bucket needs Object Lock."""
        version: dict[str, Any] = {"VersionId": location.version} if location.version else {}
        with translated(location):
            self._client.put_object_legal_hold(
                Bucket=self._bucket, Key=location.key, LegalHold={"Status": "ON"}, **version
            )

    def delete_many(self, versions: Sequence[Location]) -> Mapping[Location, Rejected | Transient]:
        """See `ports.Batches`; DeleteObjects by version id, which is exact."""
        objects = [{"Key": one.key, "VersionId": one.version} for one in versions]
        with translated(self._root):
            answer = self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True})
        refusals = {(one["Key"], one.get("VersionId", "")): one for one in answer.get("Errors", [])}
        found = {}
        for one in versions:
            refusal = refusals.get((one.key, one.version)) or refusals.get((one.key, ""))  # some name no version
            if refusal:
                found[one] = kept(one, refusal["Code"], refusal.get("Message", ""))
        return found

    def arm(self, location: Location, label: str, custom_time: float) -> None:
        """See `ports.LifecycleTarget`; S3 has no Custom-Time, its native rule counts from creation."""
        del custom_time
        self._store.tag(location, {LIFECYCLE_TAG: label})
