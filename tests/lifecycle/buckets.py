"""Fresh buckets on every store, real SDKs against emulators on loopback."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import botocore.session
import pytest
from azure.storage.blob import BlobServiceClient
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client

from customhouse.ports import Store
from customhouse.stores import open_store
from customhouse.stores.options import Options
from tests.emulators.azurite import ACCOUNT
from tests.lifecycle.support import memory

Fresh = Callable[[], Store]
EMULATED = ("s3", "gs", "az")
CASES = [
    *(pytest.param((kind, mode)) for kind in ("memory", "memory-versioned") for mode in ("before", "after")),
    *(pytest.param((kind, "after"), marks=pytest.mark.emulator) for kind in EMULATED),
    *(
        pytest.param((kind, mode), marks=[pytest.mark.emulator, pytest.mark.long])
        for kind, mode in (
            *((kind, "before") for kind in EMULATED),
            *((f"{kind}-versioned", mode) for kind in ("s3", "gs") for mode in ("before", "after")),
        )
    ),
]
"""Kinds of bucket and when to die: what differs between after one call and before the next is what the journal knows,
so that emulators do both only in `make test-long`."""


def name() -> str:
    """A bucket name that every cloud takes."""
    return f"b-{uuid.uuid4()}"


def maker(kind: str, request: pytest.FixtureRequest) -> Fresh:
    """Makes an empty bucket of a kind each time it is called."""
    scheme, _, versioned = kind.partition("-")
    if scheme == "memory":
        return lambda: memory(versioned=bool(versioned))
    options = options_of(scheme, request)
    return lambda: open_store(made(scheme, options, versioned=bool(versioned)), options)


def options_of(scheme: str, request: pytest.FixtureRequest) -> dict[str, str]:
    """What an adapter needs to reach its emulator."""
    if scheme == "s3":
        return {"endpoint": request.getfixturevalue("s3_endpoint")}
    if scheme == "gs":
        return {"endpoint": request.getfixturevalue("gcs_emulator").url}
    return {"azure_connection_string": request.getfixturevalue("azure_connection_string")}


def made(scheme: str, options: dict[str, str], *, versioned: bool = False, locks: bool = False) -> str:
    """The root of a new bucket."""
    fresh, read = name(), Options.read(options)
    if scheme == "s3":
        client = botocore.session.get_session().create_client("s3", endpoint_url=read.endpoint)
        client.create_bucket(Bucket=fresh, ObjectLockEnabledForBucket=locks)
        if versioned:
            client.put_bucket_versioning(Bucket=fresh, VersioningConfiguration={"Status": "Enabled"})
        return f"s3://{fresh}"
    if scheme == "gs":
        storage = Client("p", credentials=AnonymousCredentials(), client_options={"api_endpoint": read.endpoint})
        bucket = storage.bucket(fresh)
        bucket.versioning_enabled = versioned
        storage.create_bucket(bucket)
        storage.close()
        return f"gs://{fresh}"
    with BlobServiceClient.from_connection_string(read.azure_connection_string) as service:
        service.create_container(fresh)
    return f"az://{ACCOUNT}/{fresh}"
