"""An SNS topic."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

import botocore.config
import botocore.session
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoCredentialsError
from botocore.exceptions import ConnectionError as Unreachable

from customhouse.errors import Denied, Rejected, Transient
from customhouse.notifiers.post import TIMEOUT_SECONDS, encoded

if TYPE_CHECKING:
    from botocore.client import BaseClient

_DENIED = {401, 403}
_RETRY = {"Throttled", "ThrottledException", "Throttling", "ThrottlingException", "KMSThrottling"}


class Sns:
    """A `ports.Notifier`. https://docs.aws.amazon.com/sns/latest/api/API_Publish.html."""

    def __init__(self, topic: str, client: BaseClient) -> None:
        self._topic = topic
        self._client = client

    def notify(self, message: Mapping[str, object]) -> None:
        """See `ports.Notifier.notify`; a FIFO topic drops a message that is sent again."""
        body = encoded(message)
        ordered = {"MessageGroupId": "customhouse", "MessageDeduplicationId": hashlib.sha256(body).hexdigest()}
        try:
            self._client.publish(
                TopicArn=self._topic, Message=body.decode(), **(ordered if self._topic.endswith(".fifo") else {})
            )
        except ClientError as error:
            raise _refusal(error, f"{self._topic}: {error}") from error
        except NoCredentialsError as error:
            raise Denied(f"{self._topic}: {error}") from error
        except (HTTPClientError, Unreachable) as error:
            raise Transient(f"{self._topic}: {error}") from error
        except BotoCoreError as error:
            raise Rejected(f"{self._topic}: {error}") from error


def connect(url: str, _secret: str) -> Sns:
    """The topic of an ARN, in that ARN's region, with the credentials that the AWS SDK finds."""
    timeouts = {"connect_timeout": TIMEOUT_SECONDS, "read_timeout": TIMEOUT_SECONDS}
    config = botocore.config.Config(retries={"mode": "standard", "total_max_attempts": 3}, **timeouts)
    session = botocore.session.get_session()
    return Sns(url, session.create_client("sns", region_name=url.split(":")[3], config=config))


def _refusal(error: ClientError, text: str) -> Transient | Rejected:
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    if status >= 500 or error.response["Error"].get("Code") in _RETRY:  # noqa: PLR2004 -- server errors
        return Transient(text)
    return Denied(text) if status in _DENIED else Rejected(text)
