"""Errors of the SDKs that no emulator gives, each in our words."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ServiceRequestError
from azure.identity import CredentialUnavailableError
from botocore.exceptions import (
    CredentialRetrievalError,
    FlexibleChecksumError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
)
from google.auth.exceptions import DefaultCredentialsError, RefreshError
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse

from customhouse.errors import ConfigError, Conflict, CustomhouseError, Denied, Gone, Rejected, Transient
from customhouse.model import Location
from customhouse.stores import blob_answers, gcs_answers, open_store, s3_answers
from customhouse.stores.answers import meaning, pinned

Translated = Callable[[object], AbstractContextManager[None]]


def answer(status: int) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    return response


@pytest.mark.parametrize(
    ("translated", "error", "expected"),
    [
        (s3_answers.translated, NoCredentialsError(), ConfigError),
        (s3_answers.translated, NoRegionError(), ConfigError),
        (s3_answers.translated, CredentialRetrievalError(provider="imds", error_msg="slow"), Transient),
        (s3_answers.translated, FlexibleChecksumError(error_msg="corrupt"), Transient),
        (s3_answers.translated, ParamValidationError(report="key too long"), Rejected),
        (gcs_answers.translated, DefaultCredentialsError("none"), ConfigError),
        (gcs_answers.translated, RefreshError("metadata server", retryable=True), Transient),
        (gcs_answers.translated, RefreshError("revoked"), Denied),
        (gcs_answers.translated, DataCorruption(answer(200), "checksum"), Transient),
        (gcs_answers.translated, InvalidResponse(answer(503), "busy"), Transient),
        (gcs_answers.translated, requests.exceptions.ChunkedEncodingError(), Transient),
        (blob_answers.translated, CredentialUnavailableError("none"), ConfigError),
        (blob_answers.translated, ClientAuthenticationError("refused", response=None), Transient),
        (blob_answers.translated, HttpResponseError("broke off"), Transient),
        (blob_answers.translated, ServiceRequestError("no route"), Transient),
    ],
)
def test_an_sdk_s_error_becomes_ours(
    translated: Translated, error: Exception, expected: type[CustomhouseError]
) -> None:
    with pytest.raises(expected) as caught, translated("s3://bucket/key"):
        raise error
    assert type(caught.value) is expected
    assert caught.value.__cause__ is error
    assert "s3://bucket/key" in str(caught.value)


@pytest.mark.parametrize(
    ("translated", "error", "remedy"),
    [
        (s3_answers.translated, NoCredentialsError(), "set AWS_PROFILE"),
        (gcs_answers.translated, DefaultCredentialsError("none"), "attach a service account"),
        (blob_answers.translated, CredentialUnavailableError("none"), "assign an identity"),
        (blob_answers.translated, ClientAuthenticationError("None of\nthem"), "run `az login` or assign an identity"),
    ],
)
def test_without_credentials_the_one_line_says_what_to_do(
    translated: Translated, error: Exception, remedy: str
) -> None:
    with pytest.raises(CustomhouseError) as caught, translated("the store"):
        raise error
    assert remedy in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, Rejected), (401, Denied), (403, Denied), (404, Gone), (405, Gone), (408, Transient), (409, Conflict),
        (412, Conflict), (413, Rejected), (429, Transient), (500, Transient), (501, Rejected), (503, Transient),
    ],
)  # fmt: skip
def test_a_status_has_one_meaning(status: int, expected: type[CustomhouseError]) -> None:
    assert type(meaning(status, "text")) is expected


def gone() -> None:
    raise Gone("nothing is there")


def something() -> None:
    return None


@pytest.mark.parametrize(
    ("location", "raised", "live", "expected"),
    [
        (Location("s3://b", "k", version="1"), Gone, something, Conflict),
        (Location("s3://b", "k", version="1"), Gone, gone, Gone),
        (Location("s3://b", "k"), Gone, something, Gone),
        (Location("az://a/c", "k", etag="1"), Conflict, gone, Gone),
        (Location("az://a/c", "k", etag="1"), Conflict, something, Conflict),
    ],
)
def test_a_version_that_is_gone_is_told_from_an_object_that_is(
    location: Location, raised: type[Rejected], live: Callable[[], None], expected: type[Rejected]
) -> None:
    with pytest.raises(expected) as caught, pinned(location, live):
        raise raised("first answer")
    assert type(caught.value) is expected


def test_a_container_opens_by_identity_without_a_connection_string() -> None:
    assert open_store("az://account/container").root == "az://account/container"
