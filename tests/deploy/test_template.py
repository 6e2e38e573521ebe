"""template.yaml as SAM, cfn-lint and checkov see it, and what they do not look at."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy.template import read
from tests.deploy.tools import ROOT, tool

BUDGET = 150_000_000  # bytes, unzipped
TEMPLATE = ROOT / "template.yaml"


@pytest.mark.deploy
def test_sam_finds_the_template_valid() -> None:
    done = tool("sam").run("sam", "validate", "--lint", "-t", TEMPLATE)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.deploy
def test_cfn_lint_finds_nothing() -> None:
    done = tool("sam").run("cfn-lint", TEMPLATE)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.deploy
def test_checkov_finds_nothing_that_is_not_explained() -> None:
    options = ("--framework", "cloudformation", "--compact", "--quiet", "--skip-download")
    done = tool("checkov").run("checkov", "-f", TEMPLATE, *options)
    assert done.returncode == 0, done.stdout
    assert "Failed checks: 0" in done.stdout


@pytest.mark.deploy
def test_the_built_function_holds_handler_and_core_and_keeps_to_its_budget(built: Path) -> None:
    function = built / "Function"
    assert (function / "handler.py").exists()
    assert (function / "customhouse" / "app.py").exists()
    assert (function / "boto3").exists()
    assert sum(path.stat().st_size for path in function.rglob("*") if path.is_file()) < BUDGET


def test_a_message_stays_invisible_for_six_timeouts() -> None:
    template = read()
    visible = {int(timeout): entry["Seconds"] for timeout, entry in template["Mappings"]["Visibility"].items()}
    assert list(visible) == template["Parameters"]["Timeout"]["AllowedValues"]
    assert all(seconds >= 6 * timeout for timeout, seconds in visible.items())


def test_every_bucket_is_private_versioned_encrypted_and_outlives_the_stack() -> None:
    resources = read()["Resources"]
    buckets = {name: entry for name, entry in resources.items() if entry["Type"] == "AWS::S3::Bucket"}
    assert buckets.keys() == {"Intake", "Released", "Quarantine", "Records"}
    for name, bucket in buckets.items():
        assert all(bucket["Properties"]["PublicAccessBlockConfiguration"].values()), name
        assert bucket["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}
        assert "BucketEncryption" in bucket["Properties"]
        assert bucket["DeletionPolicy"] == "RetainExceptOnCreate"
        assert resources[f"{name}Policy"]["Condition"] == bucket["Condition"] == f"Create{name}"


def test_of_what_is_current_only_stored_inspections_expire() -> None:
    resources = read()["Resources"]
    rules = {
        name: [rule for rule in bucket["Properties"]["LifecycleConfiguration"]["Rules"] if "ExpirationInDays" in rule]
        for name, bucket in resources.items()
        if bucket["Type"] == "AWS::S3::Bucket"
    }
    assert [rule["Prefix"] for rule in rules.pop("Records")] == ["inspections/"]
    assert not any(rules.values())


@pytest.mark.parametrize("name", ["Released", "Quarantine", "Records"])
def test_only_the_function_and_the_operator_write(name: str) -> None:
    statement = read()["Resources"][f"{name}Policy"]["Properties"]["PolicyDocument"]["Statement"][1]
    allowed = statement["Condition"]["ArnNotLike"]["aws:PrincipalArn"]
    assert statement["Effect"] == "Deny"
    assert {"s3:PutObject", "s3:PutObjectTagging"} <= set(statement["Action"])
    function = {"GetAtt": "FunctionRole.Arn"}
    assert allowed == [function, {"If": ["HasOperator", {"Ref": "Operator"}, {"Ref": "AWS::NoValue"}]}]


def test_every_queue_that_ends_a_way_has_an_alarm() -> None:
    resources = read()["Resources"]
    alarms = [entry["Properties"] for entry in resources.values() if entry["Type"] == "AWS::CloudWatch::Alarm"]
    watched = {(alarm["MetricName"], str(alarm["Dimensions"][0]["Value"])) for alarm in alarms}
    for queue in ("DeadLetters", "ScheduleDeadLetters"):
        assert ("ApproximateNumberOfMessagesVisible", str({"GetAtt": f"{queue}.QueueName"})) in watched
    assert ("ApproximateAgeOfOldestMessage", str({"GetAtt": "Events.QueueName"})) in watched
    assert ("Errors", str({"Ref": "Function"})) in watched
