"""A URL opens one notifier, loads no SDK but its own, and is refused without showing what may be secret in it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from customhouse.errors import ConfigError
from customhouse.notifiers import open_notifier
from customhouse.notifiers.eventgrid import EventGrid
from customhouse.notifiers.log import Log
from customhouse.notifiers.memory import Memory
from customhouse.notifiers.sns import Sns
from customhouse.notifiers.webhook import Webhook


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("arn:aws:sns:eu-west-1:123456789012:verdicts", Sns),
        ("arn:aws-cn:sns:cn-north-1:123456789012:verdicts.fifo", Sns),
        ("eventgrid+https://demo.westeurope-1.eventgrid.azure.net/api/events", EventGrid),
        ("https://hooks.example.com/services/T0/B0?x=1", Webhook),
        ("http://[::1]:8080", Webhook),
        ("memory://verdicts", Memory),
        ("log:", Log),
    ],
)
def test_a_url_opens_its_notifier(url: str, kind: type) -> None:
    assert type(open_notifier(url, "key")) is kind


def test_a_url_is_opened_once() -> None:
    assert open_notifier("memory://once") is open_notifier("memory://once")
    assert open_notifier("memory://once") is not open_notifier("memory://twice")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "T0PSECRET",
        "ftp://example.com/T0PSECRET",
        "arn:aws:sqs:eu-west-1:123456789012:T0PSECRET",
        "arn:aws:sns:eu-west-1:12:T0PSECRET",
        "https://user:T0PSECRET@example.com/",
        "https://example.com:port/T0PSECRET",
        "https://example.com/T0PSECRET path",
        "https://example.com/T0PSECRET\r\nX: y",
        "https:///T0PSECRET",
        "pubsub://project",
    ],
)
def test_a_url_that_names_no_notifier_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ConfigError, match=r"names no notifier: use arn:aws:sns") as caught:
        open_notifier(url)

    assert "://" not in url or "T0PSECRET" not in str(caught.value)


def test_opening_a_webhook_loads_no_cloud_sdk() -> None:
    script = (
        "import sys; from customhouse.notifiers import open_notifier; open_notifier('https://example.com/');"
        "print(sorted({'boto3', 'botocore', 'google.auth', 'azure.core', 'requests'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_a_missing_sdk_is_told_with_its_remedy() -> None:
    script = (
        "import sys; sys.modules['botocore.config'] = None\n"
        "from customhouse.errors import ConfigError\nfrom customhouse.notifiers import open_notifier\n"
        "try: open_notifier('arn:aws:sns:eu-west-1:123456789012:verdicts')\nexcept ConfigError as error: print(error)"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "sns needs botocore.config: pip install 'customhouse[aws]'"
