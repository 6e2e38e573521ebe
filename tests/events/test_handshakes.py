"""What a cloud asks before it sends: answered without believing more than the service's own URL."""

from __future__ import annotations

import json

import pytest

from customhouse.errors import Malformed
from customhouse.events import handshake

_SNS = {"X-Amz-Sns-Message-Type": "SubscriptionConfirmation"}
_AEG = {"Aeg-Event-Type": "SubscriptionValidation"}


def test_the_webhook_handshake_allows_the_origin_that_asks() -> None:
    reply = handshake("OPTIONS", {"WebHook-Request-Origin": "eventgrid.azure.net", "WebHook-Request-Rate": "120"}, b"")

    assert reply is not None
    assert reply.status == 200
    assert reply.headers == {"WebHook-Allowed-Origin": "eventgrid.azure.net", "WebHook-Allowed-Rate": "120"}


def test_event_grid_gets_its_validation_code_back() -> None:
    body = [{"eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "data": {"validationCode": "512d38b6"}}]

    reply = handshake("POST", _AEG, json.dumps(body).encode())

    assert reply is not None
    assert json.loads(reply.body) == {"validationResponse": "512d38b6"}


def test_an_sns_subscription_is_confirmed_at_the_url_of_sns() -> None:
    url = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=x"

    reply = handshake("POST", _SNS, json.dumps({"Type": "SubscriptionConfirmation", "SubscribeURL": url}).encode())

    assert reply is not None
    assert reply.visit == url


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/",
        "http://sns.eu-west-1.amazonaws.com/",
        "https://sns.eu-west-1.amazonaws.com@evil.example/",
        "https://sns.eu-west-1.amazonaws.com.evil.example/",
        "https://sns.eu-west-1.amazonaws.com:8443/",
        "https://[/",
        "",
    ],
)
def test_an_sns_confirmation_that_leads_elsewhere_is_refused(url: str) -> None:
    with pytest.raises(Malformed, match="Amazon SNS"):
        handshake("POST", _SNS, json.dumps({"SubscribeURL": url}).encode())


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b"[{}]", b'[{"data": {}}]'])
def test_a_handshake_that_is_not_whole_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        handshake("POST", _AEG, body)


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("POST", {}),
        ("POST", {"Aeg-Event-Type": "Notification"}),
        ("POST", {"X-Amz-Sns-Message-Type": "Notification"}),
        ("OPTIONS", {}),
        ("GET", {"WebHook-Request-Origin": "x"}),
    ],
)
def test_every_other_request_is_no_handshake(method: str, headers: dict[str, str]) -> None:
    assert handshake(method, headers, b"{}") is None
