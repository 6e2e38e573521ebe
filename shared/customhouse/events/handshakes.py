"""What a cloud asks of an HTTP endpoint before it sends events, and the answer; nothing here touches the network."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from customhouse.errors import Malformed
from customhouse.events.fields import Document, from_json, needed, text
from customhouse.events.fields import mapping as member

_SNS = re.compile(r"https://sns\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/[!-~]*")


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a handshake; `visit` is a URL to get first, checked to be the service's own."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    visit: str = ""


def handshake(method: str, headers: Mapping[str, str], body: bytes) -> Reply | None:
    """The answer to a handshake, None for any other request; Malformed where a handshake is not whole."""
    sent = {name.lower(): value for name, value in headers.items()}
    if method == "OPTIONS":
        return _webhook(sent)
    if sent.get("x-amz-sns-message-type") == "SubscriptionConfirmation":
        return _sns(from_json(body))
    if sent.get("aeg-event-type") == "SubscriptionValidation":
        return _event_grid(from_json(body))
    return None


def _webhook(sent: Mapping[str, str]) -> Reply | None:
    """https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md, section 4."""
    origin = sent.get("webhook-request-origin")
    if not origin:
        return None
    rate = sent.get("webhook-request-rate", "*")
    return Reply(headers={"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": rate})


def _event_grid(document: object) -> Reply:
    """https://learn.microsoft.com/azure/event-grid/end-point-validation-event-grid-events-schema."""
    first = document[0] if isinstance(document, list) and document else document
    code = needed(member(_object(first), "data"), "validationCode")
    answer = json.dumps({"validationResponse": code}).encode()
    return Reply(headers={"Content-Type": "application/json"}, body=answer)


def _sns(document: object) -> Reply:
    """https://docs.aws.amazon.com/sns/latest/dg/http-subscription-confirmation-json.html."""
    url = text(_object(document), "SubscribeURL")
    if not _SNS.fullmatch(url):
        raise Malformed(f"not a URL of Amazon SNS: {url!r:.200}")
    return Reply(visit=url)


def _object(document: object) -> Document:
    if not isinstance(document, Mapping):
        raise Malformed("the handshake is no JSON object")
    return document
