"""The three clouds on loopback, once per session: import the fixtures, or name this module as a pytest plugin."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.emulators import azurite, gcs, s3

_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """moto's URL; the AWS SDKs find credentials in the environment meanwhile."""
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
def gcs_emulator() -> Iterator[gcs.Emulator]:
    """The Cloud Storage emulator of tests/emulators/gcs."""
    with gcs.running() as emulator:
        yield emulator


@pytest.fixture(scope="session")
def azure_connection_string() -> Iterator[str]:
    """Azurite's connection string; skipped with the reason where Azurite cannot be had."""
    try:
        command = azurite.command()
    except azurite.UnavailableError as reason:
        pytest.skip(f"Azurite cannot be installed: {reason}")
    with azurite.running(command) as running:
        yield running.connection_string
