"""An Event Grid topic that takes CloudEvents, by its REST endpoint: one request needs no SDK but a token."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from customhouse.errors import Denied, Transient
from customhouse.notifiers.post import encoded, post

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

_SCOPE = "https://eventgrid.azure.net/.default"


class EventGrid:
    """A `ports.Notifier`; `authorization` gives the header that says who we are, asked for each message.

    https://learn.microsoft.com/azure/event-grid/cloud-event-schema. The event's id is its content's digest, so a
    message that is sent again is told from a new one.
    """

    def __init__(self, url: str, authorization: Callable[[], Mapping[str, str]]) -> None:
        self._url = url
        self._authorization = authorization

    def notify(self, message: Mapping[str, object]) -> None:
        """See `ports.Notifier.notify`."""
        event = {
            "specversion": "1.0",
            "id": hashlib.sha256(encoded(message)).hexdigest(),
            "source": "/customhouse",
            "type": "customhouse.notification.v1",
            "datacontenttype": "application/json",
            "data": message,
        }
        post(self._url, encoded(event), {"Content-Type": "application/cloudevents+json", **self._authorization()})


def connect(url: str, secret: str) -> EventGrid:
    """The topic at `eventgrid+https://…`: by its key where one is given, else as the default Azure credential."""
    url = url.removeprefix("eventgrid+")
    if secret:
        return EventGrid(url, lambda: {"aeg-sas-key": secret})
    from azure.identity import DefaultAzureCredential  # noqa: PLC0415 -- a key needs no SDK

    return EventGrid(url, bearer(DefaultAzureCredential()))


def bearer(credential: TokenCredential) -> Callable[[], Mapping[str, str]]:
    """The header of a credential, which keeps its token as long as that lasts; Denied or Transient without one."""
    from azure.core.exceptions import AzureError, ClientAuthenticationError  # noqa: PLC0415 -- as above

    def authorization() -> Mapping[str, str]:
        try:
            return {"Authorization": f"Bearer {credential.get_token(_SCOPE).token}"}
        except ClientAuthenticationError as error:
            raise Denied(f"no Azure credential for Event Grid: {error.message}") from error
        except AzureError as error:
            raise Transient(f"no token for Event Grid: {error.message}") from error

    return authorization
