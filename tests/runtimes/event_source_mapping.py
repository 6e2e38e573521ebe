"""What Lambda does between a queue and a function: poll, invoke with a batch, delete what did not fail."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, Self

from botocore.client import BaseClient

from tests.runtimes.lambda_runtime import Answer, LambdaRuntime

BATCH = 10
WAIT_SECONDS = 1
FIELDS = {"messageId": "MessageId", "receiptHandle": "ReceiptHandle", "body": "Body", "md5OfBody": "MD5OfBody"}


class EventSourceMapping:
    """Feeds a queue's messages to a runtime; with ReportBatchItemFailures, as the template sets it.

    `client` is a boto3 SQS client. What failed stays until the queue's visibility timeout brings it back, and in
    the end goes to the dead letters by the queue's own redrive policy.
    """

    def __init__(self, client: BaseClient, queue_url: str, queue_arn: str, runtime: LambdaRuntime) -> None:
        self._client, self._url, self._arn, self._runtime = client, queue_url, queue_arn, runtime
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._poll)
        self._thread.start()

    def _poll(self) -> None:
        while not self._stopping.is_set():
            received = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=BATCH,
                WaitTimeSeconds=WAIT_SECONDS,
                MessageSystemAttributeNames=["All"],
            )
            if messages := received.get("Messages", []):
                self._deliver(messages)

    def _deliver(self, messages: Sequence[Mapping[str, Any]]) -> None:
        answer = self._runtime.invoke({"Records": [self._record(message) for message in messages]})
        failed = _failures(answer, messages)
        for message in messages:
            if message["MessageId"] not in failed:
                self._client.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])

    def _record(self, message: Mapping[str, Any]) -> dict[str, Any]:
        copied = {ours: message[theirs] for ours, theirs in FIELDS.items()}
        source = {"eventSource": "aws:sqs", "eventSourceARN": self._arn, "awsRegion": "us-east-1"}
        return {**copied, **source, "attributes": message.get("Attributes", {}), "messageAttributes": {}}

    def close(self) -> None:
        """Stop after the batch under way."""
        self._stopping.set()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _failures(answer: Answer, messages: Sequence[Mapping[str, Any]]) -> set[str]:
    """The ids that Lambda would leave on the queue: all of them when the invocation itself failed."""
    if answer.failed:
        return {message["MessageId"] for message in messages}
    return {one["itemIdentifier"] for one in (answer.payload or {}).get("batchItemFailures", [])}
