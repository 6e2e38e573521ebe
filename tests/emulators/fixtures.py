"""The three clouds on loopback, once per session; a pytest plugin that tests/conftest.py names.

Each emulator is imported when it is asked for: a run without it needs none of its packages.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.emulators.gcs import Emulator

_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """moto's URL; the AWS SDKs find credentials in the environment meanwhile."""
    s3 = pytest.importorskip("tests.emulators.s3", reason="moto is not installed", exc_type=ImportError)
    before = {name: os.environ.get(name) for name in _CREDENTIALS}
    os.environ.update(_CREDENTIALS)
    try:
        with s3.running() as endpoint:
            yield endpoint
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value


@pytest.fixture(scope="session")
def gcs_emulator() -> Iterator[Emulator]:
    """The Cloud Storage emulator of tests/emulators/gcs."""
    gcs = pytest.importorskip("tests.emulators.gcs", reason="google-crc32c is not installed", exc_type=ImportError)
    with gcs.running() as emulator:
        yield emulator


@pytest.fixture(scope="session")
def azure_connection_string() -> Iterator[str]:
    """Azurite's connection string; skipped with the reason where Azurite cannot be had."""
    from tests.emulators import azurite  # noqa: PLC0415 -- as the others

    try:
        command = azurite.command()
    except azurite.UnavailableError as reason:
        pytest.skip(f"Azurite cannot be installed: {reason}")
    with azurite.running(command) as running:
        yield running.connection_string
