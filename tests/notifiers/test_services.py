"""What is each service's own: signatures, keys, tokens, and ids that tell a repetition."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Iterator, Mapping

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError
from botocore.exceptions import ConnectTimeoutError, NoCredentialsError, ParamValidationError, ReadTimeoutError
from google.auth.exceptions import RefreshError, TransportError

from customhouse.errors import Denied, Rejected, Transient
from customhouse.notifiers.eventgrid import EventGrid
from customhouse.notifiers.eventgrid import bearer as azure_bearer
from customhouse.notifiers.eventgrid import connect as connect_eventgrid
from customhouse.notifiers.pubsub import PubSub
from customhouse.notifiers.pubsub import bearer as google_bearer
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
    """An SNS client that keeps what it is asked, or cannot ask."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked: list[Mapping[str, str]] = []
        self.error = error

    def publish(self, **asked: str) -> None:
        if self.error:
            raise self.error
        self.asked.append(asked)


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (NoCredentialsError(), Denied),
        (ParamValidationError(report="Message is too long"), Rejected),
        (ReadTimeoutError(endpoint_url="https://sns"), Transient),
        (ConnectTimeoutError(endpoint_url="https://sns"), Transient),
    ],
)
def test_what_keeps_sns_from_being_asked_is_translated(error: Exception, meaning: type[Exception]) -> None:
    with pytest.raises(meaning) as caught:
        Sns("arn:aws:sns:eu-west-1:123456789012:verdicts", _Publisher(error)).notify(_MESSAGE)

    assert type(caught.value) is meaning


class _AzureCredential:
    """Gives a token, or fails as azure-identity does."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def get_token(self, *scopes: str) -> AccessToken:
        assert scopes == ("https://eventgrid.azure.net/.default",)
        if self.error:
            raise self.error
        return AccessToken("azure token", 0)


def test_event_grid_is_told_who_we_are(listener: Listener) -> None:
    EventGrid(listener.url, azure_bearer(_AzureCredential())).notify(_MESSAGE)

    [(headers, _)] = listener.requests
    assert headers["authorization"] == "Bearer azure token"


@pytest.mark.parametrize(
    ("error", "meaning"),
    [(ClientAuthenticationError("no identity"), Denied), (ServiceRequestError("unreachable"), Transient)],
)
def test_an_azure_credential_that_fails_is_translated(
    error: Exception, meaning: type[Exception], listener: Listener
) -> None:
    with pytest.raises(meaning):
        EventGrid(listener.url, azure_bearer(_AzureCredential(error))).notify(_MESSAGE)

    assert listener.requests == []


class _GoogleCredentials:
    """Holds no token until refreshed, or fails as google-auth does."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.valid = False
        self.token = ""
        self.refreshed = 0

    def refresh(self, _: object) -> None:
        if self.error:
            raise self.error
        self.refreshed += 1
        self.valid, self.token = True, "google token"


def test_pubsub_refreshes_its_token_once(listener: Listener) -> None:
    credentials = _GoogleCredentials()
    topic = PubSub(listener.url, "projects/p/topics/t", google_bearer(credentials))

    topic.notify(_MESSAGE)
    topic.notify(_MESSAGE)

    assert [headers["authorization"] for headers, _ in listener.requests] == ["Bearer google token"] * 2
    assert credentials.refreshed == 1


@pytest.mark.parametrize(("error", "meaning"), [(RefreshError("revoked"), Denied), (TransportError("down"), Transient)])
def test_a_google_credential_that_fails_is_translated(
    error: Exception, meaning: type[Exception], listener: Listener
) -> None:
    with pytest.raises(meaning):
        PubSub(listener.url, "projects/p/topics/t", google_bearer(_GoogleCredentials(error))).notify(_MESSAGE)

    assert listener.requests == []


def test_a_fifo_topic_drops_a_message_that_is_sent_again() -> None:
    client = _Publisher()
    topic = Sns("arn:aws:sns:eu-west-1:123456789012:verdicts.fifo", client)

    topic.notify(_MESSAGE)
    topic.notify(_MESSAGE)
    topic.notify({"verdict": "clean"})

    ids = [asked["MessageDeduplicationId"] for asked in client.asked]
    assert ids[0] == ids[1] != ids[2]
    assert {asked["MessageGroupId"] for asked in client.asked} == {"customhouse"}
