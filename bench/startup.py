"""What running costs beyond the SDK: handlers' cold starts, own CPU per event, store calls per event.

Each handler's import is measured against the bare SDK client of its cloud, in fresh processes. One event is measured
on memory stores, so that what is left is ours.
"""

from __future__ import annotations

import io
import json
import os
import random
import statistics
import subprocess
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import cast

from tests.runtimes.folders import ROOT, build

from customhouse import app
from customhouse.model import Event
from customhouse.ports import Store
from customhouse.stores import open_store

RUNS = 9
EVENTS = 50
ARTIFACT_BYTES = 100_000
REPORT = ROOT / "build" / "bench" / "startup.json"
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_LAMBDA_FUNCTION_NAME": "bench",
    "STORAGE_EMULATOR_HOST": "http://127.0.0.1:9",
    "AZURE_STORAGE_CONNECTION_STRING": "DefaultEndpointsProtocol=https;AccountName=bench;AccountKey=YmVuY2g=;",
}
BARE = {
    "aws": "import boto3; boto3.client('s3')",
    "gcp": "from google.cloud import storage; storage.Client.create_anonymous_client()",
    "azure": "from azure.storage.blob import BlobServiceClient; BlobServiceClient('https://a.blob.core.windows.net')",
}
HANDLER = {"aws": "import handler", "gcp": "import main", "azure": "import function_app"}
RECORDS = {"aws": "s3://bench", "gcp": "gs://bench", "azure": "az://bench/bench"}
READY = "; made = {module}.load(); made.catalog; made.scanners"


@dataclass(frozen=True)
class Start:
    """One cloud's medians over fresh processes on a warm disk, milliseconds of CPU and of wall clock.

    `bare` is the SDK and a client, `handler` the import of the entry, `ready` that with settings and policy read, a
    store client and every engine: all that the first event waits for.
    """

    cloud: str
    bare_cpu_ms: float
    handler_cpu_ms: float
    ready_cpu_ms: float
    bare_wall_ms: float
    handler_wall_ms: float
    ready_wall_ms: float

    @property
    def ratio(self) -> float:
        """Handler over bare SDK, by CPU: what the machine's other work disturbs least."""
        return self.handler_cpu_ms / self.bare_cpu_ms


def _once(cloud: str, code: str, folder: Path) -> tuple[float, float]:
    """CPU and wall milliseconds of one fresh interpreter that runs `code` in `folder`."""
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **ENVIRONMENT}
    environment["CUSTOMHOUSE_RECORDS"] = RECORDS[cloud]
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", code], cwd=folder, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, code
    return (usage.ru_utime + usage.ru_stime) * 1000, (time.perf_counter() - began) * 1000


def measure(cloud: str, folder: Path) -> Start:
    """Run the three in turns, so that a busy moment touches them all; the first round only warms the disk."""
    module = HANDLER[cloud].removeprefix("import ")
    codes = [BARE[cloud], HANDLER[cloud], HANDLER[cloud] + READY.format(module=module)]
    rounds = [[_once(cloud, code, folder) for code in codes] for _ in range(RUNS + 1)][1:]
    columns = [[one[code][clock] for one in rounds] for clock in (0, 1) for code in range(len(codes))]
    return Start(cloud, *(round(statistics.median(column), 1) for column in columns))


@dataclass
class _Counting:
    """Any store, and how often each of its methods was called."""

    store: Store
    calls: Counter[str] = field(default_factory=Counter)

    def __getattr__(self, name: str) -> object:
        if name != "root":
            self.calls[name] += 1
        return getattr(self.store, name)


@dataclass(frozen=True)
class PerEvent:
    """One clean artifact from event to record, warm: our CPU in milliseconds, and calls by store and method."""

    artifact_bytes: int
    cpu_ms: float
    object_calls: Mapping[str, float]
    record_calls: Mapping[str, float]


def measure_event() -> PerEvent:
    """The median over EVENTS artifacts that differ, after one that loads the engines."""
    roots = {purpose: f"memory://bench-{purpose}" for purpose in ("intake", "released", "quarantine", "records")}
    made = app.load({f"CUSTOMHOUSE_{purpose.upper()}": root for purpose, root in roots.items()})
    stores = {root: _Counting(open_store(root)) for root in roots.values()}
    made.open_store = lambda root: cast("Store", stores[root])
    events = [_upload(stores[roots["intake"]].store, number) for number in range(EVENTS + 1)]
    made.process(events[0])
    for store in stores.values():
        store.calls.clear()
    spent = [_cpu_ms(made, event) for event in events[1:]]
    records = stores.pop(roots["records"]).calls
    objects = sum((store.calls for store in stores.values()), Counter[str]())
    size = events[0].size or 0
    return PerEvent(size, round(statistics.median(spent), 2), _per_event(objects), _per_event(records))


def _upload(intake: Store, number: int) -> Event:
    """A zip of about 100 KB that holds source text, each one different."""
    chance = random.Random(number)  # noqa: S311 -- test data, no cryptography
    words = chance.choices(["return", "value", "left", "right", "total", "import", "for"], k=4000)
    noise = chance.randbytes(ARTIFACT_BYTES - 12_000)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("package/module.py", " ".join(words))
        archive.writestr("package/data.bin", noise)
    data = buffer.getvalue()
    return Event(intake.put(f"{number}.zip", data), "bench", size=len(data))


def _cpu_ms(made: app.App, event: Event) -> float:
    began = time.process_time()
    result = made.process(event)
    spent = (time.process_time() - began) * 1000
    assert result.verdict == "clean", result
    return spent


def _per_event(calls: Counter[str]) -> Mapping[str, float]:
    return {name: round(count / EVENTS, 2) for name, count in sorted(calls.items())}


def main() -> None:
    """Print the tables and write build/bench/startup.json."""
    starts = [measure(cloud, folder) for cloud, folder in build("aws", "gcp", "azure").items()]
    print(f"cold start, median of {RUNS} fresh processes: CPU ms (wall ms)")
    for start in starts:
        bare = f"bare SDK {start.bare_cpu_ms:6.1f} ({start.bare_wall_ms:6.1f})"
        handler = f"handler {start.handler_cpu_ms:6.1f} ({start.handler_wall_ms:6.1f})"
        ready = f"ready for an event {start.ready_cpu_ms:6.1f} ({start.ready_wall_ms:6.1f})"
        print(f"  {start.cloud:5}  {bare}   {handler}   handler/bare {start.ratio:.2f}   {ready}")
    event = measure_event()
    print(f"one clean {event.artifact_bytes // 1000} KB artifact, warm, median of {EVENTS}: {event.cpu_ms} ms CPU")
    print(f"  store calls per event: objects {event.object_calls}, records {event.record_calls}")
    cold = {one.cloud: {**asdict(one), "ratio": one.ratio} for one in starts}
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps({"cold_start": cold, "event": asdict(event)}, indent=2))


if __name__ == "__main__":
    main()
