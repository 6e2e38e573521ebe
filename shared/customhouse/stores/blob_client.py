"""Connecting to a storage account, and naming blobs so that no client on the way rewrites the name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from azure.core.pipeline import PipelineRequest
from azure.storage.blob import BlobServiceClient, ExponentialRetry

from customhouse.errors import ConfigError
from customhouse.stores.options import MIB, Options

_COPY_SOURCE = "x-ms-copy-source"
_PIECE = 8 * MIB  # one request, and so much memory, of a download


def opaque(url: str, account: str) -> str:
    """A blob's URL under that of its `account`, with %2F for `/` in a name that has dot segments.

    Clients and servers resolve `a/../b` in a URL, even out of the container.
    """
    parts = urlsplit(url)
    base = urlsplit(account).path.rstrip("/")
    container, slash, name = parts.path.removeprefix(f"{base}/").partition("/")
    if not slash or not {".", ".."} & set(name.split("/")):
        return url
    return urlunsplit(parts._replace(path=f"{base}/{container}/{name.replace('/', '%2F')}"))


def service(account: str, options: Options) -> BlobServiceClient:
    """A client of the account, by connection string or by the identity of the environment."""
    settings: dict[str, Any] = {
        "retry_policy": ExponentialRetry(initial_backoff=1, increment_base=2, retry_total=options.attempts - 1),
        "connection_timeout": min(options.timeout, 10),
        "read_timeout": options.timeout,
        "max_single_get_size": _PIECE,
        "max_chunk_get_size": _PIECE,
        "max_single_put_size": options.part_size,
        "max_block_size": options.part_size,
    }
    url = options.endpoint or f"https://{account}.blob.core.windows.net"
    if not options.azure_connection_string:
        from azure.identity import DefaultAzureCredential  # noqa: PLC0415 -- 0.3 s that a connection string spares

        settings["raw_request_hook"] = _keep_names(url)
        return BlobServiceClient(url, credential=DefaultAzureCredential(), **settings)
    try:
        plain = BlobServiceClient.from_connection_string(options.azure_connection_string)
    except ValueError as error:
        raise ConfigError(f"azure_connection_string: {error}") from error
    if plain.account_name != account:
        raise ConfigError(f"azure_connection_string is of account {plain.account_name}, not of {account}")
    settings["raw_request_hook"] = _keep_names(plain.url)
    return BlobServiceClient.from_connection_string(options.azure_connection_string, **settings)


def _keep_names(account: str) -> Callable[[PipelineRequest[Any]], None]:
    """A hook that runs before each request is signed; the source of a copy is a URL in a header."""

    def hook(request: PipelineRequest[Any]) -> None:
        sent = request.http_request
        sent.url = opaque(sent.url, account)
        if source := sent.headers.get(_COPY_SOURCE):
            sent.headers[_COPY_SOURCE] = opaque(source, account)

    return hook
