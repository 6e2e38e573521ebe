"""What Azure Blob Storage answers, in our words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
from azure.storage.blob import BlobProperties

from customhouse.errors import ConfigError, CustomhouseError, Denied, Gone, Rejected, Transient
from customhouse.model import Location, Stat
from customhouse.stores.answers import meaning
from customhouse.stores.tagging import OURS

FOLDER_MARK = "hdi_isfolder"  # metadata of the markers that hierarchical accounts make for folders
_OURS_AS_METADATA = OURS.replace("-", "_")
_MEANINGS: dict[str, type[CustomhouseError]] = {
    "LeaseIdMissing": Transient,  # somebody works on it
    "BlobImmutableDueToPolicy": Denied,
    "SnapshotsPresent": Rejected,  # a blob and its snapshots go only together, and we delete one version
    "FeatureNotSupportedForAccount": Rejected,
    "FeatureNotYetSupportedForHierarchicalNamespaceAccounts": Rejected,
}
_ARCHIVED = {"BlobArchived", "BlobBeingRehydrated"}


class InvalidRange(Rejected):
    """The range starts past the end of the blob."""


@contextmanager
def translated(what: object, *, gone: type[Rejected] = Gone) -> Iterator[None]:
    """Turn Azure's errors into ours; `gone` is what a missing blob means to the caller."""
    try:
        yield
    except HttpResponseError as error:
        found = _refusal(error, what)
        raise (gone(str(found)) if isinstance(found, Gone) else found) from error
    except AzureError as error:
        raise Transient(f"{what}: {error.message}") from error


def _refusal(error: HttpResponseError, what: object) -> CustomhouseError:
    told = getattr(error, "error_code", None) or ""
    code = str(getattr(told, "value", told))
    text = f"{what}: {code or str(error.message).splitlines()[0]}"
    if code in _ARCHIVED:
        return Rejected(f"{what} is archived: rehydrate it, then process it again ({code})")
    if code == "InvalidRange":
        return InvalidRange(text)
    if code in _MEANINGS:
        return _MEANINGS[code](text)
    if error.status_code is None:
        return _unauthenticated(error, what) or Transient(text)
    return meaning(error.status_code, text)


def _unauthenticated(error: HttpResponseError, what: object) -> CustomhouseError | None:
    """Where no token was to be had: nobody set one up, or whoever gives them out does not answer just now."""
    if type(error).__name__ == "CredentialUnavailableError":
        return ConfigError(f"{what}: no Azure credential; assign an identity")
    if isinstance(error, ClientAuthenticationError):
        return Transient(f"{what}: none of Azure's credentials gives a token; run `az login` or assign an identity")
    return None


def to_metadata(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags as metadata, whose names must be C# identifiers: ours lose their hyphen."""
    return {name.replace("-", "_") if name.startswith(OURS) else name: value for name, value in tags.items()}


def from_metadata(metadata: Mapping[str, str] | None) -> dict[str, str]:
    """Metadata as tags, without the mark of a folder."""
    return {
        name.replace("_", "-") if name.startswith(_OURS_AS_METADATA) else name: value
        for name, value in (metadata or {}).items()
        if name != FOLDER_MARK
    }


def from_properties(root: str, key: str, found: BlobProperties, *, hierarchical: bool) -> Stat:
    """The stat in a blob's properties; of a range answer the size of the whole."""
    whole = (found.content_range or "").rpartition("/")[2]
    md5 = found.content_settings.content_md5
    return Stat(
        located(root, key, found),
        int(whole or found.size),
        found.last_modified.timestamp(),
        found.content_settings.content_type or "",
        str(found.blob_tier or ""),
        from_metadata(found.metadata) if hierarchical else (None if found.tag_count else {}),
        {"md5": bytes(md5).hex()} if md5 else {},
        held=bool(found.has_legal_hold),
        locked_until=until.timestamp() if (until := found.immutability_policy.expiry_time) else None,
        used=found.last_accessed_on.timestamp() if found.last_accessed_on else None,
    )


def located(root: str, key: str, found: Mapping[str, Any] | BlobProperties) -> Location:
    """Where a blob is, pinned by what an answer says of it."""
    return Location(root, key, found.get("version_id") or "", found["etag"].strip('"'))
