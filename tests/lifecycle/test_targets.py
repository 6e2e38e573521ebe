"""The three documents through the real SDK calls: accepted, kept and read back; classes, holds and arming."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import botocore.session
import pytest

from customhouse.errors import ConfigError, Conflict, Gone
from customhouse.lifecycle.native.compile import compile_rules
from customhouse.lifecycle.native.document import Drifted, drift, install, unwrap
from customhouse.lifecycle.native.words import Target
from customhouse.lifecycle.vocabulary import load
from customhouse.lifecycle.words import DAY
from customhouse.model import LIFECYCLE_TAG, Location
from customhouse.ports import Features
from customhouse.stores import blob_lifecycle, gcs_lifecycle, open_store, s3_lifecycle
from customhouse.stores.open_lifecycle import open_target
from customhouse.stores.options import Options
from tests.lifecycle.buckets import made, options_of

pytestmark = pytest.mark.emulator
RULES = load(
    [
        {"id": "logs", "do": "delete", "undo": "none", "age": "30d", "select": {"prefix": ["logs/", "tmp/"]}},
        {"id": "wheels", "do": "delete", "undo": "none", "age": "90d", "select": {"glob": "w/**/*.whl"}},
        {"id": "versions", "do": "delete", "undo": "none", "noncurrent": "7d"},
        {"id": "cool", "do": {"class": "cool"}, "age": "60d", "select": {"prefix": "big/", "over": "1MiB"}},
        {"id": "trash", "do": "delete", "age": "10d", "select": {"prefix": "trash/"}, "exclude": {"suffix": ".x"}},
    ]
)


@pytest.fixture
def s3(request: pytest.FixtureRequest) -> tuple[str, dict[str, str]]:
    options = options_of("s3", request)
    return made("s3", options, versioned=True, locks=True), options


@pytest.fixture
def gs(request: pytest.FixtureRequest) -> tuple[str, dict[str, str]]:
    options = options_of("gs", request)
    return made("gs", options), options


@pytest.fixture
def az(request: pytest.FixtureRequest) -> tuple[str, dict[str, str]]:
    options = options_of("az", request)
    return made("az", options), options


def test_s3_takes_our_document_keeps_foreign_rules_and_gives_both_back(s3: tuple[str, dict[str, str]]) -> None:
    root, options = s3
    there = s3_lifecycle.connect(root, Options.read(options))
    assert there.native_rules() == {"Rules": []}
    foreign = {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "theirs/"}, "Expiration": {"Days": 5}}
    there.install_native_rules({"Rules": [foreign]})
    sizeless = [rule for rule in RULES if rule.id != "cool"]
    ours = compile_rules(sizeless, Target(root, versioned=True))
    assert set(ours.used) >= {rule.id for rule in sizeless}
    after = install(ours, there)
    assert foreign in unwrap(ours.target, after)
    assert drift(ours.target, ours.native, there.native_rules(), ours.native).clean
    install(compile_rules((), ours.target), there, known=ours.native)
    assert unwrap(ours.target, there.native_rules()) == [foreign]
    there.install_native_rules({"Rules": []})
    assert there.native_rules() == {"Rules": []}


def test_an_s3_that_drops_part_of_a_rule_is_found_out_by_reading_back(s3: tuple[str, dict[str, str]]) -> None:
    root, options = s3
    there = s3_lifecycle.connect(root, Options.read(options))
    with pytest.raises(Drifted, match="ObjectSizeGreaterThan"):  # moto forgets a filter's sizes
        install(compile_rules(RULES, Target(root, versioned=True)), there)


def test_cloud_storage_takes_our_document_keeps_foreign_rules_and_gives_both_back(
    gs: tuple[str, dict[str, str]],
) -> None:
    root, options = gs
    there = gcs_lifecycle.connect(root, Options.read(options))
    foreign = {"action": {"type": "Delete"}, "condition": {"age": 5, "matchesPrefix": ["theirs/"]}}
    there.native_rules()
    there.install_native_rules({"rule": [foreign]})
    ours = compile_rules(RULES, Target(root, soft_delete=604_800))
    assert set(ours.used) >= {rule.id for rule in RULES}
    after = install(ours, there)
    assert foreign in unwrap(ours.target, after)
    assert drift(ours.target, ours.native, there.native_rules(), ours.native).clean


@dataclass
class Account:
    """The management plane in memory."""

    document: dict[str, Any] = field(default_factory=dict)
    properties: dict[str, Any] = field(default_factory=dict)

    def service(self) -> Mapping[str, object]:
        return self.properties

    def read(self) -> Mapping[str, object]:
        return blob_lifecycle.from_model({"properties": self.document})

    def write(self, document: Mapping[str, object]) -> None:
        self.document = dict(document)


def test_azure_takes_our_document_keeps_foreign_rules_and_gives_both_back(az: tuple[str, dict[str, str]]) -> None:
    root, options = az
    connected = blob_lifecycle.connect(root, Options.read(options))
    with pytest.raises(ConfigError, match="subscription and resource group"):
        connected.native_rules()
    there = blob_lifecycle.BlobLifecycle(root, connected._service, connected._store, Account())
    another = compile_rules(RULES, Target(f"{root}-2"))  # another container's rules, in the same account's policy
    install(another, there)
    foreign = {"name": "theirs", "enabled": True, "type": "Lifecycle", "definition": {"filters": {}, "actions": {}}}
    there.install_native_rules({"policy": {"rules": [foreign, *another.native]}})
    ours = compile_rules(RULES, Target(root))
    assert {"logs", "wheels", "cool"} <= set(ours.used)
    after = unwrap(ours.target, install(ours, there))
    assert [rule for rule in after if rule not in ours.native] == [foreign, *another.native]
    assert drift(ours.target, ours.native, there.native_rules(), ours.native).clean


@pytest.mark.skipif(
    importlib.util.find_spec("azure.mgmt") is None or importlib.util.find_spec("azure.mgmt.storage") is None,
    reason="azure-mgmt-storage is not installed",
)
def test_azure_s_own_model_reads_every_field_of_our_document() -> None:
    models = importlib.import_module("azure.mgmt.storage.models")
    ours = compile_rules(RULES, Target("az://account/container", last_access=True), allow_approximated=True)
    policy = models.ManagementPolicy({"properties": {"policy": {"rules": list(ours.native)}}})
    assert blob_lifecycle.from_model(policy.as_dict()) == {"policy": {"rules": list(ours.native)}}
    for rule in policy.properties.policy.rules:
        actions = rule.definition.actions
        waits = actions.base_blob or actions.version
        assert any(getattr(waits, name) for name in ("delete", "tier_to_cool", "tier_to_archive"))
        assert rule.definition.filters.blob_types == ["blockBlob"]


def test_s3_moves_holds_and_arms_one_version(s3: tuple[str, dict[str, str]]) -> None:
    root, options = s3
    there, store = s3_lifecycle.connect(root, Options.read(options)), open_store(root, options)
    location = store.put("a", b"data", tags={"team": "red"})
    there.arm(location, "logs", 0.0)
    assert store.tags(location) == {"team": "red", LIFECYCLE_TAG: "logs"}
    there.hold(location)
    client = botocore.session.get_session().create_client("s3", endpoint_url=options["endpoint"])
    held = client.get_object_legal_hold(Bucket=root.removeprefix("s3://"), Key="a", VersionId=location.version)
    assert held["LegalHold"]["Status"] == "ON"
    there.change_class(location, "STANDARD_IA")
    now = store.stat(Location(root, "a"))
    assert now.storage_class == "STANDARD_IA"
    assert store.tags(now.location)["team"] == "red"


def test_cloud_storage_moves_holds_and_arms_one_generation(gs: tuple[str, dict[str, str]]) -> None:
    root, options = gs
    there, store = gcs_lifecycle.connect(root, Options.read(options)), open_store(root, options)
    location = store.put("a", b"data", tags={"team": "red"})
    there.arm(location, "logs", -10 * DAY)
    assert store.tags(location) == {"team": "red", LIFECYCLE_TAG: "logs"}
    assert there._blob(location).exists()
    there.arm(location, "logs", 10 * DAY)
    with pytest.raises(Conflict, match="can only grow"):
        there.arm(location, "logs", 5 * DAY)
    there.change_class(location, "ARCHIVE")
    moved = store.stat(Location(root, "a"))
    assert moved.storage_class == "ARCHIVE"
    with pytest.raises((Conflict, Gone)):
        there.change_class(location, "COLDLINE")
    there.hold(moved.location)
    with pytest.raises(Exception, match="hold"):
        store.delete(moved.location)


def test_azure_moves_and_arms_one_blob(az: tuple[str, dict[str, str]]) -> None:
    root, options = az
    there, store = blob_lifecycle.connect(root, Options.read(options)), open_store(root, options)
    location = store.put("a/b", b"data", tags={"team": "red"})
    there.arm(location, "logs", 0.0)
    assert store.tags(location) == {"team": "red", LIFECYCLE_TAG: "logs"}
    there.change_class(location, "Cool")
    assert store.stat(Location(root, "a/b")).storage_class == "Cool"


def test_buckets_tell_how_they_are_set_up(request: pytest.FixtureRequest) -> None:
    s3_options, gs_options, az_options = (options_of(scheme, request) for scheme in ("s3", "gs", "az"))
    plain, locked = made("s3", s3_options), made("s3", s3_options, versioned=True, locks=True)
    assert s3_lifecycle.connect(plain, Options.read(s3_options)).features() == Features()
    assert s3_lifecycle.connect(locked, Options.read(s3_options)).features() == Features(versioned=True, locks=True)
    versioned = gcs_lifecycle.connect(made("gs", gs_options, versioned=True), Options.read(gs_options)).features()
    assert versioned.versioned
    connected = blob_lifecycle.connect(root := made("az", az_options), Options.read(az_options))
    told = {
        "isVersioningEnabled": True,
        "deleteRetentionPolicy": {"enabled": True, "days": 7},
        "lastAccessTimeTrackingPolicy": {"enable": True},
    }
    there = blob_lifecycle.BlobLifecycle(root, connected._service, connected._store, Account(properties=told))
    assert there.features() == Features(versioned=True, soft_delete=604_800, locks=True, last_access=True)
    assert open_target("file:///folder") is None
    assert open_target("memory://bucket") is None
    assert open_target(plain, s3_options) is not None
