"""S3 (moto) -> bucket notification -> SQS -> the Lambda runtime."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlencode

import boto3
from tests.emulators import s3
from tests.runtimes.event_source_mapping import EventSourceMapping
from tests.runtimes.lambda_runtime import LambdaRuntime

from demo.cloud import BUCKETS, FORGED, INTAKE, settings

REGION = "us-east-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "demo", "AWS_SECRET_ACCESS_KEY": "demo", "AWS_DEFAULT_REGION": REGION}


class Aws:
    """S3, a queue and a function that serves from `folder`."""

    name = "aws"
    root = "s3://"

    def __init__(self, folder: Path, policy: Path) -> None:
        with contextlib.ExitStack() as started:
            endpoint = started.enter_context(s3.running())
            session = boto3.Session("demo", "demo", region_name=REGION)
            self._s3 = started.enter_context(contextlib.closing(session.client("s3", endpoint_url=endpoint)))
            self._sqs = started.enter_context(contextlib.closing(session.client("sqs", endpoint_url=endpoint)))
            queue_url, queue_arn = self._prepare()
            environment = {**CREDENTIALS, **settings(self.root, policy), "AWS_ENDPOINT_URL": endpoint}
            self._runtime = started.enter_context(LambdaRuntime(folder, "handler.handler", environment=environment))
            started.enter_context(EventSourceMapping(self._sqs, queue_url, queue_arn, self._runtime))
            self._started = started.pop_all()

    def _prepare(self) -> tuple[str, str]:
        """The buckets, and the queue that the intake bucket tells of new objects: its URL and ARN."""
        for bucket in BUCKETS:
            self._s3.create_bucket(Bucket=bucket)
            self._s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        url = self._sqs.create_queue(QueueName="customhouse")["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        notification = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
        self._s3.put_bucket_notification_configuration(Bucket=INTAKE, NotificationConfiguration=notification)
        return url, arn

    def upload(self, key: str, data: bytes) -> None:
        """PutObject; S3 writes to the queue."""
        self._s3.put_object(Bucket=INTAKE, Key=key, Body=data, Tagging=urlencode(FORGED))

    def names(self, bucket: str) -> Iterator[str]:
        """ListObjectsV2, page by page."""
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            yield from (entry["Key"] for entry in page.get("Contents", []))

    def read(self, bucket: str, name: str) -> bytes:
        """GetObject."""
        return bytes(self._s3.get_object(Bucket=bucket, Key=name)["Body"].read())

    def tags(self, bucket: str, name: str) -> Mapping[str, str]:
        """GetObjectTagging."""
        found = self._s3.get_object_tagging(Bucket=bucket, Key=name)["TagSet"]
        return {tag["Key"]: tag["Value"] for tag in found}

    def output(self) -> str:
        """The function's log."""
        return self._runtime.output

    def close(self) -> None:
        """Stop the poller, the function and S3."""
        self._started.close()
