"""The deployment scripts, run with recorders in place of the clouds' tools; gcloud's own linter reads the record."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from customhouse.jobs import JOBS
from tests.deploy.commands import option, recorded
from tests.deploy.tools import ROOT, tool

Commands = list[list[str]]
GCP, AZURE = ROOT / "deploy" / "gcp", ROOT / "deploy" / "azure"
NAMES = {
    "functions describe customhouse --": "projects/p/locations/europe-west1/triggers/t",
    "functions describe customhouse-schedule": "https://schedule.run.app",
    "eventarc triggers describe": "projects/demo-project/subscriptions/eventarc-sub",
    "projects describe": "123456789012",
    "storage service-agent": "service-123@gs-project-accounts.iam.gserviceaccount.com",
}
NOTHING_THERE: dict[str, str | None] = NAMES | dict.fromkeys(
    [
        "storage buckets describe",
        "iam roles describe",
        "iam service-accounts describe",
        "pubsub topics describe",
        "pubsub subscriptions describe",
        "scheduler jobs describe",
    ]
)
ALL_THERE: dict[str, str | None] = NAMES | {"alpha monitoring policies list": "projects/p/alertPolicies/1"}
PROJECT = {"PROJECT": "demo-project", "NOTIFY": "pubsub://other-project/verdicts"}


def named(commands: Sequence[Sequence[str]], *words: str) -> list[Sequence[str]]:
    return [command for command in commands if list(command[1 : len(words) + 1]) == list(words)]


def lint(commands: Sequence[Sequence[str]], folder: Path) -> list[str]:
    """What `gcloud meta lint-gcloud-commands` has against the commands; it needs no project and no network."""
    if shutil.which("gcloud") is None:
        pytest.skip("there is no gcloud here, and no package registry has it")
    file = folder / "commands.json"
    file.write_text(json.dumps([{"command_string": shlex.join(command)} for command in commands]))
    done = subprocess.run(
        ["gcloud", "meta", "lint-gcloud-commands", f"--commands-file={file}"],
        env=os.environ | {"CLOUDSDK_CONFIG": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    results = json.loads(done.stdout)
    assert len(results) == len(commands)
    return [f"{one['command_string']}: {one['error_message']}" for one in results if not one["success"]]


@pytest.mark.deploy
def test_shellcheck_finds_nothing() -> None:
    scripts = sorted((ROOT / "deploy").rglob("*.sh"))
    assert len(scripts) >= 5
    done = tool("shellcheck").run("shellcheck", *scripts)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    """A deployment into an empty project."""
    folder = tmp_path_factory.mktemp("first")
    return recorded(GCP / "deploy.sh", folder, answers=NOTHING_THERE, environment=PROJECT, cwd=ROOT)


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    """The same again, with everything there."""
    folder = tmp_path_factory.mktemp("second")
    return recorded(GCP / "deploy.sh", folder, answers=ALL_THERE, environment=PROJECT, cwd=ROOT)


def torn_down(folder: Path, environment: dict[str, str]) -> Commands:
    return recorded(GCP / "teardown.sh", folder, answers=ALL_THERE, environment=environment, cwd=ROOT)


@pytest.mark.deploy
def test_gcloud_knows_every_command_and_flag(tmp_path: Path, first: Commands, second: Commands) -> None:
    last = torn_down(tmp_path, PROJECT | {"DELETE_BUCKETS": "yes"})
    distinct = {tuple(command[:4]): command for command in (*first, *second, *last)}
    assert lint([*distinct.values()], tmp_path) == []


@pytest.mark.deploy
def test_the_linter_would_notice(tmp_path: Path) -> None:
    assert lint([["gcloud", "storage", "buckets", "create", "gs://bucket", "--uniform-access"]], tmp_path) != []


def test_a_first_deployment_creates_private_versioned_buckets(first: Commands) -> None:
    buckets = named(first, "storage", "buckets", "create")
    assert [command[4] for command in buckets] == [
        f"gs://demo-project-customhouse-{name}" for name in ("intake", "released", "quarantine", "records")
    ]
    assert all({"--uniform-bucket-level-access", "--public-access-prevention"} <= set(one) for one in buckets)
    assert all("--versioning" in one for one in named(first, "storage", "buckets", "update"))


def test_a_second_deployment_creates_nothing_anew_and_leaves_buckets_alone(second: Commands) -> None:
    assert [command for command in second if "create" in command] == []
    assert named(second, "storage", "buckets", "update") == []
    assert len(named(second, "scheduler", "jobs", "update")) == len(JOBS)


def test_nobody_but_the_caller_may_invoke_and_failures_become_dead_letters(first: Commands) -> None:
    functions = named(first, "functions", "deploy")
    assert [option(command, "entry-point") for command in functions] == ["artifact", "schedule"]
    assert all("--no-allow-unauthenticated" in command for command in functions)
    update = named(first, "pubsub", "subscriptions", "update")[0]
    assert update[4] == "eventarc-sub"
    assert option(update, "dead-letter-topic") == "projects/demo-project/topics/customhouse-dead-letters"
    jobs = named(first, "scheduler", "jobs", "create")
    assert {option(job, "message-body") for job in jobs} == {f'{{"schedule": "{name}"}}' for name in JOBS}
    for job in jobs:
        assert option(job, "oidc-token-audience") == option(job, "uri") == "https://schedule.run.app"


def test_entry_points_are_functions_of_the_handler(first: Commands) -> None:
    handler = (ROOT / "functions" / "gcp" / "main.py").read_text()
    for command in named(first, "functions", "deploy"):
        assert f"def {option(command, 'entry-point')}(" in handler


TRASHED = 'resource.name.startsWith("projects/_/buckets/demo-project-customhouse-intake/objects/customhouse-undo/")'


def test_roles_are_granted_on_buckets_and_never_on_the_project(first: Commands) -> None:
    runner = "serviceAccount:customhouse-run@demo-project.iam.gserviceaccount.com"
    granted = {(one[4], option(one, "role")) for one in first if "add-iam-policy-binding" in one and runner in str(one)}
    base = "gs://demo-project-customhouse"
    writer = "projects/demo-project/roles/customhouseWriter"
    intake = "projects/demo-project/roles/customhouseIntake"
    assert granted == {
        *((f"{base}-{name}", intake) for name in ("intake", "released", "quarantine")),
        *((f"{base}-{name}", writer) for name in ("intake", "released", "quarantine")),
        (f"{base}-records", writer),
        ("verdicts", "roles/pubsub.publisher"),
    }
    writes = [one for one in first if f"{base}-intake" in one and writer in str(one)]
    assert [option(one, "condition") for one in writes] == [f"title=trash,expression={TRASHED}"]


def test_a_teardown_keeps_the_buckets_unless_told_otherwise(tmp_path: Path) -> None:
    commands = torn_down(tmp_path, PROJECT)
    assert len(named(commands, "functions", "delete")) == 2
    assert named(commands, "storage") == []


def test_a_bucket_that_could_not_be_set_up_is_not_left_behind_as_if_it_were(tmp_path: Path) -> None:
    answers = NOTHING_THERE | {"storage buckets update": None}
    commands = recorded(GCP / "deploy.sh", tmp_path, answers=answers, environment=PROJECT, cwd=ROOT, status=1)
    assert commands[-1] == ["gcloud", "storage", "buckets", "delete", "gs://demo-project-customhouse-intake"]


def test_who_builds_the_functions_reads_their_sources_and_no_artifact(first: Commands) -> None:
    builder = "serviceAccount:customhouse-build@demo-project.iam.gserviceaccount.com"
    granted = {option(one, "role"): option(one, "condition") for one in first if f"--member={builder}" in one}
    sources = 'resource.name.startsWith("projects/_/buckets/gcf-v2-")'
    assert granted == {
        "roles/logging.logWriter": "None",
        "roles/artifactregistry.writer": "None",
        "roles/storage.objectViewer": f"title=sources,expression={sources}",
    }


def test_every_grant_on_the_project_is_one_of_the_few_that_are_needed(first: Commands) -> None:
    granted = {option(one, "role") for one in named(first, "projects", "add-iam-policy-binding")}
    assert granted == {
        "roles/eventarc.eventReceiver",
        "roles/logging.logWriter",
        "roles/artifactregistry.writer",
        "roles/storage.objectViewer",
        "roles/pubsub.publisher",
    }


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("", []),
        ("intake=in", ["intake=in"]),
        ("  intake=in\n policy=p.yaml ", ["intake=in", "policy=p.yaml"]),
        ("'reconcileSchedule=0 0 */6 * * *' name=a", ["reconcileSchedule=0 0 */6 * * *", "name=a"]),
        ("'policy=$(touch x)' 'notify=`id`'", ["policy=$(touch x)", "notify=`id`"]),
    ],
)
def test_azure_takes_parameters_with_blanks_in_quotes(tmp_path: Path, given: str, taken: list[str]) -> None:
    (tmp_path / "built").mkdir()
    environment = {"SOURCE": str(tmp_path / "built"), "PARAMETERS": given}
    answers = {"deployment group show": "app"}
    commands = recorded(AZURE / "deploy.sh", tmp_path, answers=answers, environment=environment, cwd=ROOT)
    at = commands[1].index("--parameters")
    assert commands[1][at + 1 : -2] == ["location=westeurope", *taken]


def test_azure_does_nothing_with_parameters_whose_quotes_do_not_end(tmp_path: Path) -> None:
    environment = {"SOURCE": str(tmp_path), "PARAMETERS": "intake=in 'reconcileSchedule=0 0"}
    assert recorded(AZURE / "deploy.sh", tmp_path, answers={}, environment=environment, cwd=ROOT, status=1) == []


def test_azure_deploys_the_bicep_and_publishes_to_the_app_that_it_names(tmp_path: Path) -> None:
    (tmp_path / "built").mkdir()
    environment = {"SOURCE": str(tmp_path / "built"), "GROUP": "group", "PARAMETERS": "intake=in policy=policy.yaml"}
    answers = {"deployment group show": "customhouse-abc"}
    commands = recorded(AZURE / "deploy.sh", tmp_path, answers=answers, environment=environment, cwd=ROOT)
    assert [command[:4] for command in commands] == [
        ["az", "group", "create", "--name"],
        ["az", "deployment", "group", "create"],
        ["az", "deployment", "group", "show"],
        ["func", "azure", "functionapp", "publish"],
    ]
    assert {"intake=in", "policy=policy.yaml", "location=westeurope"} <= set(commands[1])
    assert commands[3][4:] == ["customhouse-abc", "--python", "--build", "remote"]


@pytest.mark.parametrize(("delete", "times"), [("no", 0), ("yes", 1)])
def test_azure_deletes_the_group_only_when_told_to(tmp_path: Path, delete: str, times: int) -> None:
    environment = {"DELETE_GROUP": delete}
    commands = recorded(AZURE / "teardown.sh", tmp_path, answers={}, environment=environment, cwd=ROOT)
    assert commands.count(["az", "group", "delete", "--name", "customhouse", "--yes"]) == times


def test_the_key_of_a_webhook_comes_from_the_secret_manager(tmp_path: Path) -> None:
    environment = PROJECT | {"NOTIFY": "https://example.com/hook", "NOTIFY_SECRET": "hook-key"}
    commands = recorded(GCP / "deploy.sh", tmp_path, answers=NOTHING_THERE, environment=environment, cwd=ROOT)
    for function in named(commands, "functions", "deploy"):
        assert option(function, "set-secrets") == "CUSTOMHOUSE_NOTIFY_SECRET=hook-key:latest"
    granted = named(commands, "secrets", "add-iam-policy-binding", "hook-key")
    assert [option(grant, "role") for grant in granted] == ["roles/secretmanager.secretAccessor"]


def test_of_what_is_current_only_stored_inspections_expire(first: Commands) -> None:
    updates = named(first, "storage", "buckets", "update")
    expiring = {update[4] for update in updates if "age" in _deletions(option(update, "lifecycle-file"))}
    assert expiring == {"gs://demo-project-customhouse-records"}


def _deletions(file: str) -> set[str]:
    rules = json.loads(Path(file).read_text())["rule"]
    deletions = [rule["condition"] for rule in rules if rule["action"]["type"] == "Delete"]
    assert all(rule.get("matchesPrefix", ["inspections/"]) == ["inspections/"] for rule in deletions)
    return {condition for rule in deletions for condition in rule}
