"""What S3 answers, in our words."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    NoRegionError,
)
from urllib3.exceptions import HTTPError

from customhouse.errors import ConfigError, CustomhouseError, Denied, Gone, Rejected, Transient
from customhouse.model import Location, Stat
from customhouse.stores.answers import meaning

_RETRY = {"SlowDown", "RequestTimeout", "OperationAborted", "Throttling", "ThrottlingException", "RequestTimeTooSkewed"}
_MD5 = re.compile(r"[0-9a-f]{32}")
_BROKEN = (HTTPClientError, HTTPError, IncompleteReadError, FlexibleChecksumError, CredentialRetrievalError)


class InvalidRange(Rejected):
    """The range starts past the end of the object."""


@contextmanager
def translated(what: object, *, gone: type[Rejected] = Gone) -> Iterator[None]:
    """Turn botocore's errors into ours; `gone` is what a missing object means to the caller."""
    try:
        yield
    except ClientError as error:
        found = _refusal(error, what)
        raise (gone(str(found)) if isinstance(found, Gone) else found) from error
    except _BROKEN as error:
        raise Transient(f"{what}: {error}") from error
    except (NoCredentialsError, NoRegionError) as error:
        raise ConfigError(f"{what}: {error}; set AWS_PROFILE, AWS_REGION or a role") from error
    except BotoCoreError as error:
        raise Rejected(f"{what}: {error}") from error


def _refusal(error: ClientError, what: object) -> CustomhouseError:
    code = str(error.response["Error"].get("Code", ""))
    text = f"{what}: {error.response['Error'].get('Message') or code} ({code})"
    if code == "InvalidObjectState":
        return Rejected(f"{what} is archived: restore it, then process it again ({code})")
    if code == "InvalidRange":
        return InvalidRange(text)
    if code in _RETRY:
        return Transient(text)
    return meaning(error.response["ResponseMetadata"]["HTTPStatusCode"], text)


def kept(what: object, code: str, message: str) -> Rejected | Transient:
    """Why one of many objects was not deleted, as the answer to DeleteObjects tells it."""
    text = f"{what}: {message or code} ({code})"
    if code == "AccessDenied":
        return Denied(text)
    return Transient(text) if code in _RETRY | {"InternalError", "ServiceUnavailable"} else Rejected(text)


def from_answer(location: Location, answer: Mapping[str, Any]) -> Stat:
    """The stat in a GetObject or HeadObject answer; a range answer tells the whole size too.

    Holds and retention are told to those who may GetObjectLegalHold and GetObjectRetention; to others there are none.
    """
    etag = answer["ETag"].strip('"')
    version = answer.get("VersionId", "")
    whole = answer.get("ContentRange", "").rpartition("/")[2]
    return Stat(
        Location(location.root, location.key, "" if version == "null" else version, etag),
        int(whole or answer["ContentLength"]),
        answer["LastModified"].timestamp(),
        answer.get("ContentType", ""),
        answer.get("StorageClass", "STANDARD"),
        None if answer.get("TagCount") else {},
        _digests(etag, answer),
        held="ON" in (answer.get("ObjectLockLegalHoldStatus"), answer.get("ObjectLockEventHold")),
        locked_until=until.timestamp() if (until := answer.get("ObjectLockRetainUntilDate")) else None,
    )


def _digests(etag: str, answer: Mapping[str, Any]) -> dict[str, str]:
    """Digests of the whole object; an ETag is its MD5 unless made of parts or encrypted under a key of KMS."""
    found = {}
    if _MD5.fullmatch(etag) and answer.get("ServerSideEncryption", "AES256") == "AES256":
        found["md5"] = etag
    for name in ("CRC32C", "CRC64NVME", "SHA256"):
        value = answer.get(f"Checksum{name}", "")
        if value and "-" not in value and answer.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT":
            found[name.lower()] = base64.b64decode(value).hex()
    return found
