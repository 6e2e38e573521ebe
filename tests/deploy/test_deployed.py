"""`sam deploy` to ministack, then uploads: S3 -> EventBridge -> SQS -> the built function -> S3."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from customhouse.jobs import JOBS
from tests.deploy.ministack import Ministack
from tests.deploy.tools import tool

pytestmark = pytest.mark.deploy
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


@pytest.fixture(scope="module")
def stack(aws: Ministack, built: Path) -> dict[str, str]:
    done = tool("sam").run(
        "sam", "deploy", "-t", built / "template.yaml", "--stack-name", "customhouse", "--resolve-s3",
        "--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset", "--no-progressbar",
        "--parameter-overrides", "CreateTopic=true",
        environment=aws.environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    _repair_concurrency(aws)
    outputs = aws.client("cloudformation").describe_stacks(StackName="customhouse")["Stacks"][0]["Outputs"]
    return {output["OutputKey"]: output["OutputValue"] for output in outputs}


def _repair_concurrency(aws: Ministack) -> None:
    """ministack keeps MaximumConcurrency as the text that the parameter is, and cannot compare it."""
    functions = aws.client("lambda")
    for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
        scaling = {"MaximumConcurrency": int(mapping["ScalingConfig"]["MaximumConcurrency"])}
        functions.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig=scaling)


def zipped(name: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, data)
    return buffer.getvalue()


def until(found: Callable[[], Any], aws: Ministack, seconds: float = 60) -> Any:
    """What `found` gives once it is something; the emulator's log where it never is."""
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end, aws.process.output[-9000:]
        time.sleep(0.1)
    return value


def tags(s3: Any, bucket: str, key: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]}


def names(s3: Any, bucket: str) -> set[str]:
    return {entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", [])}


def test_a_clean_upload_is_tagged_and_released(aws: Ministack, stack: dict[str, str]) -> None:
    s3 = aws.client("s3")
    s3.put_object(Bucket=stack["Intake"], Key="in/a b.zip", Body=zipped("readme.txt", b"harmless"))
    assert until(lambda: tags(s3, stack["Intake"], "in/a b.zip"), aws)["customhouse-verdict"] == "clean"
    assert until(lambda: names(s3, stack["Released"]), aws) == {"in/a b.zip"}


def test_a_hostile_upload_ends_in_quarantine(aws: Ministack, stack: dict[str, str]) -> None:
    s3 = aws.client("s3")
    s3.put_object(Bucket=stack["Intake"], Key="bad.zip", Body=zipped("x.com", EICAR))
    found = until(lambda: names(s3, stack["Quarantine"]), aws)
    assert len(found) == 1
    assert "bad.zip" not in names(s3, stack["Released"])


def test_a_message_that_never_succeeds_reaches_the_dead_letters_and_nothing_else_does(
    aws: Ministack, stack: dict[str, str]
) -> None:
    sqs = aws.client("sqs")
    counts = sqs.get_queue_attributes(QueueUrl=stack["DeadLetters"], AttributeNames=["ApproximateNumberOfMessages"])
    assert counts["Attributes"]["ApproximateNumberOfMessages"] == "0"


def test_the_schedules_invoke_the_function_with_the_jobs_that_they_name(aws: Ministack, stack: dict[str, str]) -> None:
    schedules = aws.client("scheduler")
    done = set()
    for schedule in schedules.list_schedules()["Schedules"]:
        target = schedules.get_schedule(Name=schedule["Name"])["Target"]
        answer = aws.client("lambda").invoke(FunctionName=stack["Function"], Payload=target["Input"])
        assert "FunctionError" not in answer, answer["Payload"].read()
        done.add(json.loads(answer["Payload"].read())["job"])
    assert done == set(JOBS)
