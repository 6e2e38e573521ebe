"""What every notifier does: deliver a message whole, or say whether trying again can help."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import botocore.config
import botocore.session
import pytest

from customhouse.errors import Denied, Rejected, Transient
from customhouse.notifiers.eventgrid import EventGrid
from customhouse.notifiers.log import Log
from customhouse.notifiers.memory import Memory
from customhouse.notifiers.pubsub import PubSub
from customhouse.notifiers.sns import Sns
from customhouse.notifiers.webhook import Webhook
from customhouse.ports import Notifier
from tests.notifiers.server import Listener, listening

pytestmark = pytest.mark.emulator

_MESSAGE = {"location": "s3://intake/in/é%20x?versionId=1", "verdict": "held", "reasons": ["a", "b"], "size": 3}
_TOPIC = "arn:aws:sns:us-east-1:123456789012:verdicts"


@dataclass
class Wire:
    """A notifier, and the messages that came out at its other end."""

    notifier: Notifier
    received: Callable[[], list[object]]


def _sns_client(endpoint: str) -> object:
    config = botocore.config.Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=5)
    session = botocore.session.get_session()
    session.set_credentials("testing", "testing")
    return session.create_client("sns", region_name="us-east-1", endpoint_url=endpoint, config=config)


def _over_http(service: str, url: str) -> Notifier:
    match service:
        case "webhook":
            return Webhook(f"{url}/hook/T0PSECRET")
        case "eventgrid":
            return EventGrid(f"{url}/api/events", lambda: {"aeg-sas-key": "T0PSECRET"})
        case "pubsub":
            return PubSub(url, "projects/p/topics/t", lambda: {"Authorization": "Bearer T0PSECRET"})
        case _:
            return Sns(_TOPIC, _sns_client(url))


_BODIES: dict[str, Callable[[bytes], object]] = {
    "webhook": json.loads,
    "eventgrid": lambda body: json.loads(body)["data"],
    "pubsub": lambda body: json.loads(base64.b64decode(json.loads(body)["messages"][0]["data"])),
}


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as listener:
        yield listener


@pytest.fixture(params=["webhook", "eventgrid", "pubsub", "sns", "memory", "log"])
def wire(request: pytest.FixtureRequest) -> Wire:
    if request.param == "memory":
        memory = Memory()
        return Wire(memory, lambda: list(memory.messages))
    if request.param == "log":
        caplog: pytest.LogCaptureFixture = request.getfixturevalue("caplog")
        caplog.set_level(logging.INFO, "customhouse.notifications")
        return Wire(Log(), lambda: [json.loads(record.getMessage()) for record in caplog.records])
    if request.param == "sns":
        return _sns_to_sqs(request.getfixturevalue("s3_endpoint"))
    listener: Listener = request.getfixturevalue("listener")
    read = _BODIES[request.param]
    return Wire(_over_http(request.param, listener.url), lambda: [read(body) for _, body in listener.requests])


def _sns_to_sqs(endpoint: str) -> Wire:
    sns, session = _sns_client(endpoint), botocore.session.get_session()
    sqs = session.create_client("sqs", region_name="us-east-1", endpoint_url=endpoint)
    queue = sqs.create_queue(QueueName="verdicts")["QueueUrl"]
    sqs.purge_queue(QueueUrl=queue)
    topic = sns.create_topic(Name="verdicts")["TopicArn"]
    arn = "arn:aws:sqs:us-east-1:123456789012:verdicts"
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})

    def received() -> list[object]:
        messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in messages]

    return Wire(Sns(topic, sns), received)


def test_a_message_arrives_whole(wire: Wire) -> None:
    wire.notifier.notify(_MESSAGE)

    assert wire.received() == [_MESSAGE]


_SERVICES = ["webhook", "eventgrid", "pubsub", "sns"]
_MEANINGS = [
    (400, Rejected),
    (401, Denied),
    (403, Denied),
    (404, Rejected),
    (413, Rejected),
    (500, Transient),
    (503, Transient),
]


@pytest.mark.parametrize(("status", "error"), _MEANINGS)
@pytest.mark.parametrize("service", _SERVICES)
def test_a_refusal_says_whether_trying_again_helps(
    service: str, status: int, error: type[Exception], listener: Listener
) -> None:
    listener.status = status

    with pytest.raises(error) as caught:
        _over_http(service, listener.url).notify(_MESSAGE)

    assert type(caught.value) is error
    assert "T0PSECRET" not in str(caught.value)
    assert len(listener.requests) == 1


@pytest.mark.parametrize("service", ["webhook", "eventgrid", "pubsub"])
def test_throttling_is_tried_again(service: str, listener: Listener) -> None:
    listener.status = 429

    with pytest.raises(Transient):
        _over_http(service, listener.url).notify(_MESSAGE)


@pytest.mark.parametrize("service", ["webhook", "eventgrid", "pubsub"])
def test_a_redirect_is_no_delivery_and_not_followed(service: str, listener: Listener) -> None:
    listener.status = 302

    with pytest.raises(Rejected):
        _over_http(service, listener.url).notify(_MESSAGE)

    assert len(listener.requests) == 1


@pytest.mark.parametrize("service", _SERVICES)
def test_nobody_listening_is_tried_again(service: str) -> None:
    with listening() as gone:
        pass

    with pytest.raises(Transient) as caught:
        _over_http(service, gone.url).notify(_MESSAGE)

    assert "T0PSECRET" not in str(caught.value)


def test_no_answer_in_time_is_tried_again(listener: Listener) -> None:
    listener.silent = True

    with pytest.raises(Transient):
        Webhook(listener.url, timeout=0.1).notify(_MESSAGE)
