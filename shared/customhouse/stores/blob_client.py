"""Connecting to a storage account, and naming blobs so that no client on the way rewrites the name."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from azure.core.pipeline import PipelineRequest
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.storage.blob import BlobServiceClient, ExponentialRetry

from customhouse.errors import ConfigError
from customhouse.stores.options import MIB, Options

_PIECE = 8 * MIB  # one request, and so much memory, of a download


class _OpaqueNames(SansIOHTTPPolicy[Any, Any]):
    """Send `/` in a name with dot segments as %2F: HTTP clients resolve `a/../b`, even out of the container."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = base

    def on_request(self, request: PipelineRequest[Any]) -> None:
        """Rewrite the URL before it is signed."""
        request.http_request.url = opaque(request.http_request.url, self._base)


def opaque(url: str, base: str) -> str:
    """`url` with the blob's name under the container URL `base` safe from dot segments."""
    parts = urlsplit(url)
    container = urlsplit(base).path.rstrip("/") + "/"
    name = parts.path.removeprefix(container)
    if name == parts.path or not {".", ".."} & set(name.split("/")):
        return url
    return urlunsplit(parts._replace(path=container + name.replace("/", "%2F")))


def service(account: str, container: str, options: Options) -> BlobServiceClient:
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

        settings["per_call_policies"] = [_OpaqueNames(f"{url}/{quote(container)}")]
        return BlobServiceClient(url, credential=DefaultAzureCredential(), **settings)
    try:
        plain = BlobServiceClient.from_connection_string(options.azure_connection_string)
    except ValueError as error:
        raise ConfigError(f"azure_connection_string: {error}") from error
    if plain.account_name != account:
        raise ConfigError(f"azure_connection_string is of account {plain.account_name}, not of {account}")
    settings["per_call_policies"] = [_OpaqueNames(f"{plain.url.rstrip('/')}/{quote(container)}")]
    return BlobServiceClient.from_connection_string(options.azure_connection_string, **settings)
