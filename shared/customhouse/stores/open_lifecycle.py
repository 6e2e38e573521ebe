"""A bucket's lifecycle abilities, opened by URL like its store; folders and memory have none."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

from customhouse.errors import ConfigError
from customhouse.ports import LifecycleTarget
from customhouse.stores.options import Options

_ADAPTERS = {"s3": "s3_lifecycle", "gs": "gcs_lifecycle", "az": "blob_lifecycle"}


def open_target(
    root: str, options: Mapping[str, str] | None = None, management: Mapping[str, str] | None = None
) -> LifecycleTarget | None:
    """Open one bucket or container beyond its objects; None for `file://` and `memory://`.

    `management` holds Azure's `subscription` and resource `group`, without which its native policy is out of reach.
    ConfigError where the SDK is not installed.
    """
    scheme = root.partition(":")[0]
    if scheme not in _ADAPTERS:
        return None
    try:
        adapter = importlib.import_module(f"customhouse.stores.{_ADAPTERS[scheme]}")
        found: LifecycleTarget = adapter.connect(
            root, Options.read(options or {}), **(management or {} if scheme == "az" else {})
        )
    except ImportError as error:
        raise ConfigError(f"{root} needs {error.name}, which is missing: pip install {error.name}") from error
    return found
