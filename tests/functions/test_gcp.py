import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from tests.emulators.gcs import Emulator
from tests.functions.conftest import Install
from tests.functions.support import Buckets, hold
from tests.runtimes.folders import CloudName, core_of
from tests.runtimes.functions_framework import FunctionsFramework

pytestmark = pytest.mark.emulator


@pytest.fixture(scope="module")
def buckets() -> Buckets:
    return Buckets.fresh("gs://")


@pytest.fixture(scope="module")
def client(gcs_emulator: Emulator, buckets: Buckets) -> Iterator[storage.Client]:
    options = {"api_endpoint": gcs_emulator.url}
    with closing(storage.Client("demo-project", AnonymousCredentials(), client_options=options)) as client:
        for name in buckets.names:
            client.create_bucket(name)
        yield client


@pytest.fixture(scope="module")
def environment(gcs_emulator: Emulator, buckets: Buckets) -> Mapping[str, str]:
    return {**buckets.settings, "STORAGE_EMULATOR_HOST": gcs_emulator.url}


@pytest.fixture(scope="module")
def runtime(
    folders: Mapping[CloudName, Path], environment: Mapping[str, str], client: storage.Client
) -> Iterator[FunctionsFramework]:
    assert client
    with FunctionsFramework(folders["gcp"], "artifact", "cloudevent", environment=environment) as runtime:
        yield runtime


def upload(client: storage.Client, buckets: Buckets, key: str) -> dict[str, Any]:
    """Store an object; the resource that Cloud Storage sends along with its event."""
    blob = client.bucket(buckets.name("intake")).blob(key)
    blob.upload_from_string(b"hello")
    return {"bucket": blob.bucket.name, "name": key, "generation": str(blob.generation), "size": "5"}


def eventarc(resource: Mapping[str, Any]) -> dict[str, str]:
    return {
        "ce-specversion": "1.0",
        "ce-id": "1096434104173400",
        "ce-type": "google.cloud.storage.object.v1.finalized",
        "ce-source": f"//storage.googleapis.com/projects/_/buckets/{resource['bucket']}",
        "ce-subject": "objects/app.whl",
        "ce-time": "2026-11-24T02:00:00Z",
        "ce-bucket": resource["bucket"],
    }


def push(resource: Mapping[str, Any]) -> dict[str, Any]:
    attributes = {
        "bucketId": resource["bucket"],
        "objectId": resource["name"],
        "objectGeneration": resource["generation"],
        "eventType": "OBJECT_FINALIZE",
        "payloadFormat": "JSON_API_V1",
    }
    data = base64.b64encode(json.dumps(resource).encode()).decode()
    message = {"attributes": attributes, "data": data, "messageId": "1", "publishTime": "2026-11-24T02:00:00Z"}
    return {"message": message, "subscription": "projects/demo-project/subscriptions/intake"}


def verdict(client: storage.Client, bucket: str, key: str) -> str:
    blob = client.bucket(bucket).get_blob(key)
    return str((blob.metadata or {}).get("customhouse-verdict", ""))


def test_core_comes_from_the_folder(folders: Mapping[CloudName, Path]) -> None:
    assert core_of(folders["gcp"]).is_relative_to(folders["gcp"])


def test_eventarc_event_gets_its_verdict(runtime: FunctionsFramework, client: storage.Client, buckets: Buckets) -> None:
    resource = upload(client, buckets, "in/100% ü+.txt")
    assert runtime.post(resource, eventarc(resource)).status == 200, runtime.output
    assert verdict(client, buckets.name("intake"), "in/100% ü+.txt") == "clean"
    assert verdict(client, buckets.name("released"), "in/100% ü+.txt") == "clean"


def test_pubsub_push_gets_its_verdict(runtime: FunctionsFramework, client: storage.Client, buckets: Buckets) -> None:
    resource = upload(client, buckets, "pushed.txt")
    assert runtime.post(push(resource), {}, "/projects/demo-project/topics/intake").status == 200, runtime.output
    assert verdict(client, buckets.name("released"), "pushed.txt") == "clean"


def test_verdict_is_logged_as_structured_json(
    runtime: FunctionsFramework, client: storage.Client, buckets: Buckets
) -> None:
    resource = upload(client, buckets, "logged.txt")
    runtime.post(resource, eventarc(resource))
    lines = [json.loads(line) for line in runtime.output.splitlines() if "logged.txt" in line]
    assert [(line["severity"], line["message"], line["verdict"]) for line in lines] == [("INFO", "decided", "clean")]


def test_event_that_must_come_again_answers_500(
    runtime: FunctionsFramework, client: storage.Client, buckets: Buckets, environment: Mapping[str, str]
) -> None:
    resource = upload(client, buckets, "busy.txt")
    hold(environment, "busy.txt")
    assert runtime.post(resource, eventarc(resource)).status == 500
    assert "Transient" in runtime.output


def test_what_is_no_event_is_logged_and_acknowledged(runtime: FunctionsFramework) -> None:
    headers = eventarc({"bucket": "b"})
    assert runtime.post({"unexpected": True}, headers).status == 200
    assert '"severity": "ERROR", "message": "no event:' in runtime.output


def test_what_no_delivery_can_mend_is_logged_and_acknowledged(
    runtime: FunctionsFramework, client: storage.Client, buckets: Buckets
) -> None:
    resource = upload(client, buckets, "unreadable.txt")
    assert runtime.post(resource, eventarc(resource)).status == 200
    records = client.list_blobs(buckets.name("records"), prefix="records/")
    (record,) = (blob for blob in records if b'"unreadable.txt"' in blob.download_as_bytes())
    record.upload_from_string(b"{")
    assert runtime.post(resource, eventarc(resource)).status == 200, runtime.output
    assert '"severity": "ERROR", "message": "not judged: a record does not read' in runtime.output


def test_schedule_reconciles_what_no_event_came_for(
    folders: Mapping[CloudName, Path], environment: Mapping[str, str], client: storage.Client, buckets: Buckets
) -> None:
    upload(client, buckets, "zz-forgotten.txt")
    with FunctionsFramework(folders["gcp"], "schedule", "http", environment=environment) as runtime:
        reply = runtime.post({"schedule": "reconcile"}, {})
    assert (reply.status, json.loads(reply.body)["job"]) == (200, "reconcile")
    assert verdict(client, buckets.name("released"), "zz-forgotten.txt") == "clean"


def test_folder_serves_in_an_environment_of_nothing_but_its_lock(
    folders: Mapping[CloudName, Path],
    clean_python: Install,
    environment: Mapping[str, str],
    client: storage.Client,
    buckets: Buckets,
) -> None:
    resource, python = upload(client, buckets, "locked.txt"), clean_python("gcp")
    with FunctionsFramework(
        folders["gcp"], "artifact", "cloudevent", environment=environment, python=python
    ) as runtime:
        assert runtime.post(resource, eventarc(resource)).status == 200, runtime.output
    assert verdict(client, buckets.name("released"), "locked.txt") == "clean"
