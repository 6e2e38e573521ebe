"""Holds, locks and last reads as the three clouds tell them: planned around, and never hidden by a delete."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Sequence
from typing import Any

import botocore.session
import pytest
from azure.storage.blob import BlobProperties
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Blob, Client

from customhouse.errors import Denied, Rejected
from customhouse.lifecycle import plan
from customhouse.lifecycle.apply import apply
from customhouse.lifecycle.execute import Bucket
from customhouse.lifecycle.inventory.live import Closer, rows
from customhouse.lifecycle.limits import Limits
from customhouse.lifecycle.vocabulary import load
from customhouse.lifecycle.words import DAY, Artifact
from customhouse.model import Location
from customhouse.ports import Features
from customhouse.stores import open_store
from customhouse.stores.blob_answers import from_properties
from customhouse.stores.gcs_answers import from_blob
from customhouse.stores.open_lifecycle import open_target
from tests.lifecycle.buckets import made, options_of
from tests.lifecycle.support import FakeTarget, contents, memory

RULES = load([{"id": "old", "do": "delete", "undo": "none", "age": "0m", "select": {"prefix": "a"}}])
ALL = Limits(max_share=1)
NOON = dt.datetime(2030, 1, 1, 12, tzinfo=dt.UTC)


def done(bucket: Bucket, found: Sequence[Artifact]) -> dict[str, str]:
    """What applying a plan over these rows comes to."""
    now = time.time() + 60
    made = plan.make(RULES, found, now)
    outcomes = apply(made, {bucket.store.root: bucket}, now, limits=ALL, workers=1)
    return {outcome.location.key: outcome.status for outcome in outcomes}


@pytest.mark.emulator
def test_on_s3_what_is_held_or_locked_is_neither_planned_nor_hidden_behind_a_delete_marker(
    request: pytest.FixtureRequest,
) -> None:
    options = options_of("s3", request)
    root = made("s3", options, versioned=True, locks=True)
    store, target = open_store(root, options), open_target(root, options)
    client = botocore.session.get_session().create_client("s3", endpoint_url=options["endpoint"])
    for name in ("a-free", "a-held", "a-locked", "a-later"):
        store.put(name, b"x")
    where = {"Bucket": root.removeprefix("s3://")}
    retention = {"Mode": "GOVERNANCE", "RetainUntilDate": NOON}
    client.put_object_legal_hold(**where, Key="a-held", LegalHold={"Status": "ON"})
    client.put_object_retention(**where, Key="a-locked", Retention=retention)
    bucket = Bucket.of(store, target)
    assert bucket.hides
    found = list(rows(store, time.time(), Closer(locks=bucket.hides)))
    told = {one.location.key: (one.held, one.locked_until) for one in found}
    assert told["a-held"] == (True, None)
    assert told["a-locked"] == (False, NOON.timestamp())
    client.put_object_legal_hold(**where, Key="a-later", LegalHold={"Status": "ON"})
    assert done(bucket, found) == {"a-free": "done", "a-later": "deferred"}
    unknowing = [one for one in rows(store, time.time()) if not one.held]
    assert done(bucket, unknowing) == dict.fromkeys(("a-held", "a-later", "a-locked"), "deferred")
    assert set(contents(store)) == {"a-held", "a-later", "a-locked"}


@pytest.mark.emulator
def test_on_s3_a_bucket_without_object_lock_costs_no_look_before_a_delete(request: pytest.FixtureRequest) -> None:
    options = options_of("s3", request)
    root = made("s3", options)
    store = open_store(root, options)
    store.put("a", b"x")
    bucket = Bucket.of(store, open_target(root, options))
    assert not bucket.hides
    assert done(bucket, list(rows(store, time.time()))) == {"a": "done"}


@pytest.mark.parametrize("error", [Denied("no"), Rejected("NotImplemented")])
def test_whether_a_bucket_hides_is_taken_for_yes_where_it_cannot_be_asked(error: Exception) -> None:
    class Closed(FakeTarget):
        def features(self) -> Features:
            raise error

    class Named:
        root = "s3://b"

    assert Bucket.of(Named(), Closed()).hides  # type: ignore[arg-type] # only the store's name is asked for
    assert not Bucket.of(Named(), FakeTarget()).hides  # type: ignore[arg-type] # as above
    assert Bucket.of(Named(), FakeTarget(has=Features(locks=True))).hides  # type: ignore[arg-type] # as above
    assert not Bucket.of(memory(), Closed()).hides


@pytest.mark.emulator
def test_on_cloud_storage_the_listing_tells_holds_for_nothing_and_the_store_refuses_later_ones(
    request: pytest.FixtureRequest,
) -> None:
    options = options_of("gs", request)
    root = made("gs", options)
    store, target = open_store(root, options), open_target(root, options)
    assert target is not None
    locations = {name: store.put(name, b"x") for name in ("a-free", "a-held", "a-later")}
    target.hold(locations["a-held"])
    found = list(rows(store, time.time()))
    assert {one.location.key for one in found if one.held} == {"a-held"}
    target.hold(locations["a-later"])
    assert done(Bucket.of(store, target), found) == {"a-free": "done", "a-later": "deferred"}
    assert set(contents(store)) == {"a-held", "a-later"}


def blob(**said: Any) -> Blob:
    """An object resource as the JSON API gives it."""
    client = Client("p", credentials=AnonymousCredentials())
    found = client.bucket("b").blob("k")
    found._set_properties(
        {"generation": "7", "size": "1", "timeCreated": "2029-01-01T00:00:00Z", "name": "k", "bucket": "b", **said}
    )
    return found


@pytest.mark.parametrize(
    ("said", "held", "locked"),
    [
        ({}, False, None),
        ({"temporaryHold": True}, True, None),
        ({"eventBasedHold": True}, True, None),
        ({"retentionExpirationTime": "2030-01-01T12:00:00Z"}, False, NOON.timestamp()),
        (
            {
                "retentionExpirationTime": "2029-12-01T00:00:00Z",
                "retention": {"mode": "Locked", "retainUntilTime": "2030-01-01T12:00:00Z"},
            },
            False,
            NOON.timestamp(),
        ),
    ],
)
def test_cloud_storage_s_holds_and_the_later_of_its_retentions_are_read(
    said: dict[str, Any], *, held: bool, locked: float | None
) -> None:
    found = from_blob("gs://b", blob(**said))
    assert (found.held, found.locked_until, found.used) == (held, locked, None)


def properties(**said: Any) -> BlobProperties:
    return BlobProperties(**{"name": "k", "ETag": '"e"', "Last-Modified": NOON, "Content-Length": 1, **said})


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({}, (False, None, None)),
        ({"x-ms-legal-hold": True}, (True, None, None)),
        ({"x-ms-immutability-policy-until-date": NOON}, (False, NOON.timestamp(), None)),
        ({"x-ms-last-access-time": NOON}, (False, None, NOON.timestamp())),
    ],
)
def test_azure_s_holds_policies_and_last_reads_are_read(said: dict[str, Any], told: tuple[object, ...]) -> None:
    found = from_properties("az://a/c", "k", properties(**said), hierarchical=False)
    assert (found.held, found.locked_until, found.used) == told


@pytest.mark.emulator
def test_azure_s_listing_is_asked_for_holds_and_policies(request: pytest.FixtureRequest) -> None:
    options = options_of("az", request)
    store = open_store(made("az", options), options)
    store.put("a", b"x")
    [found] = store.list()
    assert (found.held, found.locked_until) == (False, None)
    assert done(Bucket.of(store, None), list(rows(store, time.time()))) == {"a": "done"}


def test_idle_counts_from_the_last_read_that_a_listing_tells() -> None:
    rule = load([{"id": "cold", "do": {"class": "cold"}, "idle": "30d"}])
    read = [Artifact(Location("az://a/c", f"{at}", etag="e"), 1, 0.0, used=at * DAY) for at in (10, 20)]
    unread = Artifact(Location("az://a/c", "never", etag="e"), 1, 0.0)
    assert [item.location.key for item in plan.make(rule, [*read, unread], 45 * DAY).items()] == ["10"]
