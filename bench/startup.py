"""What a cold start costs: each handler's import against the bare SDK client of its cloud, in fresh processes."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.runtimes.folders import ROOT, build

RUNS = 9
REPORT = ROOT / "build" / "bench" / "startup.json"
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_LAMBDA_FUNCTION_NAME": "bench",
}
BARE = {
    "aws": "import boto3; boto3.client('s3')",
    "gcp": "from google.cloud import storage; storage.Client.create_anonymous_client()",
    "azure": "from azure.storage.blob import BlobServiceClient; BlobServiceClient('https://a.blob.core.windows.net')",
}
HANDLER = {"aws": "import handler", "gcp": "import main", "azure": "import function_app"}


@dataclass(frozen=True)
class Start:
    """One cloud's medians over fresh processes on a warm disk, milliseconds of CPU and of wall clock."""

    cloud: str
    bare_cpu_ms: float
    handler_cpu_ms: float
    bare_wall_ms: float
    handler_wall_ms: float

    @property
    def ratio(self) -> float:
        """Handler over bare SDK, by CPU: what the machine's other work disturbs least."""
        return self.handler_cpu_ms / self.bare_cpu_ms


def _once(code: str, folder: Path) -> tuple[float, float]:
    """CPU and wall milliseconds of one fresh interpreter that runs `code` in `folder`."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", code], cwd=folder, env=_environment())
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, code
    return (usage.ru_utime + usage.ru_stime) * 1000, (time.perf_counter() - began) * 1000


def _environment() -> Mapping[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **ENVIRONMENT}


def measure(cloud: str, folder: Path) -> Start:
    """Run bare and handler in turns, so that a busy moment touches both; the first pair only warms the disk."""
    pairs = [(_once(BARE[cloud], folder), _once(HANDLER[cloud], folder)) for _ in range(RUNS + 1)][1:]
    columns = [[pair[side][clock] for pair in pairs] for clock in (0, 1) for side in (0, 1)]
    return Start(cloud, *(round(statistics.median(column), 1) for column in columns))


def main() -> None:
    """Print the table and write build/bench/startup.json."""
    starts = [measure(cloud, folder) for cloud, folder in build("aws", "gcp", "azure").items()]
    print(f"cold start, median of {RUNS} fresh processes: CPU ms (wall ms)")
    for start in starts:
        bare = f"bare SDK {start.bare_cpu_ms:6.1f} ({start.bare_wall_ms:6.1f})"
        handler = f"handler {start.handler_cpu_ms:6.1f} ({start.handler_wall_ms:6.1f})"
        print(f"  {start.cloud:5}  {bare}   {handler}   ratio {start.ratio:.2f}")
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps({one.cloud: {**asdict(one), "ratio": one.ratio} for one in starts}, indent=2))


if __name__ == "__main__":
    main()
