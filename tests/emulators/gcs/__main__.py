"""`python -m tests.emulators.gcs PORT [PUSH_URL]`: serve until interrupted."""

from __future__ import annotations

import sys
import threading

from tests.emulators.gcs.notify import push
from tests.emulators.gcs.server import running


def main() -> None:
    subscribers = [push(url) for url in sys.argv[2:]]
    with running(int(sys.argv[1]), *subscribers):
        threading.Event().wait()


if __name__ == "__main__":
    main()
