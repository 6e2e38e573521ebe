"""Least privilege: what is granted is what the adapters on the way of an event call, no less and no more.

Native lifecycle rules are no part of it: a person installs them, with their own rights. What the lifecycle adapters do
to objects on schedule (label, hold, move) needs no more than the stores do; a class change where uploads may not be
written to is deferred, and left to native rules.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

import botocore.session
import pytest
from botocore import xform_name

from customhouse.lifecycle.rules import TRASH
from tests.deploy.template import actions, statements
from tests.deploy.tools import ROOT

CORE = ROOT / "shared" / "customhouse"
AWS_FILES = ("stores/s3.py", "stores/s3_parts.py", "stores/s3_answers.py", "notifiers/sns.py")
# Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3"; calls that name a version
# need the Version action, calls with tags the Tagging action beside.
AWS_ACTIONS = {
    "get_object": {"s3:GetObject", "s3:GetObjectVersion"},
    "head_object": {"s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectLegalHold", "s3:GetObjectRetention"},
    "put_object": {"s3:PutObject", "s3:PutObjectTagging"},
    "copy_object": {"s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:PutObjectTagging"},
    "create_multipart_upload": {"s3:PutObject", "s3:PutObjectTagging"},
    "upload_part": {"s3:PutObject"},
    "upload_part_copy": {"s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"},
    "complete_multipart_upload": {"s3:PutObject"},
    "abort_multipart_upload": {"s3:AbortMultipartUpload"},
    "get_object_tagging": {"s3:GetObjectTagging", "s3:GetObjectVersionTagging"},
    "put_object_tagging": {"s3:PutObjectTagging", "s3:PutObjectVersionTagging"},
    "delete_object_tagging": {"s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging"},
    "delete_object": {"s3:DeleteObject", "s3:DeleteObjectVersion"},
    "list_objects_v2": {"s3:ListBucket"},
    "list_object_versions": {"s3:ListBucketVersions"},
    "publish": {"sns:Publish"},
}
AWS_LOCKS = {"s3:GetBucketVersioning", "s3:GetBucketObjectLockConfiguration"}
"""What retention asks on schedule: in a bucket with Object Lock a delete hides what is held."""
# IAM permissions for JSON methods, cloud.google.com/storage/docs/access-control/iam-json
GCP_PERMISSIONS = {
    "upload_from_string": {"storage.objects.create", "storage.objects.delete"},  # delete: to overwrite
    "upload_from_file": {"storage.objects.create", "storage.objects.delete"},
    "rewrite": {"storage.objects.create", "storage.objects.delete", "storage.objects.get"},
    "reload": {"storage.objects.get"},
    "get": {"storage.objects.get"},  # the session's: content
    "patch": {"storage.objects.update"},
    "delete": {"storage.objects.delete"},
    "list_blobs": {"storage.objects.list"},
}
# "Permissions for blob service operations", in "Authorize with Microsoft Entra ID" of the Azure Storage REST reference
AZURE_ACTIONS = {
    "download_blob": {"read"},
    "get_blob_properties": {"read"},
    "list_blobs": {"read"},
    "upload_blob": {"write", "tags/write"},
    "start_copy_from_url": {"read", "write", "tags/write"},
    "abort_copy": {"write"},
    "set_blob_metadata": {"write"},
    "get_blob_tags": {"tags/read"},
    "set_blob_tags": {"tags/read", "tags/write"},  # read: its condition asks for the tags
    "delete_blob": {"delete", "deleteBlobVersion/action"},
}
AZURE_NO_CALLS = {"get_blob_client", "get_container_client", "url", "account_name"}  # names only, nothing is sent
GCP_NO_CALLS = {"bucket", "blob"}  # names only, nothing is sent


@cache
def operations(service: str) -> set[str]:
    """Every operation of a service, as botocore calls it."""
    return {xform_name(name) for name in botocore.session.get_session().get_service_model(service).operation_names}


def aws_calls() -> set[str]:
    """Operations that the adapters name, as methods or, for paginators, as text."""
    known = operations("s3") | {"publish"}
    return {name for file in AWS_FILES for name in _names(file) if name in known}


def _names(file: str) -> Iterator[str]:
    for node in ast.walk(ast.parse((CORE / file).read_text())):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_the_adapters_were_found_to_call_something() -> None:
    assert {"get_object", "copy_object", "put_object_tagging", "list_object_versions", "publish"} <= aws_calls()


def test_every_call_of_the_aws_adapters_is_known_here() -> None:
    assert aws_calls() <= AWS_ACTIONS.keys()


def test_the_lambda_role_may_do_what_the_adapters_call_and_nothing_else() -> None:
    needed = set[str]().union(*(AWS_ACTIONS[name] for name in aws_calls()))
    assert actions("FunctionRole", "s3") | actions("FunctionRole", "sns") == needed | AWS_LOCKS


def test_no_role_holds_a_wildcard_action() -> None:
    for role in ("FunctionRole", "ScheduleRole"):
        for statement in statements(role):
            assert "*" not in str(statement["Action"]), statement


def test_only_x_ray_which_has_no_resources_is_granted_on_everything() -> None:
    granted = [one for role in ("FunctionRole", "ScheduleRole") for one in statements(role)]
    wide = [one["Action"] for one in granted if one["Resource"] == "*"]
    assert wide == [["xray:PutTraceSegments", "xray:PutTelemetryRecords"]]


def test_what_is_uploaded_is_never_written_to() -> None:
    intake = next(one for one in statements("FunctionRole") if one.get("Sid") == "TakeIn")
    assert "s3:PutObject" not in intake["Action"]


def test_lifecycle_may_write_into_the_trash_of_the_intake_only() -> None:
    retire = next(one for one in statements("FunctionRole") if one.get("Sid") == "Retire")
    assert retire["Resource"]["Sub"][0].endswith(f"${{Bucket}}/{TRASH}*")
    script = (ROOT / "deploy/gcp/deploy.sh").read_text()
    assert f'objects/{TRASH}"' in script


def gcp_calls() -> set[str]:
    """Methods of blobs, the client and its session that the Cloud Storage adapter calls."""
    tree = ast.parse((CORE / "stores/gcs.py").read_text())
    called = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    methods = {function.attr for function in called if isinstance(function, ast.Attribute)}
    return methods & (GCP_PERMISSIONS.keys() | _sending())


def _sending() -> set[str]:
    """Every method of a blob and of the client that the SDK traces, which is every one that sends a request."""
    storage = pytest.importorskip("google.cloud.storage")
    public = {name for kind in (storage.Blob, storage.Client) for name in vars(kind) if not name.startswith("_")}
    return public - GCP_NO_CALLS - {"from_string", "close", "path", "metadata", "generation", "name", "size", "crc32c"}


def test_the_custom_roles_hold_what_the_adapter_calls_and_nothing_else() -> None:
    needed = set[str]().union(*(GCP_PERMISSIONS[name] for name in gcp_calls()))
    assert needed == granted()


@cache
def granted() -> set[str]:
    text = (ROOT / "deploy/gcp/deploy.sh").read_text().replace("\\\n", " ")
    roles = [line.split() for line in text.splitlines() if line.strip().startswith("role customhouse")]
    assert len(roles) == 2
    return {permission for role in roles for permission in role[2].split(",")}


def azure_calls() -> set[str]:
    """Methods of blobs and their container that the Blob adapter calls."""
    blob = pytest.importorskip("azure.storage.blob")
    kinds = (blob.BlobClient, blob.ContainerClient)
    sending = {name for kind in kinds for name in vars(kind) if not name.startswith("_")} - AZURE_NO_CALLS
    return {name for name in _names("stores/blob.py") if name in sending}


def _azure_granted(what: str) -> set[str]:
    text = (ROOT / "deploy/azure/main.bicep").read_text()
    found = re.search(rf"what: '{what}'\s+may: \[([^\]]*)\]", text)
    assert found
    return set(re.findall(r"'\$\{blobs\}/([\w/]+)'", found[1]))


def test_every_call_of_the_blob_adapter_is_known_here() -> None:
    assert "start_copy_from_url" in azure_calls()
    assert azure_calls() - {"get_account_information"} == AZURE_ACTIONS.keys()  # that one is the Reader's


def test_the_azure_roles_hold_what_the_adapter_calls_and_nothing_else() -> None:
    needed = set[str]().union(*AZURE_ACTIONS.values())
    assert _azure_granted("artifacts") == needed
    assert _azure_granted("records") == {action for action in needed if "tags" not in action}


def test_records_are_the_only_container_without_the_role_for_artifacts() -> None:
    text = (ROOT / "deploy/azure/main.bicep").read_text()
    granted = dict(re.findall(r"\{ container: (\w+), own: (\d) \}", text))
    assert granted == {"intake": "0", "released": "0", "quarantine": "0", "records": "1"}
