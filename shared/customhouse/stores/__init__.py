"""Where artifacts live: one adapter per object store, opened by URL."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

from customhouse.errors import ConfigError
from customhouse.ports import Store
from customhouse.stores.options import Options

_ADAPTERS = {  # scheme -> module, the extra that brings its SDK
    "s3": ("customhouse.stores.s3", "aws"),
    "gs": ("customhouse.stores.gcs", "gcp"),
    "az": ("customhouse.stores.blob", "azure"),
    "file": ("customhouse.stores.local", ""),
    "memory": ("customhouse.stores.memory", ""),
}
_ROOT_SEGMENTS = {"s3": 1, "gs": 1, "az": 2, "memory": 1}


def open_store(root: str, options: Mapping[str, str] | None = None) -> Store:
    """Open one bucket, container or folder: `s3://bucket`, `az://account/container`, `file:///folder`, ….

    Only the adapter that is asked for is imported. `options` are described at `stores.options.Options`.
    Raises ConfigError for a root that names no store, for a prefix in it, and where the SDK is not installed.
    """
    root, prefix = split(root)
    if prefix:
        raise ConfigError(f"{root}/{prefix} is not a whole bucket: take stores.split() and keep the prefix in the keys")
    module, extra = _ADAPTERS[root.partition(":")[0]]
    try:
        adapter = importlib.import_module(module)
        store: Store = adapter.connect(root, Options.read(options or {}))
    except ImportError as error:
        raise ConfigError(f"{root} needs {error.name}, which is missing: pip install 'customhouse[{extra}]'") from error
    return store


def split(url: str) -> tuple[str, str]:
    """Part a URL into a store's root and a key prefix, which is empty or ends with `/`.

    `s3://bucket/released` gives `("s3://bucket", "released/")`; a folder is a root as a whole. ConfigError otherwise.
    """
    scheme, found, rest = url.partition("://")
    if not found or scheme not in _ADAPTERS:
        raise ConfigError(f"{url!r} names no store: it starts with one of {', '.join(f'{s}://' for s in _ADAPTERS)}")
    if scheme == "file":
        if not rest.startswith("/"):
            raise ConfigError(f"{url!r} is no absolute folder: write file:///folder")
        return f"file://{rest.rstrip('/')}", ""
    count = _ROOT_SEGMENTS[scheme]
    segments = rest.split("/", count)
    if len(segments) < count or not all(segments[:count]):
        raise ConfigError(f"{url!r} is incomplete: write {scheme}://{'account/container' if count > 1 else 'bucket'}")
    prefix = segments[count].rstrip("/") if len(segments) > count else ""
    return f"{scheme}://{'/'.join(segments[:count])}", f"{prefix}/" if prefix else ""
