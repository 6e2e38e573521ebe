"""Pub/Sub notifications (cloud.google.com/storage/docs/pubsub-notifications), handed to callbacks in order."""

from __future__ import annotations

import base64
import itertools
import json
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

Message = dict[str, Any]
Subscriber = Callable[[Message], None]
_IDS = itertools.count(1)

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Reads nothing of the environment, to which pytest writes while the thread is at it."""


def message(
    kind: str, resource: Mapping[str, Any], configuration: Mapping[str, Any], when: str, extra: Mapping[str, str]
) -> Message:
    """One Pub/Sub message as a push subscription wraps it; the object's resource is its data."""
    bucket = resource["bucket"]
    attributes = {
        "bucketId": bucket,
        "objectId": resource["name"],
        "objectGeneration": resource["generation"],
        "eventType": kind,
        "eventTime": when,
        "payloadFormat": configuration.get("payload_format", "JSON_API_V1"),
        "notificationConfig": f"projects/_/buckets/{bucket}/notificationConfigs/{configuration['id']}",
        **configuration.get("custom_attributes", {}),
        **extra,
    }
    number = str(next(_IDS))
    data = base64.b64encode(json.dumps(resource).encode()).decode()
    return {"data": data, "attributes": attributes, "messageId": number, "publishTime": when}


def push(url: str, attempts: int = 5) -> Subscriber:
    """A subscriber that posts the push envelope to `url`, again after a failure, as Pub/Sub does."""

    def post(sent: Message) -> None:
        envelope = json.dumps({"message": sent, "subscription": "projects/demo-project/subscriptions/emulator"})
        request = urllib.request.Request(url, envelope.encode(), {"Content-Type": "application/json"})
        for attempt in range(attempts):
            try:
                with _DIRECT.open(request, timeout=60):
                    return
            except urllib.error.URLError:
                time.sleep(0.1 * 2**attempt)

    return post


class Dispatcher:
    """Delivers messages on one thread, so that no request waits for a subscriber."""

    def __init__(self, subscribers: list[Subscriber]) -> None:
        self.subscribers = subscribers
        self._queue: queue.Queue[Message | None] = queue.Queue()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def publish(self, sent: Message) -> None:
        self._queue.put(sent)

    def drain(self) -> None:
        """Wait until everything published so far was handed over."""
        self._queue.join()

    def close(self) -> None:
        self._queue.put(None)
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while (sent := self._queue.get()) is not None:
            for subscriber in self.subscribers:
                subscriber(sent)
            self._queue.task_done()
