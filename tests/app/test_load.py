"""The app as it is built from the environment: what cannot work stops the start, in one line with a remedy."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse import settings
from customhouse.app import load
from customhouse.errors import ConfigError
from customhouse.model import Event, Location
from customhouse.policy.load import default
from customhouse.stores import open_store

POLICY = "version: 1\nrules: [{name: all, verdict: held}]\n"
RECORDS = {"CUSTOMHOUSE_RECORDS": "memory://records"}


def refusal(environment: Mapping[str, str]) -> str:
    with pytest.raises(ConfigError) as caught:
        load(RECORDS | environment)
    said = str(caught.value)
    assert "\n" not in said
    return said


def test_a_policy_is_a_file_or_stands_in_a_store(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(POLICY)
    store = open_store(f"memory://policies-{uuid.uuid4().hex}")
    store.put("p.yaml", POLICY.encode())
    store.put("teams/a/p.yaml", POLICY.encode())
    urls = (
        str(tmp_path / "p.yaml"),
        f"{store.root}/p.yaml",
        f"{store.root}/teams/a/p.yaml",
        f"file://{tmp_path}/p.yaml",
    )
    for url in urls:
        assert load(RECORDS | {"CUSTOMHOUSE_POLICY": url}).policy.policy.rules[0].name == "all"
    assert load(RECORDS).policy is default()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("{folder}/none.yaml", "No such file or directory"),
        ("{folder}", "Is a directory"),
        ("{folder}/latin.yaml", "can't decode byte 0xe9"),
        ("file://{folder}/none.yaml", "none.yaml"),
        ("file://{folder}/latin.yaml", "can't decode byte 0xe9"),
        ("memory://policies/none.yaml", "does not exist"),
    ],
)
def test_a_policy_that_does_not_read_is_named_with_the_reason(tmp_path: Path, url: str, says: str) -> None:
    (tmp_path / "latin.yaml").write_bytes("# é\n".encode("latin-1") + POLICY.encode())
    named = url.format(folder=tmp_path)
    said = refusal({"CUSTOMHOUSE_POLICY": named})
    assert said.startswith(f"CUSTOMHOUSE_POLICY: {named} does not read (")
    assert says in said
    assert said.endswith("; name a policy file in UTF-8")


def test_a_mistake_in_a_policy_of_a_store_is_named_with_its_url_and_line() -> None:
    store = open_store(f"memory://policies-{uuid.uuid4().hex}")
    store.put("p.yaml", b"version: 1\nrulez: []\n")
    assert refusal({"CUSTOMHOUSE_POLICY": f"{store.root}/p.yaml"}).startswith(f"{store.root}/p.yaml:1: ")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"CUSTOMHOUSE_RECORDS": ""}, "environment: CUSTOMHOUSE_RECORDS is not set; name the store"),
        ({"CUSTOMHOUSE_RECORDS": "bucket"}, "'bucket' names no store"),
        ({"CUSTOMHOUSE_RECORDS": "file://here"}, "is no absolute folder"),
        ({"CUSTOMHOUSE_RELEASED": "s3://"}, "'s3://' is incomplete"),
        ({"CUSTOMHOUSE_QUARANTINE": "az://account"}, "'az://account' is incomplete"),
        ({"CUSTOMHOUSE_INTAKE": "memory://in,in"}, "'in' names no store"),
        ({"CUSTOMHOUSE_POLICY": "ftp://host/p.yaml"}, "'ftp://host' names no store"),
    ],
)
def test_a_place_that_is_none_is_named(changes: dict[str, str], says: str) -> None:
    assert says in refusal(changes)


@pytest.mark.parametrize("name", ["INTAKE", "RELEASED", "QUARANTINE"])
@pytest.mark.parametrize(
    ("records", "place"),
    [
        ("memory://all", "memory://all"),
        ("memory://all", "memory://all/in"),
        ("memory://all/state", "memory://all/state"),
        ("memory://all/state/", "memory://all/state/in"),
        ("file:///srv/all", "file:///srv/all/"),
    ],
)
def test_nothing_that_is_to_be_inspected_may_lie_among_the_records(name: str, records: str, place: str) -> None:
    said = refusal({"CUSTOMHOUSE_RECORDS": records, f"CUSTOMHOUSE_{name}": place})
    assert said == f"CUSTOMHOUSE_RECORDS: {records} holds {place}; give records a place of their own"


@pytest.mark.parametrize(
    ("records", "place"),
    [
        ("memory://all/state", "memory://all"),
        ("memory://all/state", "memory://all/in"),
        ("memory://all/state", "memory://all/state-of-things"),
        ("memory://all", "memory://all2"),
    ],
)
def test_records_may_lie_beside_and_below_what_is_inspected(records: str, place: str) -> None:
    app = load({"CUSTOMHOUSE_RECORDS": records, "CUSTOMHOUSE_INTAKE": place})
    assert app.catalog.prefix == records.removeprefix("memory://all").lstrip("/") + ("/" if "state" in records else "")


def test_of_one_bucket_only_the_records_are_no_artifacts() -> None:
    root = f"memory://one-{uuid.uuid4().hex}"
    app = load({"CUSTOMHOUSE_RECORDS": f"{root}/state", "CUSTOMHOUSE_INTAKE": root, "CUSTOMHOUSE_NOTIFY": "log:"})
    store = app.store(root)
    found = {
        key: app.process(Event(store.put(key, b"text"), "test")).status
        for key in ("state/records/x", "state", "states/x", "a/state/x")
    }
    assert found == {"state/records/x": "ignored", "state": "decided", "states/x": "decided", "a/state/x": "decided"}


def test_targets_are_those_that_are_configured() -> None:
    assert load(RECORDS).targets == {}
    both = load(RECORDS | {"CUSTOMHOUSE_RELEASED": "memory://out/eu", "CUSTOMHOUSE_QUARANTINE": "memory://bad"}).targets
    assert {name: (target.root, target.prefix) for name, target in both.items()} == {
        "released": ("memory://out", "eu/"),
        "quarantine": ("memory://bad", ""),
    }


def test_a_store_is_opened_once() -> None:
    app = load(RECORDS)
    assert app.store("memory://a") is app.store("memory://a")
    assert app.catalog.store is app.store("memory://records")


def test_a_job_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(ConfigError, match=r"no job 'nightly'; there are reconcile, advisories, rematch, lifecycle"):
        load(RECORDS).run_schedule("nightly", 1)


WORD = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=","), min_size=1).filter(
    lambda word: word == word.strip()
)


@given(st.lists(WORD, max_size=5), st.sampled_from([",", " , ", ",,", ",\n"]))
def test_lists_are_separated_by_commas_and_empty_words_are_none(words: list[str], comma: str) -> None:
    read = settings.read(RECORDS | {"CUSTOMHOUSE_IN_USE": comma.join(words) + comma})
    assert read.in_use == tuple(words)


def test_what_is_not_set_has_its_default_and_empty_is_not_set() -> None:
    names = ("RELEASED", "QUARANTINE", "INTAKE", "IN_USE", "POLICY", "NOTIFY", "ADVISORIES", "ECOSYSTEMS")
    empty = settings.read(RECORDS | {f"CUSTOMHOUSE_{name}": "" for name in names})
    assert empty == settings.read(RECORDS) == settings.Settings(records="memory://records")
    assert empty.advisories.startswith("https://")
    assert "PyPI" in empty.ecosystems


def test_no_secret_is_shown_with_the_settings() -> None:
    shown = repr(settings.read(RECORDS | {"CUSTOMHOUSE_NOTIFY_SECRET": "hunter2"}))
    assert "hunter2" not in shown


def test_an_account_is_reached_as_the_environment_says_and_only_on_azure() -> None:
    read = settings.read(RECORDS | {"AZURE_STORAGE_CONNECTION_STRING": "UseDevelopmentStorage=true"})
    assert read.options == {"azure_connection_string": "UseDevelopmentStorage=true"}
    assert load(RECORDS | {"AZURE_STORAGE_CONNECTION_STRING": "x"}).store("memory://a").root == "memory://a"


def test_an_event_about_a_store_that_is_none_is_named() -> None:
    with pytest.raises(ConfigError, match="names no store"):
        load(RECORDS).process(Event(Location("ftp://host", "k"), "test"))
