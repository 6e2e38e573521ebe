import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient

from tests.functions.conftest import Install
from tests.functions.support import Buckets, hold
from tests.runtimes.folders import CloudName, core_of
from tests.runtimes.lambda_runtime import LambdaRuntime

pytestmark = pytest.mark.emulator

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture(scope="module")
def buckets() -> Buckets:
    return Buckets.fresh("s3://")


@pytest.fixture(scope="module")
def s3(s3_endpoint: str, buckets: Buckets) -> Iterator[BaseClient]:
    client = boto3.client("s3", endpoint_url=s3_endpoint)
    for name in buckets.names:
        client.create_bucket(Bucket=name)
    yield client
    client.close()


@pytest.fixture(scope="module")
def environment(s3_endpoint: str, buckets: Buckets) -> Mapping[str, str]:
    return {**CREDENTIALS, **buckets.settings, "AWS_ENDPOINT_URL": s3_endpoint}


@pytest.fixture(scope="module")
def runtime(folders: Mapping[CloudName, Path], environment: Mapping[str, str]) -> Iterator[LambdaRuntime]:
    with LambdaRuntime(folders["aws"], "handler.handler", environment=environment) as runtime:
        yield runtime


def s3_event(bucket: str, key: str) -> dict[str, Any]:
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": "2026-11-24T02:00:00.000Z",
        "eventName": "ObjectCreated:Put",
        "s3": {
            "s3SchemaVersion": "1.0",
            "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
            "object": {"key": key, "size": 5, "sequencer": "0055AED6DCD90281E5"},
        },
    }
    return {"Records": [record]}


def sqs_batch(**bodies: str) -> dict[str, Any]:
    return {
        "Records": [
            {
                "messageId": identifier,
                "receiptHandle": f"handle-{identifier}",
                "body": body,
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:events",
                "awsRegion": "us-east-1",
            }
            for identifier, body in bodies.items()
        ]
    }


def batch_job(bucket: str, *keys: str) -> dict[str, Any]:
    arn = f"arn:aws:s3:::{bucket}"
    tasks = [{"taskId": key, "s3Key": key, "s3VersionId": None, "s3BucketArn": arn} for key in keys]
    return {"invocationSchemaVersion": "1.0", "invocationId": "call-1", "job": {"id": "job-1"}, "tasks": tasks}


def verdict(s3: BaseClient, bucket: str, key: str) -> str:
    tags = s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
    return next((str(tag["Value"]) for tag in tags if tag["Key"] == "customhouse-verdict"), "")


def test_core_comes_from_the_folder(folders: Mapping[CloudName, Path]) -> None:
    assert core_of(folders["aws"]).is_relative_to(folders["aws"])


def test_sqs_batch_gets_verdicts_and_nothing_fails(runtime: LambdaRuntime, s3: BaseClient, buckets: Buckets) -> None:
    intake = buckets.name("intake")
    for key in ("one.txt", "two.txt"):
        s3.put_object(Bucket=intake, Key=key, Body=b"hello")
    answer = runtime.invoke(sqs_batch(**{key: json.dumps(s3_event(intake, key)) for key in ("one.txt", "two.txt")}))
    assert answer.payload == {"batchItemFailures": []}
    assert verdict(s3, intake, "one.txt") == verdict(s3, intake, "two.txt") == "clean"
    assert verdict(s3, buckets.name("released"), "one.txt") == "clean"


def test_bad_message_of_a_batch_fails_alone(runtime: LambdaRuntime, s3: BaseClient, buckets: Buckets) -> None:
    intake = buckets.name("intake")
    s3.put_object(Bucket=intake, Key="good.txt", Body=b"hello")
    answer = runtime.invoke(sqs_batch(bad="no JSON", good=json.dumps(s3_event(intake, "good.txt"))))
    assert answer.payload == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    assert verdict(s3, intake, "good.txt") == "clean"


def test_message_that_must_come_again_fails_alone(
    runtime: LambdaRuntime, s3: BaseClient, buckets: Buckets, environment: Mapping[str, str]
) -> None:
    intake = buckets.name("intake")
    for key in ("held.txt", "free.txt"):
        s3.put_object(Bucket=intake, Key=key, Body=b"hello")
    hold(environment, "held.txt")
    answer = runtime.invoke(sqs_batch(**{key: json.dumps(s3_event(intake, key)) for key in ("held.txt", "free.txt")}))
    assert answer.payload == {"batchItemFailures": [{"itemIdentifier": "held.txt"}]}
    assert (verdict(s3, intake, "held.txt"), verdict(s3, intake, "free.txt")) == ("", "clean")


def test_whole_batch_that_fails_is_answered_item_by_item(runtime: LambdaRuntime) -> None:
    answer = runtime.invoke(sqs_batch(a="no JSON", b="{}"))
    assert not answer.failed
    assert answer.payload == {"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "b"}]}


def test_no_records_are_nothing_to_do(runtime: LambdaRuntime) -> None:
    answer = runtime.invoke({"Records": []})
    assert (answer.failed, answer.payload) == (False, None)


def test_direct_event_gets_its_verdict(runtime: LambdaRuntime, s3: BaseClient, buckets: Buckets) -> None:
    intake = buckets.name("intake")
    s3.put_object(Bucket=intake, Key="direct +ü.txt", Body=b"hello", Tagging="customhouse-verdict=quarantined&a=b")
    answer = runtime.invoke(s3_event(intake, "direct+%2B%C3%BC.txt"))
    assert (answer.failed, answer.payload) == (False, None)
    assert verdict(s3, intake, "direct +ü.txt") == "clean"


def test_direct_event_that_must_come_again_is_an_error(
    runtime: LambdaRuntime, s3: BaseClient, buckets: Buckets, environment: Mapping[str, str]
) -> None:
    s3.put_object(Bucket=buckets.name("intake"), Key="busy.txt", Body=b"hello")
    hold(environment, "busy.txt")
    answer = runtime.invoke(s3_event(buckets.name("intake"), "busy.txt"))
    assert (answer.failed, answer.payload["errorType"]) == (True, "Transient")


def test_batch_operations_get_a_code_for_each_task(
    runtime: LambdaRuntime, s3: BaseClient, buckets: Buckets, environment: Mapping[str, str]
) -> None:
    intake = buckets.name("intake")
    for key in ("new.txt", "taken.txt"):
        s3.put_object(Bucket=intake, Key=key, Body=b"hello")
    hold(environment, "taken.txt")
    job = batch_job(intake, "new.txt", "taken.txt", "nameless")
    job["tasks"][2]["s3BucketArn"] = None
    answer = runtime.invoke(job).payload
    assert (answer["invocationSchemaVersion"], answer["invocationId"]) == ("1.0", "call-1")
    codes = {result["taskId"]: result["resultCode"] for result in answer["results"]}
    assert codes == {"new.txt": "Succeeded", "taken.txt": "TemporaryFailure", "nameless": "PermanentFailure"}
    assert verdict(s3, intake, "new.txt") == "clean"


def test_schedule_reconciles_what_no_event_came_for(runtime: LambdaRuntime, s3: BaseClient, buckets: Buckets) -> None:
    intake = buckets.name("intake")
    s3.put_object(Bucket=intake, Key="zz-forgotten.txt", Body=b"hello")
    answer = runtime.invoke({"schedule": "reconcile"})
    assert answer.payload["job"] == "reconcile"
    assert verdict(s3, intake, "zz-forgotten.txt") == "clean"


def test_unknown_schedule_is_an_error(runtime: LambdaRuntime) -> None:
    answer = runtime.invoke({"schedule": "nonsense"})
    assert (answer.failed, answer.payload["errorType"]) == (True, "ConfigError")


def test_logs_and_metrics_are_written(runtime: LambdaRuntime, s3: BaseClient, buckets: Buckets) -> None:
    s3.put_object(Bucket=buckets.name("intake"), Key="counted.txt", Body=b"hello")
    runtime.invoke(s3_event(buckets.name("intake"), "counted.txt"))
    lines = [json.loads(line) for line in runtime.output.splitlines() if line.startswith("{")]
    logged = [line for line in lines if "counted.txt" in line.get("artifact", "")]
    assert [(line["message"], line["verdict"]) for line in logged] == [("decided", "clean")]
    assert any(line.get("clean") == [1.0] and "_aws" in line for line in lines)


@pytest.mark.parametrize(
    "payload",
    [s3_event("intake", "a.txt"), sqs_batch(a=json.dumps(s3_event("intake", "a.txt"))), {"schedule": "reconcile"}],
    ids=["direct", "batch", "schedule"],
)
def test_missing_setting_stops_the_function_with_one_clear_line(
    folders: Mapping[CloudName, Path], payload: dict[str, Any]
) -> None:
    with LambdaRuntime(folders["aws"], "handler.handler", environment=CREDENTIALS) as runtime:
        answer = runtime.invoke(payload)
    assert (answer.failed, answer.payload["errorType"]) == (True, "ConfigError")
    assert "CUSTOMHOUSE_RECORDS" in answer.payload["errorMessage"]


def test_folder_serves_in_an_environment_of_nothing_but_its_lock(
    folders: Mapping[CloudName, Path],
    clean_python: Install,
    environment: Mapping[str, str],
    s3: BaseClient,
    buckets: Buckets,
) -> None:
    s3.put_object(Bucket=buckets.name("intake"), Key="locked.txt", Body=b"hello")
    python = clean_python("aws")
    with LambdaRuntime(folders["aws"], "handler.handler", environment=environment, python=python) as runtime:
        answer = runtime.invoke(s3_event(buckets.name("intake"), "locked.txt"))
    assert not answer.failed, answer.payload
    assert verdict(s3, buckets.name("released"), "locked.txt") == "clean"
