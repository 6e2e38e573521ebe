"""ministack, an AWS on loopback that delivers: S3 -> EventBridge -> SQS -> Lambda, CloudFormation with SAM, IAM."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3

from tests.deploy.tools import search_path, tool
from tests.runtimes.process import Process, free_port

ACCOUNT = "123456789012"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


@dataclass(frozen=True)
class Ministack:
    """A running ministack; `output` is its log."""

    url: str
    process: Process

    @property
    def environment(self) -> dict[str, str]:
        """What a tool needs to find it."""
        return CREDENTIALS | {"AWS_ENDPOINT_URL": self.url}

    @cache  # noqa: B019 -- one instance lives as long as the session
    def client(self, service: str) -> Any:
        """A boto3 client for it."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )


@contextmanager
def started(folder: Path) -> Iterator[Ministack]:
    """Start it on a free port with its data under `folder`, and end it with everything it started."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "S3_DATA_DIR": str(folder),
        "TMPDIR": str(folder),
        "PATH": search_path(),
    }
    with Process([str(tool("ministack").path("ministack"))], folder=folder, environment=environment) as process:
        process.wait_until(lambda: _answers(url), 30)
        yield Ministack(url, process)


def _answers(url: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"{url}/_ministack/health", timeout=1):
        return True
    return False
