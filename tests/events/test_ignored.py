"""What happens to artifacts besides their arrival: told by each cloud in the same envelopes, and none of our work."""

from __future__ import annotations

import base64
import json

import pytest

from customhouse.errors import Malformed
from customhouse.events import parse
from tests.events import shapes

S3 = [
    "ObjectRemoved:Delete",
    "ObjectRemoved:DeleteMarkerCreated",
    "ObjectRestore:Post",
    "ObjectRestore:Completed",
    "ObjectTagging:Put",
    "ObjectAcl:Put",
    "ReducedRedundancyLostObject",
    "Replication:OperationFailedReplication",
    "LifecycleExpiration:Delete",
    "LifecycleTransition",
    "IntelligentTiering",
    "ObjectCreated",
    "objectcreated:put",
]


@pytest.mark.parametrize("prefix", ["", "s3:"])
@pytest.mark.parametrize("name", S3)
def test_s3_tells_of_other_things_than_uploads(name: str, prefix: str) -> None:
    assert parse({"Records": [shapes.s3_record("k", prefix + name)]}) == []


@pytest.mark.parametrize("prefix", ["", "s3:"])
@pytest.mark.parametrize("name", ["Put", "Post", "Copy", "CompleteMultipartUpload", "SomethingNew"])
def test_every_way_of_creating_an_object_is_an_upload(name: str, prefix: str) -> None:
    (event,) = parse({"Records": [shapes.s3_record("k", f"{prefix}ObjectCreated:{name}")]})

    assert event.location.key == "k"


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("aws.s3", "Object Deleted"),
        ("aws.s3", "Object Tags Added"),
        ("aws.s3", "Object Storage Class Changed"),
        ("aws.s3", "Object Restore Completed"),
        ("aws.s3", "Object Access Tier Changed"),
        ("aws.ecr", "ECR Image Scan"),
        ("aws.ecr", "ECR Pull Through Cache Action"),
        ("aws.ec2", "Object Created"),
        ("my.app", "ECR Image Action"),
        ("", ""),
    ],
)
def test_eventbridge_carries_much_that_is_not_for_us(source: str, kind: str) -> None:
    assert parse({**shapes.eventbridge("k"), "source": source, "detail-type": kind}) == []


ECR = {
    "detail-type": "ECR Image Action",
    "source": "aws.ecr",
    "account": "123456789012",
    "region": "eu-west-1",
    "detail": {
        "result": "SUCCESS",
        "action-type": "PUSH",
        "repository-name": "team/api",
        "image-digest": "sha256:" + "a" * 64,
        "image-tag": "v1",
    },
}


@pytest.mark.parametrize(
    "changes",
    [{"result": "FAILURE"}, {"action-type": "DELETE"}, {"action-type": ""}, {"result": ""}, {"result": None}],
    ids=repr,
)
def test_a_registry_of_amazon_tells_of_other_things_than_pushes(changes: dict[str, object]) -> None:
    assert parse({**ECR, "detail": {**ECR["detail"], **changes}}) == []


def test_an_image_that_is_copied_from_another_region_arrives_without_a_push() -> None:
    moved = {"action-type": "REPLICATE", "source-account": "210987654321", "source-region": "us-west-2"}

    (event,) = parse({**ECR, "detail-type": "ECR Replication Action", "detail": {**ECR["detail"], **moved}})

    assert event.location.root == "oci://123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/api"
    assert event.location.version == "sha256:" + "a" * 64


GCS = ["deleted", "archived", "metadataUpdated", "somethingNew"]


@pytest.mark.parametrize("kind", GCS)
def test_cloud_storage_tells_of_other_things_than_uploads(kind: str) -> None:
    assert parse({**shapes.gcs("k"), "type": f"google.cloud.storage.object.v1.{kind}"}) == []


@pytest.mark.parametrize("kind", ["OBJECT_DELETE", "OBJECT_ARCHIVE", "OBJECT_METADATA_UPDATE", "OBJECT_NEW"])
def test_cloud_storage_tells_pub_sub_of_other_things_than_uploads(kind: str) -> None:
    payload = shapes.pubsub("k")
    payload["message"]["attributes"]["eventType"] = kind

    assert parse(payload) == []


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceState": "not_exists"},
        {"metageneration": "2"},
        {"metageneration": 5},
    ],
    ids=repr,
)
def test_the_oldest_events_tell_deletions_and_changes_by_the_object(resource: dict[str, object]) -> None:
    data = {"bucket": "b", "name": "k", "generation": "1", "metageneration": "1", **resource}
    kind = "providers/cloud.storage/eventTypes/object.change"

    assert parse({"data": data, "context": {"eventType": kind, "eventId": "1"}}) == []
    assert (
        len(parse({"data": data | {"resourceState": "exists", "metageneration": "1"}, "context": {"eventType": kind}}))
        == 1
    )


@pytest.mark.parametrize(
    "content", [{"action": "DELETE", "tag": "gcr.io/p/i:v1"}, {"action": "INSERT"}, {"hello": 1}, {}]
)
def test_pub_sub_carries_much_that_is_not_for_us(content: object) -> None:
    assert parse(shapes.published(content)) == []


@pytest.mark.parametrize("data", [b"plain text", b"[1, 2]", b"\xff\x00", b" \n"])
def test_a_message_of_somebody_else_s_is_passed_over_whatever_is_in_it(data: bytes) -> None:
    assert parse({"message": {"data": base64.b64encode(data).decode(), "messageId": "1"}}) == []


AZURE = [
    "Microsoft.Storage.BlobDeleted",
    "Microsoft.Storage.BlobTierChanged",
    "Microsoft.Storage.DirectoryRenamed",
    "Microsoft.Storage.DirectoryCreated",
    "Microsoft.Storage.AsyncOperationInitiated",
    "Microsoft.ContainerRegistry.ImageDeleted",
    "Microsoft.ContainerRegistry.ChartDeleted",
    "Microsoft.EventGrid.SubscriptionValidationEvent",
    "Microsoft.Resources.ResourceWriteSuccess",
]


@pytest.mark.parametrize("kind", AZURE)
def test_azure_tells_of_other_things_than_uploads_in_either_schema(kind: str) -> None:
    grid = {**shapes.blob("k"), "eventType": kind}

    assert parse([grid, {"specversion": "1.0", "type": kind, "source": "/s", "id": "1", "data": grid["data"]}]) == []


@pytest.mark.parametrize("api", ["CreateFile", "SftpCreate"])
def test_a_file_that_is_only_opened_has_nothing_in_it_yet(api: str) -> None:
    event = shapes.blob("k")
    event["data"]["api"] = api

    assert parse(event) == []


@pytest.mark.parametrize("api", ["PutBlob", "PutBlockList", "CopyBlob", "FlushWithClose", "SftpCommit", "", None, 7])
def test_a_file_that_was_written_is_an_upload_however_it_was(api: object) -> None:
    event = shapes.blob("k")
    event["data"]["api"] = api

    assert len(parse(event)) == 1


@pytest.mark.parametrize("action", ["delete", "chart_delete", "quarantine", "ping", ""])
def test_a_registry_s_webhook_tells_of_other_things_than_pushes(action: str) -> None:
    assert parse({**shapes.acr(), "action": action}) == []


@pytest.mark.parametrize("action", ["push", "chart_push"])
def test_images_and_charts_are_pushed_alike(action: str) -> None:
    assert len(parse({**shapes.acr(), "action": action})) == 1


@pytest.mark.parametrize("source", ["aws:dynamodb", "aws:kinesis", "aws:codecommit", "aws:new"])
def test_other_sources_of_lambda_are_passed_over(source: str) -> None:
    assert parse({"Records": [{"eventSource": source, "dynamodb": {}}]}) == []


@pytest.mark.parametrize("kind", ["SubscriptionConfirmation", "UnsubscribeConfirmation"])
def test_a_subscription_s_own_traffic_is_passed_over(kind: str) -> None:
    assert parse({**shapes.sns(json.dumps(shapes.s3("a"))), "Type": kind}) == []


@pytest.mark.parametrize("kind", ["Notification", ""])
def test_a_notification_is_opened(kind: str) -> None:
    assert len(parse({**shapes.sns(json.dumps(shapes.s3("a"))), "Type": kind})) == 1


def test_a_notification_about_something_else_is_told_not_passed_over() -> None:
    with pytest.raises(Malformed, match="not JSON"):
        parse(shapes.sns("ALARM: the disk is full"))
