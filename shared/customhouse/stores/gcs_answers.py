"""What Cloud Storage answers, in our words."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime

from google.api_core.exceptions import GoogleAPICallError, RequestRangeNotSatisfiable, RetryError
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, InvalidOperation
from google.cloud.storage import Blob
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from customhouse.errors import ConfigError, Denied, Gone, Rejected, Transient
from customhouse.model import Location, Stat
from customhouse.stores.answers import meaning

_BROKEN = (RequestException, HTTPError, RetryError, DataCorruption, ConnectionError, TimeoutError)


class InvalidRange(Rejected):
    """The range starts past the end of the object."""


@contextmanager
def translated(what: object, *, gone: type[Rejected] = Gone) -> Iterator[None]:
    """Turn Google's errors into ours; `gone` is what a missing object means to the caller."""
    try:
        yield
    except RequestRangeNotSatisfiable as error:
        raise InvalidRange(f"{what}: {error.message}") from error
    except GoogleAPICallError as error:
        found = meaning(error.code or 500, f"{what}: {error.message}")
        raise (gone(str(found)) if isinstance(found, Gone) else found) from error
    except InvalidResponse as error:
        raise meaning(error.response.status_code, f"{what}: {error}") from error
    except _BROKEN as error:
        raise Transient(f"{what}: {error}") from error
    except InvalidOperation as error:  # refused, and there is no identity that could be renewed
        raise Denied(f"{what}: {error}") from error
    except DefaultCredentialsError as error:
        raise ConfigError(f"{what}: no Google credentials; attach a service account or set them up") from error
    except GoogleAuthError as error:
        raise (Transient if error.retryable else Denied)(f"{what}: {error}") from error


def from_blob(root: str, blob: Blob) -> Stat:
    """The stat in an object resource."""
    digests = {"md5": blob.md5_hash, "crc32c": blob.crc32c}
    return Stat(
        Location(root, blob.name, str(blob.generation)),
        blob.size,
        blob.time_created.timestamp(),
        blob.content_type or "",
        blob.storage_class or "",
        dict(blob.metadata or {}),
        {name: base64.b64decode(value).hex() for name, value in digests.items() if value},
        held=bool(blob.temporary_hold or blob.event_based_hold),
        locked_until=_locked_until(blob),
    )


def _locked_until(blob: Blob) -> float | None:
    """The end of the bucket's or of the object's own retention, whichever is later."""
    ends = (blob.retention_expiration_time, blob.retention.retain_until_time)
    return max((end.timestamp() for end in ends if end), default=None)


def from_media(location: Location, headers: Mapping[str, str]) -> Stat:
    """The stat in the headers of a media answer; custom metadata is not among them."""
    digests = dict(part.strip().split("=", 1) for part in headers.get("X-Goog-Hash", "").split(",") if part)
    return Stat(
        Location(location.root, location.key, headers["X-Goog-Generation"]),
        int(headers["X-Goog-Stored-Content-Length"]),
        parsedate_to_datetime(headers["Last-Modified"]).timestamp(),
        headers.get("Content-Type", ""),
        headers.get("X-Goog-Storage-Class", ""),
        None,
        {name: base64.b64decode(value).hex() for name, value in digests.items() if name in {"md5", "crc32c"}},
    )
