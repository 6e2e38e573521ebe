"""A Pub/Sub topic by its REST endpoint.

google-cloud-pubsub would add some 350 ms and 60 MB of gRPC to a start, for one request that needs a token only.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from customhouse.errors import ConfigError, Denied, Transient
from customhouse.notifiers.post import encoded, post

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

_SCOPE = "https://www.googleapis.com/auth/pubsub"


class PubSub:
    """A `ports.Notifier`; `authorization` gives the header that says who we are, asked for each message.

    https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics/publish
    """

    def __init__(self, endpoint: str, topic: str, authorization: Callable[[], Mapping[str, str]]) -> None:
        self._url = f"{endpoint}/v1/{topic}:publish"
        self._authorization = authorization

    def notify(self, message: Mapping[str, object]) -> None:
        """See `ports.Notifier.notify`."""
        data = base64.b64encode(encoded(message)).decode()
        body = encoded({"messages": [{"data": data, "attributes": {"content-type": "application/json"}}]})
        post(self._url, body, {"Content-Type": "application/json", **self._authorization()})


def connect(url: str, _secret: str) -> PubSub:
    """The topic of `pubsub://project/topic`, at the emulator where PUBSUB_EMULATOR_HOST names one, as Google's SDKs."""
    project, _, topic = url.removeprefix("pubsub://").partition("/")
    name = f"projects/{project}/topics/{topic}"
    if emulator := os.environ.get("PUBSUB_EMULATOR_HOST"):
        return PubSub(f"http://{emulator}", name, dict)
    import google.auth  # noqa: PLC0415 -- the emulator needs no SDK
    from google.auth.exceptions import DefaultCredentialsError  # noqa: PLC0415 -- as above

    try:
        credentials, _ = google.auth.default(scopes=[_SCOPE])
    except DefaultCredentialsError as error:
        raise ConfigError(f"notify: no Google credential for Pub/Sub: {error}") from error
    return PubSub("https://pubsub.googleapis.com", name, bearer(credentials))


def bearer(credentials: Credentials) -> Callable[[], Mapping[str, str]]:
    """The header of a credential, refreshed when its token has run out; Denied or Transient without one."""
    from google.auth.exceptions import GoogleAuthError, TransportError  # noqa: PLC0415 -- as above
    from google.auth.transport.requests import Request  # noqa: PLC0415 -- as above

    refresh: Callable[[Request], None] = credentials.refresh

    def authorization() -> Mapping[str, str]:
        try:
            if not credentials.valid:
                refresh(Request())
        except TransportError as error:
            raise Transient(f"no token for Pub/Sub: {error}") from error
        except GoogleAuthError as error:
            raise Denied(f"no token for Pub/Sub: {error}") from error
        return {"Authorization": f"Bearer {credentials.token}"}

    return authorization
