"""What is each service's own: signatures, keys, tokens, and ids that tell a repetition."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Iterator, Mapping

import pytest

from customhouse.notifiers.eventgrid import EventGrid
from customhouse.notifiers.eventgrid import connect as connect_eventgrid
from customhouse.notifiers.pubsub import PubSub
from customhouse.notifiers.pubsub import connect as connect_pubsub
from customhouse.notifiers.sns import Sns
from customhouse.notifiers.webhook import SIGNATURE, Webhook
from tests.notifiers.server import Listener, listening

pytestmark = pytest.mark.emulator

_MESSAGE = {"verdict": "held", "reasons": ["é"]}


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as listener:
        yield listener


def test_a_webhook_signs_the_very_bytes_it_sends(listener: Listener) -> None:
    Webhook(listener.url, "shared").notify(_MESSAGE)

    [(headers, body)] = listener.requests
    assert headers[SIGNATURE.lower()] == "sha256=" + hmac.new(b"shared", body, hashlib.sha256).hexdigest()


def test_a_webhook_without_a_secret_is_not_signed(listener: Listener) -> None:
    Webhook(listener.url).notify(_MESSAGE)

    [(headers, _)] = listener.requests
    assert SIGNATURE.lower() not in headers
    assert headers["content-type"] == "application/json"


def test_a_webhook_keeps_its_path_and_query(listener: Listener) -> None:
    Webhook(f"{listener.url}/a/b?c=d").notify(_MESSAGE)

    assert [json.loads(body) for _, body in listener.requests] == [_MESSAGE]


def test_event_grid_is_told_the_key_that_was_given(listener: Listener) -> None:
    topic = connect_eventgrid(f"eventgrid+{listener.url}/api/events", "the key")

    topic.notify(_MESSAGE)

    [(headers, _)] = listener.requests
    assert headers["aeg-sas-key"] == "the key"
    assert headers["content-type"] == "application/cloudevents+json"


def test_an_event_that_is_sent_again_has_the_same_id(listener: Listener) -> None:
    topic = EventGrid(listener.url, dict)

    for message in (_MESSAGE, dict(reversed(_MESSAGE.items())), {**_MESSAGE, "verdict": "clean"}):
        topic.notify(message)

    events = [json.loads(body) for _, body in listener.requests]
    assert events[0]["id"] == events[1]["id"] != events[2]["id"]
    assert {"specversion", "id", "source", "type", "data"} <= events[0].keys()


def test_pubsub_asks_for_its_token_each_time(listener: Listener) -> None:
    tokens = iter(("one", "two"))
    topic = PubSub(listener.url, "projects/p/topics/t", lambda: {"Authorization": f"Bearer {next(tokens)}"})

    topic.notify(_MESSAGE)
    topic.notify(_MESSAGE)

    assert [headers["authorization"] for headers, _ in listener.requests] == ["Bearer one", "Bearer two"]


def test_pubsub_goes_to_the_emulator_that_the_environment_names(listener: Listener) -> None:
    os.environ["PUBSUB_EMULATOR_HOST"] = listener.url.removeprefix("http://")
    try:
        connect_pubsub("pubsub://demo-project/verdicts", "").notify(_MESSAGE)
    finally:
        del os.environ["PUBSUB_EMULATOR_HOST"]

    assert len(listener.requests) == 1


class _Publisher:
    """An SNS client that keeps what it is asked."""

    def __init__(self) -> None:
        self.asked: list[Mapping[str, str]] = []

    def publish(self, **asked: str) -> None:
        self.asked.append(asked)


def test_a_fifo_topic_drops_a_message_that_is_sent_again() -> None:
    client = _Publisher()
    topic = Sns("arn:aws:sns:eu-west-1:123456789012:verdicts.fifo", client)

    topic.notify(_MESSAGE)
    topic.notify(_MESSAGE)
    topic.notify({"verdict": "clean"})

    ids = [asked["MessageDeduplicationId"] for asked in client.asked]
    assert ids[0] == ids[1] != ids[2]
    assert {asked["MessageGroupId"] for asked in client.asked} == {"customhouse"}
