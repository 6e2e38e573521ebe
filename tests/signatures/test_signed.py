"""Artifacts and their signatures, arriving in any order, any number of times."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from customhouse.app import App
from customhouse.errors import Transient
from customhouse.model import VERDICT_TAG, Event, Location
from customhouse.policy.load import Loaded
from customhouse.stores import open_store
from customhouse.stores.local import LocalStore
from tests.app.world import NOW, PARTS, World, memory
from tests.signatures.authority import Authority, provenance, publish
from tests.signatures.policies import IDENTITIES, asking
from tests.stores.faults import Calls, Killed

DATA = b"what was released"
KEY = "in/acme-1.0.bin"
NAME = "acme-1.0.bin"
OURS = Authority()
STRANGERS = Authority()
SIGNED = json.dumps(OURS.sign_bytes(DATA, OURS.signer())).encode()
FORGED = json.dumps(STRANGERS.sign_bytes(DATA, STRANGERS.signer())).encode()
REQUIRED = asking(OURS, {"name": "*.bin", "require": ["signature"], "identities": IDENTITIES})
WELCOME = asking(OURS, {"name": "*.bin", "identities": IDENTITIES})
CHECKED = asking(OURS, {"name": "*.bin", "require": ["checksum"]})


@pytest.fixture(params=["unversioned", "versioned", "folder"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    if request.param == "folder":
        for part in PARTS:
            (tmp_path / part).mkdir()
        return World.of(lambda part: open_store(f"file://{tmp_path / part}"))
    return World.of(memory(versioned=request.param == "versioned"))


def sums(data: bytes, algorithm: str = "sha256", name: str = NAME) -> bytes:
    return f"{hashlib.new(algorithm, data).hexdigest()}  {name}\n".encode()


def verdict(world: World) -> str:
    """The last verdict on the artifact, which its tag says too where it still stands."""
    (record,) = [record for record in world.records() if record.location.key == KEY]
    assert record.state == "done"
    assert record.decision is not None
    tagged = world.state()["intake"].get(NAME)  # type: ignore[attr-defined]  # a mapping
    assert tagged is None or tagged[1][VERDICT_TAG] == record.decision.verdict
    return record.decision.verdict


def reasons(world: World) -> str:
    (record,) = [record for record in world.records() if record.location.key == KEY]
    assert record.decision is not None
    return "\n".join(record.decision.reasons)


def live(world: World, part: str) -> set[str]:
    return set(world.state()[part])  # type: ignore[call-overload,no-any-return]  # a mapping


def deliver(app: App, world: World, *files: tuple[str, bytes]) -> list[Event]:
    events = []
    for key, data in files:
        events.append(world.upload(key, data))
        app.process(events[-1])
    return events


def test_unsigned_artifact_is_held_where_a_signature_is_required(world: World) -> None:
    deliver(world.app(policy=REQUIRED), world, (KEY, DATA))
    assert verdict(world) == "held"
    assert "no signature" in reasons(world)
    assert live(world, "released") == set()


def test_signature_that_comes_later_releases_what_was_held(world: World) -> None:
    deliver(world.app(policy=REQUIRED), world, (KEY, DATA), (f"{KEY}.sigstore.json", SIGNED))
    assert verdict(world) == "clean"
    assert live(world, "released") == {NAME, f"{NAME}.sigstore.json"}


def test_signature_that_was_there_first_counts_at_once(world: World) -> None:
    deliver(world.app(policy=REQUIRED), world, (f"{KEY}.sigstore.json", SIGNED), (KEY, DATA))
    assert verdict(world) == "clean"
    assert live(world, "released") == {NAME, f"{NAME}.sigstore.json"}


def test_record_says_who_signed(world: World) -> None:
    deliver(world.app(policy=REQUIRED), world, (f"{KEY}.sigstore.json", SIGNED), (KEY, DATA))
    (inspection,) = [one.inspection for one in world.records() if one.location.key == KEY]
    assert inspection is not None
    (signature,) = inspection.signatures
    assert (signature.kind, signature.status) == ("signature", "verified")
    assert signature.subject.startswith("https://github.com/acme/app/")
    assert inspection.engines["signatures"].startswith("sigstore ")


@pytest.mark.parametrize("first", ["artifact", "signature"])
def test_signature_of_a_stranger_quarantines(world: World, first: str) -> None:
    files = [(KEY, DATA), (f"{KEY}.sigstore.json", FORGED)]
    deliver(world.app(policy=REQUIRED), world, *(files if first == "artifact" else files[::-1]))
    assert verdict(world) == "quarantined"
    assert NAME in live(world, "quarantine")
    assert NAME not in live(world, "intake") | live(world, "released")


def test_bad_signature_takes_back_what_was_released(world: World) -> None:
    app = world.app(policy=WELCOME)
    deliver(app, world, (KEY, DATA))
    assert live(world, "released") == {NAME}
    deliver(app, world, (f"{KEY}.sigstore.json", FORGED))
    assert verdict(world) == "quarantined"
    assert NAME not in live(world, "released") | live(world, "intake")
    assert [one["verdict"] for one in world.told.messages] == ["quarantined"]


def test_unsigned_artifact_is_clean_where_no_signature_is_required(world: World) -> None:
    deliver(world.app(policy=WELCOME), world, (KEY, DATA))
    assert verdict(world) == "clean"


def test_what_is_found_inside_counts_however_it_is_signed(world: World) -> None:
    app = world.app(policy=asking(OURS, {"name": "*", "identities": IDENTITIES}))
    deliver(app, world, ("in/a.whl.sigstore.json", SIGNED))
    result = app.process(world.upload("in/a.whl", DATA))  # which is no wheel
    assert result.verdict == "quarantined"
    assert result.record is not None
    assert result.record.inspection is not None
    assert [one.status for one in result.record.inspection.signatures] == ["verified"]
    assert [one.rule for one in result.record.inspection.findings] == ["name-mismatch"]


def test_attestation_and_provenance_may_both_be_required(world: World) -> None:
    rule = {"name": "*.bin", "require": ["signature", "provenance"], "identities": IDENTITIES}
    app = world.app(policy=asking(OURS, rule))
    published = json.dumps(OURS.sign_statement(publish(NAME, DATA), OURS.signer())).encode()
    built = json.dumps(OURS.sign_statement(provenance(NAME, DATA), OURS.signer())).encode()
    deliver(app, world, (KEY, DATA), (f"{KEY}.publish.attestation", published))
    assert verdict(world) == "held"
    assert "no provenance" in reasons(world)
    deliver(app, world, (f"{KEY}.intoto.jsonl", built))
    assert verdict(world) == "clean"


@pytest.mark.parametrize("first", ["artifact", "checksum"])
@pytest.mark.parametrize("beside", [".sha256", ".sha512", "/../SHA256SUMS"])
def test_checksum_that_matches_satisfies_a_rule_that_asks_for_one(world: World, first: str, beside: str) -> None:
    key = "in/SHA256SUMS" if ".." in beside else KEY + beside
    text = sums(DATA, "sha512" if "512" in beside else "sha256") + sums(b"", name="other")
    files = [(KEY, DATA), (key, text)]
    deliver(world.app(policy=CHECKED), world, *(files if first == "artifact" else files[::-1]))
    assert verdict(world) == "clean"


@pytest.mark.parametrize("first", ["artifact", "checksum"])
def test_checksum_of_other_bytes_quarantines(world: World, first: str) -> None:
    files = [(KEY, DATA), (f"{KEY}.sha512", sums(b"other", "sha512"))]
    deliver(world.app(policy=CHECKED), world, *(files if first == "artifact" else files[::-1]))
    assert verdict(world) == "quarantined"
    assert "sha512" in reasons(world)


def test_checksum_never_passes_for_a_signature(world: World) -> None:
    deliver(world.app(policy=REQUIRED), world, (KEY, DATA), (f"{KEY}.sha256", sums(DATA)))
    assert verdict(world) == "held"


@pytest.mark.parametrize("algorithm", ["md5", "sha1"])
def test_weak_checksum_alone_is_flagged(world: World, algorithm: str) -> None:
    app = world.app(policy=CHECKED)
    deliver(app, world, (KEY, DATA), (f"{KEY}.{algorithm}", sums(DATA, algorithm)))
    assert verdict(world) == "flagged"
    assert f"the only checksum is {algorithm}" in reasons(world)
    deliver(app, world, (f"{KEY}.sha256", sums(DATA)))
    assert verdict(world) == "clean"


def test_checksum_that_names_another_file_proves_nothing(world: World) -> None:
    deliver(world.app(policy=CHECKED), world, (KEY, DATA), (f"{KEY}.sha256", sums(DATA, name="other.bin")))
    assert verdict(world) == "held"
    assert "names another file" in reasons(world)


def test_list_of_a_folder_reopens_each_of_its_files(world: World) -> None:
    app = world.app(policy=CHECKED)
    names = [f"p{n}-1.0.bin" for n in range(3)]
    deliver(app, world, *((f"in/{name}", name.encode()) for name in names))
    text = b"".join(sums(name.encode(), name=name) for name in names[:2]) + sums(b"", name="absent.bin")
    deliver(app, world, ("in/SHA256SUMS", text))
    assert live(world, "released") == {*names[:2], "SHA256SUMS"}


def test_list_that_is_junk_holds_its_folder_and_condemns_nothing(world: World) -> None:
    deliver(world.app(policy=CHECKED), world, ("in/SHA256SUMS", b"junk"), (KEY, DATA))
    assert verdict(world) == "held"


def listed_and_signed(authority: Authority, data: bytes = DATA) -> dict[str, tuple[str, bytes]]:
    text = sums(data) + sums(b"", name="other")
    signed = json.dumps(authority.sign_bytes(text, authority.signer())).encode()
    return {"A": (KEY, DATA), "L": ("in/SHA256SUMS", text), "S": ("in/SHA256SUMS.sigstore.json", signed)}


@pytest.mark.parametrize("order", ["ALS", "ASL", "LAS", "LSA", "SAL", "SLA"])
def test_signature_of_the_list_is_one_of_each_file_in_it(world: World, order: str) -> None:
    files = listed_and_signed(OURS)
    deliver(world.app(policy=REQUIRED), world, *(files[one] for one in order))
    assert verdict(world) == "clean"
    assert live(world, "released") == {NAME, "SHA256SUMS", "SHA256SUMS.sigstore.json"}


@pytest.mark.parametrize("order", ["ALS", "SLA"])
def test_list_signed_by_a_stranger_proves_nothing(world: World, order: str) -> None:
    files = listed_and_signed(STRANGERS)
    deliver(world.app(policy=REQUIRED), world, *(files[one] for one in order))
    assert verdict(world) == "held"


def test_signed_list_of_other_bytes_quarantines(world: World) -> None:
    deliver(world.app(policy=REQUIRED), world, *listed_and_signed(OURS, b"other").values())
    assert verdict(world) == "quarantined"


def test_list_that_was_changed_after_it_was_signed_proves_nothing(world: World) -> None:
    files = listed_and_signed(OURS, b"other")
    files["L"] = (files["L"][0], sums(DATA))
    deliver(world.app(policy=REQUIRED), world, *files.values())
    assert verdict(world) == "held"


@pytest.mark.parametrize("first", ["artifact", "signature"])
def test_junk_called_a_signature_condemns_the_artifact_and_is_held_itself(world: World, first: str) -> None:
    files = [(KEY, DATA), (f"{KEY}.sigstore.json", b"junk")]
    deliver(world.app(policy=REQUIRED), world, *(files if first == "artifact" else files[::-1]))
    assert verdict(world) == "quarantined"
    assert live(world, "released") == set()
    assert live(world, "intake") == {f"{NAME}.sigstore.json"}


def test_huge_file_called_a_signature_is_not_read_and_holds(world: World) -> None:
    app = world.app(policy=asking(OURS, {"name": "*.bin", "identities": IDENTITIES}, largest=1000))
    deliver(app, world, (KEY, DATA), (f"{KEY}.sigstore.json", b" " * 1001))
    assert verdict(world) == "held"
    assert "larger than 1,000 bytes" in reasons(world)


def test_program_called_a_checksum_is_held(world: World) -> None:
    app = world.app(policy=asking(OURS, {"name": "*", "require": ["signature"], "identities": IDENTITIES}))
    result = app.process(world.upload("in/evil.sha256", b"\x7fELF" + bytes(100)))
    assert result.verdict == "held"


def test_signatures_are_not_asked_for_signatures(world: World) -> None:
    app = world.app(policy=asking(OURS, {"name": "*", "require": ["signature"], "identities": IDENTITIES}))
    assert app.process(world.upload("in/a.sigstore.json", SIGNED)).verdict == "clean"


def test_key_based_signature_cannot_be_verified_and_holds(world: World) -> None:
    old = json.dumps({"base64Signature": "c2ln", "cert": "", "rekorBundle": {}}).encode()
    deliver(world.app(policy=WELCOME), world, (KEY, DATA), (f"{KEY}.cosign.bundle", old))
    assert verdict(world) == "held"


def test_overwritten_artifact_needs_a_signature_of_its_own(world: World) -> None:
    app = world.app(policy=REQUIRED)
    deliver(app, world, (KEY, DATA), (f"{KEY}.sigstore.json", SIGNED))
    result = app.process(world.upload(KEY, b"other bytes under the same name"))
    assert result.verdict == "quarantined"


def test_crowd_of_names_hides_no_missing_signature(world: World) -> None:
    for n in range(1001):
        world.stores["intake"].put(f"{KEY}.{n:04}", b"")
    deliver(world.app(policy=WELCOME), world, (KEY, DATA))
    assert verdict(world) == "held"
    assert "too many names" in reasons(world)


def test_redelivery_of_either_changes_nothing(world: World) -> None:
    app = world.app(policy=REQUIRED)
    events = deliver(app, world, (KEY, DATA), (f"{KEY}.sigstore.json", SIGNED))
    before = world.state()
    for event in [*events, *events[::-1]]:
        calls = Calls()
        assert world.app(calls, policy=REQUIRED).process(event).status == "duplicate"
        assert not {"tag", "copy", "delete"} & set(calls.made)
    assert world.state() == before


def test_signature_delivered_while_its_artifact_is_worked_on_comes_back(world: World) -> None:
    app = world.app(policy=REQUIRED)
    artifact = world.upload(KEY, DATA)
    with world.stores["intake"].read(artifact.location) as body:
        app.catalog.claim(body.stat, NOW)
    signature = world.upload(f"{KEY}.sigstore.json", SIGNED)
    with pytest.raises(Transient):
        app.process(signature)
    later = world.app(policy=REQUIRED, now=NOW + 10_000)
    assert later.process(signature).status == "duplicate"
    assert verdict(world) == "clean"


def test_artifact_whose_own_event_is_still_on_its_way_is_decided_by_then(world: World) -> None:
    app = world.app(policy=REQUIRED)
    artifact, signature = world.upload(KEY, DATA), world.upload(f"{KEY}.sigstore.json", SIGNED)
    app.process(signature)
    assert verdict(world) == "clean"
    assert app.process(artifact).status == "duplicate"


def test_without_rules_for_it_nothing_beside_is_looked_at(world: World) -> None:
    event, calls = world.upload(KEY, DATA), Calls()
    world.upload(f"{KEY}.sigstore.json", FORGED)
    world.app(calls, policy=asking(OURS, {"name": "elsewhere/*", "identities": IDENTITIES})).process(event)
    assert not {"list"} & set(calls.made)
    assert calls.made.count("read") == 1


def test_signed_artifact_costs_a_listing_and_a_read_for_each_file(world: World) -> None:
    world.upload(f"{KEY}.sigstore.json", SIGNED)
    event, calls = world.upload(KEY, DATA), Calls()
    world.app(calls, policy=REQUIRED).process(event)
    assert calls.made.count("list") == 1
    assert calls.made.count("read") == 3


SCENES: dict[str, tuple[bytes, str]] = {"good": (SIGNED, "clean"), "bad": (FORGED, "quarantined")}


@pytest.mark.parametrize("mode", ["before", "after"])
@pytest.mark.parametrize("scene", sorted(SCENES))
def test_killed_at_any_call_of_the_signatures_event_it_ends_the_same(scene: str, mode: str) -> None:
    data, expected = SCENES[scene]

    def after(kill: Callable[[int], Calls | None], number: int) -> tuple[bool, World]:
        world = World.of(memory(versioned=True))
        policy = WELCOME if scene == "bad" else REQUIRED
        deliver(world.app(policy=policy), world, (KEY, DATA))
        event, died = world.upload(f"{KEY}.sigstore.json", data), False
        try:
            world.app(kill(number), policy=policy).process(event)
        except Killed:
            died = True
        if died:
            world.app(policy=policy, now=NOW + 10_000).process(event)
            world.app(policy=policy, now=NOW + 20_000).run_schedule("reconcile", 60)
        return died, world

    _, undisturbed = after(lambda _: None, 0)
    number, died = 0, True
    while died:
        number += 1
        died, world = after(lambda n: Calls(n, mode), number)  # type: ignore[arg-type]  # one of the two modes
        assert verdict(world) == expected
        for part in ("intake", "released", "quarantine"):
            assert live(world, part) == live(undisturbed, part), f"{mode} call {number}"
    assert number > 8


MOVING = asking(
    OURS, {"name": "*.bin", "identities": IDENTITIES}, actions={"clean": ["promote", "delete"], "held": ["tag"]}
)


def test_artifact_that_was_moved_when_it_was_released_is_found_there(world: World) -> None:
    app = world.app(policy=MOVING)
    deliver(app, world, (KEY, DATA))
    assert (live(world, "intake"), live(world, "released")) == (set(), {NAME})
    deliver(app, world, (f"{KEY}.sha512", sums(DATA, "sha512")))
    assert verdict(world) == "clean"
    deliver(app, world, (f"{KEY}.sigstore.json", FORGED))
    assert verdict(world) == "quarantined"
    assert NAME not in live(world, "released")
    assert NAME in live(world, "quarantine")


@pytest.mark.parametrize("order", ["ALS", "SLA"])
def test_signatures_that_were_moved_when_they_were_released_count_there(world: World, order: str) -> None:
    rule = {"name": "*.bin", "require": ["signature"], "identities": IDENTITIES}
    policy = asking(OURS, rule, actions={"clean": ["promote", "delete"]})
    files = listed_and_signed(OURS)
    deliver(world.app(policy=policy), world, *(files[one] for one in order))
    assert verdict(world) == "clean"
    assert (live(world, "intake"), NAME in live(world, "released")) == (set(), True)


def test_what_was_condemned_stays_where_it_is(world: World) -> None:
    app = world.app(policy=WELCOME)
    deliver(app, world, (KEY, DATA), (f"{KEY}.sigstore.json", FORGED), (f"{KEY}.sigstore", SIGNED))
    assert verdict(world) == "quarantined"
    assert NAME in live(world, "quarantine")


class Moving(LocalStore):
    """A store where a tag is metadata, whose change gives the object a new etag (a hierarchical Azure account)."""

    def tag(self, location: Location, changes: Mapping[str, str | None]) -> Location:
        before = self.stat(location)
        path = Path(self.root.removeprefix("file://")) / location.key
        os.utime(path, (before.modified + 1, before.modified + 1))
        return super().tag(Location(self.root, location.key), changes)


@pytest.mark.parametrize(("data", "expected"), [(SIGNED, "clean"), (FORGED, "quarantined")])
@pytest.mark.parametrize("policy", [REQUIRED, WELCOME])
def test_artifact_whose_etag_moved_when_it_was_tagged_is_found(
    tmp_path: Path, data: bytes, expected: str, policy: Loaded
) -> None:
    for part in PARTS:
        (tmp_path / part).mkdir()
    world = World.of(lambda part: Moving(f"file://{tmp_path / part}"))
    app = world.app(policy=policy)
    deliver(app, world, (KEY, DATA), (f"{KEY}.sigstore.json", data))
    assert verdict(world) == expected
    assert (NAME in live(world, "released")) == (expected == "clean")
    assert (NAME in live(world, "intake")) == (expected == "clean")
