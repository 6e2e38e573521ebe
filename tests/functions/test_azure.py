import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient

from tests.emulators.azurite import ACCOUNT
from tests.functions.conftest import Install
from tests.functions.support import Buckets, hold, until
from tests.runtimes.azure_host import AzureHost
from tests.runtimes.folders import CloudName

pytestmark = pytest.mark.emulator

PUSH = "/runtime/webhooks/EventGrid?functionName=push"


@pytest.fixture(scope="module")
def buckets() -> Buckets:
    return Buckets.fresh(f"az://{ACCOUNT}/")


@pytest.fixture(scope="module")
def blobs(azure_connection_string: str, buckets: Buckets) -> Iterator[BlobServiceClient]:
    with BlobServiceClient.from_connection_string(azure_connection_string) as client:
        for name in buckets.names:
            client.create_container(name)
        yield client


@pytest.fixture(scope="module")
def environment(azure_connection_string: str, buckets: Buckets) -> Mapping[str, str]:
    return {
        **buckets.settings,
        "AzureWebJobsStorage": azure_connection_string,
        "AZURE_STORAGE_CONNECTION_STRING": azure_connection_string,
        "CUSTOMHOUSE_QUEUE": buckets.name("events"),
        "AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:00:00",
        "AzureFunctionsJobHost__extensions__queues__maxDequeueCount": "2",
    }


@pytest.fixture(scope="module")
def host(
    folders: Mapping[CloudName, Path], environment: Mapping[str, str], blobs: BlobServiceClient
) -> Iterator[AzureHost]:
    assert blobs
    with AzureHost(folders["azure"], environment=environment) as host:
        yield host


def event(buckets: Buckets, key: str, etag: str) -> dict[str, Any]:
    return {
        "id": "831e1650-001e-001b-66ab-eeb76e069631",
        "topic": f"/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/{ACCOUNT}",
        "subject": f"/blobServices/default/containers/{buckets.name('intake')}/blobs/{key}",
        "eventType": "Microsoft.Storage.BlobCreated",
        "eventTime": "2026-11-24T18:41:00.9584103Z",
        "dataVersion": "",
        "metadataVersion": "1",
        "data": {
            "api": "PutBlob",
            "eTag": etag.strip('"'),
            "contentLength": 5,
            "blobType": "BlockBlob",
            "url": f"https://{ACCOUNT}.blob.core.windows.net/{buckets.name('intake')}/{key}",
            "sequencer": "00000000000004420000000000028963",
        },
    }


def upload(blobs: BlobServiceClient, buckets: Buckets, key: str) -> dict[str, Any]:
    return event(buckets, key, blobs.get_blob_client(buckets.name("intake"), key).upload_blob(b"hello")["etag"])


def send(host: AzureHost, buckets: Buckets, document: object) -> None:
    host.queue(buckets.name("events")).send_message(host.encode(json.dumps(document)))


def verdict(blobs: BlobServiceClient, container: str, key: str) -> str:
    return blobs.get_blob_client(container, key).get_blob_tags().get("customhouse-verdict", "")


def poison(host: AzureHost, buckets: Buckets) -> list[Any]:
    queue = host.queue(f"{buckets.name('events')}-poison")
    until(lambda: queue.get_queue_properties().approximate_message_count, lambda: host.output)
    messages = list(queue.receive_messages())
    for message in messages:
        queue.delete_message(message)
    return [json.loads(host.decode(message.content)) for message in messages]


def test_core_comes_from_the_folder(host: AzureHost, folders: Mapping[CloudName, Path]) -> None:
    assert Path(host.core).is_relative_to(folders["azure"])


def test_functions_are_bound_as_the_deployment_expects(host: AzureHost, buckets: Buckets) -> None:
    triggers = {name: function.trigger for name, function in host.functions.items()}
    assert triggers["artifact"]["queueName"] == buckets.name("events")
    assert triggers["push"]["type"] == "eventGridTrigger"
    assert triggers["reconcile"]["schedule"] == "0 0 * * * *"
    assert triggers["lifecycle"]["schedule"] == "0 30 * * * *"
    assert triggers["advisories"]["schedule"] == "0 15 */6 * * *"
    assert triggers["rematch"]["schedule"] == "0 45 * * * *"


def test_queue_message_gets_its_verdict(host: AzureHost, blobs: BlobServiceClient, buckets: Buckets) -> None:
    send(host, buckets, upload(blobs, buckets, "one.txt"))
    until(lambda: "one.txt" in host.output and "decided clean" in host.output, lambda: host.output)
    assert verdict(blobs, buckets.name("intake"), "one.txt") == "clean"
    assert verdict(blobs, buckets.name("released"), "one.txt") == "clean"


def test_event_grid_push_goes_through_the_queue(host: AzureHost, blobs: BlobServiceClient, buckets: Buckets) -> None:
    assert host.post(PUSH, [upload(blobs, buckets, "pushed.txt")]).status == 202
    until(lambda: "pushed.txt" in host.output, lambda: host.output)
    assert verdict(blobs, buckets.name("released"), "pushed.txt") == "clean"


def test_message_that_must_come_again_ends_in_the_poison_queue(
    host: AzureHost, blobs: BlobServiceClient, buckets: Buckets, environment: Mapping[str, str]
) -> None:
    document = upload(blobs, buckets, "busy.txt")
    hold(environment, "busy.txt")
    send(host, buckets, document)
    assert poison(host, buckets) == [document]
    assert verdict(blobs, buckets.name("intake"), "busy.txt") == ""


def test_a_bad_event_of_a_batch_costs_none_of_the_others(
    host: AzureHost, blobs: BlobServiceClient, buckets: Buckets
) -> None:
    document = [{"unexpected": True}, upload(blobs, buckets, "behind.txt")]
    send(host, buckets, document)
    assert poison(host, buckets) == [document]
    assert verdict(blobs, buckets.name("released"), "behind.txt") == "clean"


def test_what_is_no_event_ends_in_the_poison_queue(host: AzureHost, buckets: Buckets) -> None:
    send(host, buckets, {"unexpected": True})
    assert poison(host, buckets) == [{"unexpected": True}]


def test_timer_reconciles_what_no_event_came_for(host: AzureHost, blobs: BlobServiceClient, buckets: Buckets) -> None:
    upload(blobs, buckets, "zz-forgotten.txt")
    assert host.post("/admin/functions/reconcile", {}).status == 202, host.output
    assert verdict(blobs, buckets.name("released"), "zz-forgotten.txt") == "clean"


def test_folder_serves_in_an_environment_of_nothing_but_its_lock(
    folders: Mapping[CloudName, Path],
    clean_python: Install,
    environment: Mapping[str, str],
    blobs: BlobServiceClient,
    buckets: Buckets,
) -> None:
    document = upload(blobs, buckets, "locked.txt")
    settings = {**environment, "CUSTOMHOUSE_QUEUE": buckets.name("locked")}
    with AzureHost(folders["azure"], environment=settings, python=clean_python("azure")) as host:
        host.queue(buckets.name("locked")).send_message(host.encode(json.dumps(document)))
        until(lambda: "decided clean" in host.output, lambda: host.output)
    assert verdict(blobs, buckets.name("released"), "locked.txt") == "clean"
