"""Debian's clamd with a database of one signature, on a unix socket, for as long as a block lasts."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LIMIT = 64 << 20
SIGNATURE = "aa15bcf478d165efd2065190eb473bcb:544:ClamAV-Test-File\n"


@contextmanager
def running(folder: Path) -> Iterator[Path | None]:
    """The path of its configuration; None where there is no clamd that starts."""
    command = shutil.which("clamd", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    configuration, address = folder / "clamd.conf", folder / "clamd.ctl"
    (folder / "one.hdb").write_text(SIGNATURE)
    configuration.write_text(
        f"Foreground yes\nLocalSocket {address}\nDatabaseDirectory {folder}\nUser root\nDisableCache yes\n"
        f"StreamMaxLength {LIMIT}\nMaxFileSize {LIMIT}\nMaxScanSize {LIMIT}\nAlertExceedsMax yes\n"
    )
    if command is None:
        yield None
        return
    process = subprocess.Popen([command, "-c", str(configuration)], stdout=subprocess.DEVNULL)
    try:
        yield configuration if _answers(process, address) else None
    finally:
        process.terminate()
        process.wait()


def _answers(process: subprocess.Popen[bytes], address: Path) -> bool:
    for _ in range(200):
        if process.poll() is not None:
            return False
        with socket.socket(socket.AF_UNIX) as probe:
            if address.exists() and probe.connect_ex(str(address)) == 0:
                return True
        time.sleep(0.1)
    return False
