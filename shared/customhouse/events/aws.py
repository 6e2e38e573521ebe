"""What AWS sends: S3 notifications, EventBridge, S3 Batch Operations, ECR, and SQS and SNS around them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from urllib.parse import unquote_plus

from customhouse.errors import Malformed
from customhouse.events.fields import Document, Format, Nested, bucket, count, etag, field, mapping, needed, text
from customhouse.events.images import image
from customhouse.model import Event, Location


def records(document: Document) -> Iterator[Nested]:
    """`Records` of S3, SQS or SNS, as Lambda and every S3 notification carry them."""
    listed = field(document, "Records")
    if not isinstance(listed, list):
        raise Malformed("the event's Records are no list")
    return (Nested(record) for record in listed)


def sqs(record: Document) -> Iterable[Nested]:
    """One SQS message: a batch takes back its messageId. https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html."""
    return [Nested(field(record, "body"), text(record, "messageId"))]


def sns(record: Document) -> Iterable[Nested]:
    """One SNS record of a Lambda event. https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html."""
    return sns_message(mapping(record, "Sns"))


def sns_message(document: Document) -> Iterable[Nested]:
    """The envelope that SNS posts to HTTP and, without raw delivery, to SQS; a subscription's own traffic is none."""
    if text(document, "Type") not in {"", "Notification"}:
        return []
    return [Nested(needed(document, "Message"))]


def s3(record: Document) -> Iterable[Event]:
    """One record of an S3 notification; its key is form-encoded.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    """
    if not needed(record, "eventName").removeprefix("s3:").startswith("ObjectCreated:"):
        return []
    entity = mapping(record, "s3")
    name, stored = needed(mapping(entity, "bucket"), "name"), mapping(entity, "object")
    return [_event("s3", name, _form_decoded(needed(stored, "key")), stored, time=text(record, "eventTime"))]


def s3_test(_: Document) -> Iterable[Event]:
    """What S3 sends when a notification is configured."""
    return []


def eventbridge(document: Document) -> Iterable[Event]:
    """An EventBridge event; all but uploads to S3 and pushes to ECR is somebody else's."""
    read = _BUSES.get((text(document, "source"), text(document, "detail-type")))
    return read(document) if read else []


def batch(document: Document) -> Iterator[Nested]:
    """An S3 Batch Operations invocation, schema 1.0 or 2.0; the job takes back each taskId.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-invoke-lambda.html
    """
    tasks = field(document, "tasks")
    if not isinstance(tasks, list):
        raise Malformed("the event's tasks are no list")
    return (Nested(task, text(task, "taskId") if isinstance(task, Mapping) else "") for task in tasks)


def batch_task(task: Document) -> Iterable[Event]:
    """One task: its key is form-encoded, its bucket a name (2.0) or an ARN that ends in one (1.0)."""
    name = text(task, "s3Bucket") or needed(task, "s3BucketArn").rpartition(":")[2]
    stored = {"version-id": field(task, "s3VersionId")}
    return [_event("s3-batch", name, _form_decoded(needed(task, "s3Key")), stored, message=text(task, "taskId"))]


def _s3_created(document: Document) -> Iterable[Event]:
    """Names on EventBridge are not encoded. https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html."""
    detail = mapping(document, "detail")
    name, stored = needed(mapping(detail, "bucket"), "name"), mapping(detail, "object")
    sent = {"message": text(document, "id"), "time": text(document, "time")}
    return [_event("eventbridge", name, needed(stored, "key"), stored, **sent)]


def _ecr_action(document: Document) -> Iterable[Event]:
    """A push, or a copy from another region or account, which arrives without one.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
    """
    detail = mapping(document, "detail")
    if text(detail, "action-type") not in {"PUSH", "REPLICATE"} or text(detail, "result") != "SUCCESS":
        return []
    region = needed(document, "region")
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    location = image(
        f"{needed(document, 'account')}.dkr.ecr.{region}.{suffix}",
        needed(detail, "repository-name"),
        digest=text(detail, "image-digest"),
        tag=text(detail, "image-tag"),
    )
    return [Event(location, "ecr", id=text(document, "id"), time=text(document, "time"))]


_BUSES: dict[tuple[str, str], Callable[[Document], Iterable[Event]]] = {
    ("aws.s3", "Object Created"): _s3_created,
    ("aws.ecr", "ECR Image Action"): _ecr_action,
    ("aws.ecr", "ECR Replication Action"): _ecr_action,
}


def _event(source: str, name: str, key: str, stored: Document, *, message: str = "", time: str = "") -> Event:
    return Event(
        Location(f"s3://{bucket(name)}", key, version=text(stored, "versionId"), etag=etag(stored)),
        source,
        id=message,
        time=time,
        size=count(stored, "size"),
        sequencer=text(stored, "sequencer"),
    )


def _form_decoded(key: str) -> str:
    try:
        return unquote_plus(key, errors="strict")
    except UnicodeDecodeError:
        raise Malformed(f"the key is not form-encoded UTF-8: {key!r:.200}") from None


def _of(source: str) -> Callable[[Document], bool]:
    return lambda document: text(document, "eventSource") == source


FORMATS: tuple[Format, ...] = (
    (lambda document: "Records" in document, records),
    (_of("aws:sqs"), sqs),
    (_of("aws:sns"), sns),
    (lambda document: "s3" in document or text(document, "eventSource") == "aws:s3", s3),
    (lambda document: "TopicArn" in document and "Message" in document, sns_message),
    (lambda document: text(document, "Event") == "s3:TestEvent", s3_test),
    (lambda document: "detail-type" in document and "source" in document, eventbridge),
    (lambda document: "invocationSchemaVersion" in document and "tasks" in document, batch),
    (lambda document: "taskId" in document and "s3Key" in document, batch_task),
    (lambda document: text(document, "eventSource").startswith("aws:"), lambda _: []),
)
"""How each shape is told and read; the last is Lambda's other event sources."""
