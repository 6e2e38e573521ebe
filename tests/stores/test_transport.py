"""What an adapter makes of a broken network and of refusals, seen through a proxy in front of each emulator."""

from __future__ import annotations

import hashlib
import io
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import botocore.session
import pytest
from azure.storage.blob import BlobServiceClient
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client

from customhouse.errors import Conflict, CustomhouseError, Denied, Gone, Rejected, Transient
from customhouse.model import Location, Stat
from customhouse.ports import Store
from customhouse.stores import open_store
from tests.emulators.azurite import ACCOUNT
from tests.emulators.gcs import Emulator
from tests.stores.contract import VERDICT, whole
from tests.stores.proxy import Fault, Proxy, before

pytestmark = pytest.mark.emulator
SESSION = botocore.session.get_session()
HASTY = {"attempts": "1", "timeout": "1"}


@dataclass
class Cloud:
    """One cloud behind a proxy; `connect` opens its store with more options."""

    proxy: Proxy
    connect: Callable[..., Store]


@contextmanager
def s3(endpoint: str, *, versioned: bool = False) -> Iterator[Cloud]:
    name = f"b-{uuid.uuid4()}"
    client = SESSION.create_client("s3", endpoint_url=endpoint)
    client.create_bucket(Bucket=name)
    if versioned:
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    with before(endpoint) as proxy:
        yield Cloud(proxy, lambda **more: open_store(f"s3://{name}", HASTY | {"endpoint": proxy.url} | more))


@contextmanager
def gcs(endpoint: str) -> Iterator[Cloud]:
    name = f"b-{uuid.uuid4()}"
    client = Client("demo-project", AnonymousCredentials(), client_options={"api_endpoint": endpoint})
    client.create_bucket(name)
    client.close()
    with before(endpoint) as proxy:
        yield Cloud(proxy, lambda **more: open_store(f"gs://{name}", HASTY | {"endpoint": proxy.url} | more))


@contextmanager
def blob(connection_string: str) -> Iterator[Cloud]:
    name = f"c-{uuid.uuid4()}"
    with BlobServiceClient.from_connection_string(connection_string) as client:
        client.create_container(name)
        upstream = client.url.partition(f"/{ACCOUNT}")[0]
    with before(upstream) as proxy:
        through = {
            "azure_connection_string": connection_string.replace(f"{upstream}/", f"{proxy.url}/"),
            "azure_hierarchical": "no",
        }
        yield Cloud(proxy, lambda **more: open_store(f"az://{ACCOUNT}/{name}", HASTY | through | more))


@pytest.fixture(scope="module", params=["s3", "gcs", "blob"])
def one_cloud(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    opener, fixture = {
        "s3": (s3, "s3_endpoint"),
        "gcs": (gcs, "gcs_emulator"),
        "blob": (blob, "azure_connection_string"),
    }[request.param]
    address = request.getfixturevalue(fixture)
    with opener(address.url if isinstance(address, Emulator) else address) as opened:
        yield opened


@pytest.fixture
def cloud(one_cloud: Cloud) -> Iterator[Cloud]:
    yield one_cloud
    one_cloud.proxy.fault = None
    one_cloud.proxy.requests.clear()


def calls(store: Store, there: Location, stat: Stat) -> dict[str, Callable[[], object]]:
    return {
        "stat": lambda: store.stat(there),
        "read": lambda: whole(store, there),
        "put": lambda: store.put("b", b"1"),
        "copy": lambda: store.copy(stat, "c", tags={VERDICT: "clean"}),
        "tags": lambda: store.tags(there),
        "tag": lambda: store.tag(there, {VERDICT: "clean"}),
        "delete": lambda: store.delete(there),
        "list": lambda: list(store.list()),
    }


OPERATIONS = ["stat", "read", "put", "copy", "tags", "tag", "delete", "list"]


SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>slow down</Message></Error>"


@pytest.mark.parametrize(("status", "error"), [(503, Transient), (403, Denied)])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_call_translates_a_refusal(
    cloud: Cloud, operation: str, status: int, error: type[CustomhouseError]
) -> None:
    store = cloud.connect()
    there = store.put("a", b"1")
    call = calls(store, there, store.stat(there))[operation]
    cloud.proxy.fault = Fault(status=status, body=SLOW_DOWN if status == 503 else b"")
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error


@pytest.mark.parametrize("fault", [Fault(status=500), Fault(status=429), Fault(kind="reset")])
@pytest.mark.parametrize("operation", ["read", "put"])
def test_what_may_pass_is_transient(cloud: Cloud, operation: str, fault: Fault) -> None:
    store = cloud.connect()
    there = store.put("a", b"1")
    cloud.proxy.fault = replace(fault)
    with pytest.raises(Transient):
        calls(store, there, store.stat(there))[operation]()


@pytest.mark.parametrize(("status", "error"), [(400, Rejected), (401, Denied), (501, Rejected)])
def test_what_retrying_cannot_help_is_rejected(cloud: Cloud, status: int, error: type[CustomhouseError]) -> None:
    store = cloud.connect()
    cloud.proxy.fault = Fault(status=status)
    with pytest.raises(error) as caught:
        store.stat(Location(store.root, "a"))
    assert type(caught.value) is error


def test_a_service_that_says_nothing_is_transient(cloud: Cloud) -> None:
    store = cloud.connect()
    there = store.put("a", b"1")
    cloud.proxy.fault = Fault(kind="silence", times=4)  # an SDK may ask again before it gives up
    with pytest.raises(Transient):
        store.stat(there)


def test_a_service_that_cannot_be_reached_is_transient(cloud: Cloud) -> None:
    store = cloud.connect()
    cloud.proxy.fault = Fault(kind="reset")
    with pytest.raises(Transient):
        store.read(Location(store.root, "a"))


def test_a_body_that_breaks_off_is_never_taken_for_the_whole(cloud: Cloud) -> None:
    store = cloud.connect()
    there = store.put("a", bytes(3 << 20))
    cloud.proxy.fault = Fault(kind="cut", method="GET")
    with pytest.raises(Transient):
        whole(store, there)


def test_a_missing_bucket_is_gone(cloud: Cloud) -> None:
    store = cloud.connect()
    cloud.proxy.fault = Fault(status=404)
    with pytest.raises(Gone):
        list(store.list())


def test_a_failure_that_passes_is_retried_by_the_sdk(cloud: Cloud) -> None:
    there = cloud.connect().put("a", b"1")
    store = cloud.connect(attempts="3", timeout="20")
    cloud.proxy.fault = Fault(status=503, times=1)
    assert whole(store, there) == b"1"
    assert store.stat(there).size == 1


def test_a_write_that_is_cut_short_leaves_no_part_of_an_object(cloud: Cloud) -> None:
    store = cloud.connect(part_size=str(5 << 20))
    cloud.proxy.fault = Fault(status=500, method="PUT")
    with pytest.raises(Transient):
        store.put("big", io.BytesIO(bytes(11 << 20)))
    cloud.proxy.fault = None
    assert list(store.list("big")) == []


def test_archived_objects_say_what_to_do(s3_endpoint: str) -> None:
    with s3(s3_endpoint) as cloud:
        store = cloud.connect()
        there = store.put("a", b"1")
        body = b"<Error><Code>InvalidObjectState</Code><Message>archived</Message></Error>"
        cloud.proxy.fault = Fault(status=403, body=body, method="GET")
        with pytest.raises(Rejected, match="restore it"):
            store.read(there)


def clean_event(store: Store, there: Location) -> None:
    """What a clean upload costs: read, copy to where it is released, tag."""
    with store.read(there) as body:
        assert hashlib.sha256(b"".join(body)).hexdigest()
        stat = body.stat
    store.copy(stat, "released", tags={VERDICT: "clean"})
    store.tag(there, {VERDICT: "clean"})


def test_a_clean_event_costs_few_calls(cloud: Cloud) -> None:
    store = cloud.connect()
    there = store.put("a", bytes(100 << 10))
    cloud.proxy.requests.clear()
    clean_event(store, there)
    budget = {"s3": 5, "gs": 4, "az": 5}[there.scheme]
    assert len(cloud.proxy.requests) == budget, cloud.proxy.requests


def test_a_clean_event_in_a_versioned_bucket_costs_four_calls(s3_endpoint: str) -> None:
    with s3(s3_endpoint, versioned=True) as cloud:
        store = cloud.connect()
        there = store.put("a", bytes(100 << 10))
        cloud.proxy.requests.clear()
        clean_event(store, there)
        assert [entry.partition(" ")[0] for entry in cloud.proxy.requests] == ["GET", "PUT", "GET", "PUT"]


def test_an_object_overwritten_while_it_is_tagged_is_a_conflict_and_loses_our_tag(s3_endpoint: str) -> None:
    with s3(s3_endpoint) as cloud:
        store, uploader = cloud.connect(), cloud.connect()
        there = store.put("a", b"first", tags={"team": "build"})
        taggings = 0

        def overwrite(method: str) -> Fault | None:
            nonlocal taggings
            taggings += method == "PUT" and cloud.proxy.requests[-1].endswith("?tagging")
            if taggings == 1:
                taggings += 1
                uploader.put("a", b"second", tags={"theirs": "too"})
            return None

        cloud.proxy.take = overwrite  # type: ignore[method-assign] # the moment between two calls of one operation
        with pytest.raises(Conflict):
            store.tag(there, {VERDICT: "clean"})
        assert VERDICT not in store.tags(Location(store.root, "a"))


@pytest.fixture
def azure(azure_connection_string: str) -> Iterator[Cloud]:
    with blob(azure_connection_string) as cloud:
        yield cloud


def test_a_copy_that_differs_is_removed(cloud: Cloud) -> None:
    store = cloud.connect(single_size=str(5 << 20))
    there = store.put("source", bytes(6_000_000) if store.root.startswith("s3") else bytes(1000))
    stat = store.stat(there)
    cloud.proxy.fault = {
        "s3": Fault(kind="edit", method="HEAD", headers={"Content-Length": "7"}),
        "gs": Fault(kind="edit", method="POST", swap=(b'"size": "1000"', b'"size": "7"')),
        "az": Fault(kind="edit", method="HEAD", headers={"Content-Length": "7"}),
    }[there.scheme]
    with pytest.raises(Transient, match="removed"):
        store.copy(stat, "differs", tags={})
    cloud.proxy.fault = None
    assert list(store.list("differs")) == []


def test_a_copy_in_the_background_is_waited_for(azure: Cloud) -> None:
    store = azure.connect()
    stat = store.stat(store.put("a", b"1"))
    azure.proxy.fault = Fault(kind="edit", method="HEAD", headers={"x-ms-copy-status": "pending"}, times=1)
    assert whole(store, store.copy(stat, "b", tags={})) == b"1"
    assert sum(entry.startswith("HEAD") for entry in azure.proxy.requests) == 3


@pytest.mark.parametrize(
    ("headers", "error"),
    [({"x-ms-copy-status": "failed"}, Transient), ({"x-ms-copy-id": "somebody-else-s"}, Conflict)],
)
def test_a_copy_that_failed_or_was_overwritten_is_no_copy(
    azure: Cloud, headers: dict[str, str], error: type[CustomhouseError]
) -> None:
    store = azure.connect()
    stat = store.stat(store.put("a", b"1"))
    azure.proxy.fault = Fault(kind="edit", method="HEAD", headers=headers)
    with pytest.raises(error):
        store.copy(stat, "b", tags={})


def test_tags_that_changed_while_they_were_merged_are_tried_again_later(azure: Cloud) -> None:
    store = azure.connect()
    there = store.put("a", b"1", tags={"team": "build"})
    azure.proxy.fault = Fault(status=412, method="PUT")
    with pytest.raises(Transient, match="changed"):
        store.tag(there, {VERDICT: "clean"})
    assert store.tags(there) == {"team": "build"}


def test_a_blob_version_is_read_tagged_and_deleted_by_its_id(azure: Cloud) -> None:
    """Azurite keeps no versions: the answers say that there are, and the requests are what is looked at."""
    store = azure.connect()
    plain = store.put("a", b"1")
    version = {"x-ms-version-id": "2026-11-24T00:00:00.0000000Z"}
    azure.proxy.fault = Fault(kind="edit", headers=version)
    there = store.stat(plain).location
    assert (there.version, there.etag) == (version["x-ms-version-id"], plain.etag)
    azure.proxy.requests.clear()
    azure.proxy.fault = Fault(status=202, method="DELETE")
    store.delete(there)
    current, by_id = azure.proxy.requests
    assert "versionid" not in current
    assert by_id.endswith("versionid=2026-11-24T00%3A00%3A00.0000000Z")
