"""Deletes a second and requests per deleted object, of apply's own work and against the emulators of three clouds.

An emulator answers in Python or JavaScript on the same two cores: its rates tell which kind of delete costs how much
beside another, not what a cloud would do. The requests per object are the same there.
"""

from __future__ import annotations

import http.client
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from customhouse.lifecycle import plan
from customhouse.lifecycle.apply import apply
from customhouse.lifecycle.execute import Bucket
from customhouse.lifecycle.inventory.live import rows
from customhouse.lifecycle.limits import Limits
from customhouse.lifecycle.plan import Plan
from customhouse.lifecycle.vocabulary import load
from customhouse.ports import LifecycleTarget, Store
from customhouse.stores import open_store
from customhouse.stores.open_lifecycle import open_target

IN_MEMORY, EMULATED = 5_000, 300
NOW = 4e9  # seconds: long after every object of this benchmark was put
RULE: dict[str, Any] = {"id": "purge", "do": "delete", "undo": "none", "age": "1d", "select": {"prefix": "in/"}}
KINDS: Mapping[str, Mapping[str, Any]] = {
    "for_good": {},
    "for_good_unless_pinned": {"protect": {"tag": {"pinned": "true"}}},
    "with_undo": {"undo": "7d"},
}
VERSIONED = ("s3", "gs")
"""Whose buckets keep old versions in the emulators."""


class Requests:
    """Counts what goes out by HTTP: all three SDKs end in the standard library's connection."""

    count = 0

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count for as long as the block lasts."""
        original = http.client.HTTPConnection.putrequest

        def putrequest(*arguments: Any, **options: Any) -> None:  # noqa: ANN401 -- as the original
            self.count += 1
            original(*arguments, **options)

        http.client.HTTPConnection.putrequest = putrequest  # type: ignore[method-assign] # put back below
        try:
            yield
        finally:
            http.client.HTTPConnection.putrequest = original  # type: ignore[method-assign] # as above


def measured() -> dict[str, dict[str, Any]]:
    """Figures by store and kind of delete; a store whose emulator is not there is left out, with the reason."""
    found: dict[str, dict[str, Any]] = {"memory": _store({}, "memory", IN_MEMORY)}
    for scheme in ("s3", "gs", "az"):
        with ExitStack() as stack:
            try:
                options = _emulator(stack, scheme)
            except Exception as reason:  # noqa: BLE001 -- whatever keeps an emulator from starting is told
                found[scheme] = {"left_out": str(reason)}
                continue
            found[scheme] = _store(options, scheme, EMULATED)
    return found


def _emulator(stack: ExitStack, scheme: str) -> dict[str, str]:
    from tests.emulators import azurite, gcs, s3  # noqa: PLC0415 -- the packages of a developer's environment

    if scheme == "s3":
        os.environ.update(AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x", AWS_DEFAULT_REGION="us-east-1")  # noqa: S106 -- the emulator takes any
        return {"endpoint": stack.enter_context(s3.running())}
    if scheme == "gs":
        return {"endpoint": stack.enter_context(gcs.running()).url}
    return {"azure_connection_string": stack.enter_context(azurite.running()).connection_string}


def _store(options: Mapping[str, str], scheme: str, count: int) -> dict[str, Any]:
    found = {name: _applied(_filled(options, scheme, count), rule, count) for name, rule in KINDS.items()}
    if scheme in VERSIONED:
        store = _filled(options, scheme, count, versioned=True)
        found["old_versions_for_good"] = _applied(store, {"noncurrent": "1d"}, count, open_target(store.root, options))
    return found


def _filled(options: Mapping[str, str], scheme: str, count: int, *, versioned: bool = False) -> Store:
    from tests.lifecycle.buckets import made, name  # noqa: PLC0415 -- as above

    root = f"memory://{name()}" if scheme == "memory" else made(scheme, dict(options), versioned=versioned)
    store = open_store(root, options)
    for at in range(count * (1 + versioned)):
        store.put(f"in/{at % count:06}", b"x")
    return store


def _applied(
    store: Store, rule: Mapping[str, Any], count: int, target: LifecycleTarget | None = None
) -> dict[str, float]:
    made, bucket = _planned(store, rule), Bucket.of(store, target)
    requests, began = Requests(), time.perf_counter()
    with requests.counted():
        outcomes = list(apply(made, {store.root: bucket}, NOW, limits=Limits(max_share=1)))
    seconds = time.perf_counter() - began
    assert [outcome.status for outcome in outcomes] == ["done"] * count
    return {"deletes_per_second": count / seconds, "requests_per_delete": requests.count / count}


def _planned(store: Store, rule: Mapping[str, Any]) -> Plan:
    found = list(rows(store, NOW, versions="noncurrent" in rule))
    return plan.make(load([RULE | rule]), found, NOW)
