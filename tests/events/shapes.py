"""The smallest payload of each format around one key, for tests about keys and about nesting."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from urllib.parse import quote, quote_plus

_AZURE = "/subscriptions/S/resourceGroups/G/providers/Microsoft.Storage/storageAccounts/acct"


def s3_record(key: str, name: str = "ObjectCreated:Put") -> dict[str, object]:
    """One record; S3 leaves `/` as it is."""
    stored = {"key": quote_plus(key, safe="/"), "size": 3, "eTag": "ab"}
    return {"eventSource": "aws:s3", "eventName": name, "s3": {"bucket": {"name": "intake"}, "object": stored}}


def s3(*keys: str) -> dict[str, object]:
    return {"Records": [s3_record(key) for key in keys]}


def sqs(*bodies: str) -> dict[str, object]:
    """A batch whose messages are m0, m1, …."""
    return {
        "Records": [{"messageId": f"m{at}", "eventSource": "aws:sqs", "body": body} for at, body in enumerate(bodies)]
    }


def sns(message: str) -> dict[str, object]:
    return {"Type": "Notification", "TopicArn": "arn:aws:sns:eu-west-1:123456789012:t", "Message": message}


def eventbridge(key: str) -> dict[str, object]:
    detail = {"bucket": {"name": "intake"}, "object": {"key": key, "size": 3}}
    return {"detail-type": "Object Created", "source": "aws.s3", "id": "e", "detail": detail}


def batch(*keys: str) -> dict[str, object]:
    tasks = [
        {"taskId": f"t{at}", "s3Key": quote_plus(key, safe="/"), "s3BucketArn": "arn:aws:s3:::intake"}
        for at, key in enumerate(keys)
    ]
    return {"invocationSchemaVersion": "1.0", "invocationId": "i", "job": {"id": "j"}, "tasks": tasks}


def gcs(key: str) -> dict[str, object]:
    data = {"bucket": "intake", "name": key, "generation": "7"}
    return {"specversion": "1.0", "type": "google.cloud.storage.object.v1.finalized", "id": "g", "data": data}


def pubsub(key: str) -> dict[str, object]:
    attributes = {"eventType": "OBJECT_FINALIZE", "bucketId": "intake", "objectId": key, "objectGeneration": "7"}
    return {"message": {"attributes": attributes, "messageId": "p"}, "subscription": "s"}


def published(content: object) -> dict[str, object]:
    """A Pub/Sub push of any JSON content."""
    return {"message": {"data": base64.b64encode(json.dumps(content).encode()).decode()}, "subscription": "s"}


def blob(key: str, host: str = "acct.blob.core.windows.net") -> dict[str, object]:
    """Azure leaves `/` and `+` as they are."""
    data = {"api": "PutBlob", "url": f"https://{host}/intake/{quote(key, safe='/+')}", "eTag": "0x8D"}
    return {"topic": _AZURE, "eventType": "Microsoft.Storage.BlobCreated", "id": "b", "data": data}


def acr(**changes: Mapping[str, object]) -> dict[str, object]:
    target = {"repository": "team/api", "digest": "sha256:" + "a" * 64, "tag": "v1"}
    return {"action": "push", "target": target, "request": {"host": "demo.azurecr.io"}, **changes}
