"""`python -m tests.functions.rival KEY`: claim an uploaded object as another run would, and keep it."""

import os
import sys
import time

from customhouse import app
from customhouse.model import Location


def main(key: str) -> None:
    """Take the record of the intake object `key`; its lease outlives any test."""
    other = app.load()
    store = other.store(os.environ["CUSTOMHOUSE_INTAKE"])
    assert other.catalog.claim(store.stat(Location(store.root, key)), time.time())


if __name__ == "__main__":
    main(sys.argv[1])
