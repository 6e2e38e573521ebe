import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from botocore.client import BaseClient
from moto.server import ThreadedMotoServer

from tests.runtimes.event_source_mapping import EventSourceMapping
from tests.runtimes.lambda_runtime import LambdaRuntime

pytestmark = pytest.mark.emulator

HANDLER = """
def handler(event, context):
    print([record["body"] for record in event["Records"]], flush=True)
    bad = [record["messageId"] for record in event["Records"] if record["body"] == "bad"]
    return {"batchItemFailures": [{"itemIdentifier": one} for one in bad]}

def broken(event, context):
    raise ValueError("no")
"""


@pytest.fixture
def client() -> Iterator[BaseClient]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    client = boto3.client(
        "sqs",
        endpoint_url=f"http://{host}:{port}",
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )
    yield client
    client.close()
    server.stop()


def queue(client: BaseClient, name: str, **attributes: str) -> tuple[str, str]:
    url = client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    arn = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return url, arn


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(("handler", "dead"), [("app.handler", ["bad"]), ("app.broken", ["bad", "good"])])
def test_what_failed_comes_again_and_ends_with_the_dead_letters(
    tmp_path: Path, client: BaseClient, handler: str, dead: list[str]
) -> None:
    (tmp_path / "app.py").write_text(HANDLER)
    dead_url, dead_arn = queue(client, "dead")
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2})
    url, arn = queue(client, "work", VisibilityTimeout="0", RedrivePolicy=redrive)
    for body in ("good", "bad"):
        client.send_message(QueueUrl=url, MessageBody=body)
    letters: set[str] = set()

    def collect() -> bool:
        received = client.receive_message(QueueUrl=dead_url, MaxNumberOfMessages=10).get("Messages", [])
        letters.update(message["Body"] for message in received)
        return letters >= set(dead)

    with LambdaRuntime(tmp_path, handler, environment={}) as runtime, EventSourceMapping(client, url, arn, runtime):
        until(collect)
    assert sorted(letters) == dead
