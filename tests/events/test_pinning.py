"""What pins an artifact: versions, ETags, digests and tags, sizes and order, as sent, absent or of another type."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.errors import Malformed
from customhouse.events import fields, parse
from customhouse.events.images import image
from customhouse.model import Event
from tests.events import shapes

DIGEST = "sha256:" + "0123456789abcdef" * 4
ODD = [None, "", 7.5, True, [], {}, ["x"]]
"""What is no text; a version of that kind is no version."""


def _s3(**stored: object) -> Event:
    record = {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "b"}, "object": {"key": "k", **stored}}}
    (event,) = parse({"Records": [record]})
    return event


def _eventbridge(**stored: object) -> Event:
    (event,) = parse({**shapes.eventbridge("k"), "detail": {"bucket": {"name": "b"}, "object": {"key": "k", **stored}}})
    return event


def _gcs(**stored: object) -> Event:
    (event,) = parse({**shapes.gcs("k"), "data": {"bucket": "b", "name": "k", **stored}})
    return event


def _blob(**stored: object) -> Event:
    data = {"url": "https://acct.blob.core.windows.net/c/k", **stored}
    (event,) = parse({"eventType": "Microsoft.Storage.BlobCreated", "data": data})
    return event


def test_s3_pins_by_version_and_etag() -> None:
    location = _s3(versionId="null", eTag="d41d8cd98f00b204e9800998ecf8427e-2").location

    assert (location.version, location.etag) == ("null", "d41d8cd98f00b204e9800998ecf8427e-2")
    assert _eventbridge(**{"version-id": "V", "etag": "E"}).location == _s3(versionId="V", eTag="E").location


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_a_version_that_is_no_text_pins_nothing(odd: object) -> None:
    assert not _s3(versionId=odd, eTag=odd).location.pinned
    assert not _eventbridge(**{"version-id": odd, "etag": odd}).location.pinned
    assert not _blob(eTag=odd).location.pinned
    assert not _s3().location.pinned


@pytest.mark.parametrize(
    ("sent", "version"), [("1700000000000001", "1700000000000001"), (17, "17"), (0, ""), ("0", "")]
)
def test_cloud_storage_pins_by_generation_as_text_or_number(sent: object, version: str) -> None:
    assert _gcs(generation=sent).location.version == version


@pytest.mark.parametrize("odd", [*ODD, -1, "-1", "1e3", "0x10", "١٢", " 7", "9" * 400], ids=repr)
def test_a_generation_that_is_no_whole_number_pins_nothing(odd: object) -> None:
    assert not _gcs(generation=odd).location.pinned


@pytest.mark.parametrize(("sent", "etag"), [('"0x8DC"', "0x8DC"), ("0x8DC", "0x8DC"), ('""', "")])
def test_an_etag_loses_its_quotes(sent: str, etag: str) -> None:
    assert _blob(eTag=sent).location.etag == etag
    assert _s3(eTag=sent).location.etag == etag


@pytest.mark.parametrize(
    ("sent", "size"), [(0, 0), (5 << 40, 5 << 40), ("12", 12), (-1, None), ("1.5", None), (True, None)]
)
def test_a_size_is_a_whole_number_or_unknown(sent: object, size: int | None) -> None:
    assert _s3(size=sent).size == size
    assert _gcs(size=sent).size == size
    assert _blob(contentLength=sent).size == size


@pytest.mark.parametrize("spelling", ["eTag", "etag", "ETag", "e_tag", "e-tag", "E_TAG"])
def test_a_field_is_found_in_every_spelling(spelling: str) -> None:
    assert fields.text({spelling: "x"}, "eTag") == "x"


def test_the_exact_spelling_wins_over_every_other_one() -> None:
    assert fields.text({"etag": "other", "eTag": "exact", "e_tag": "other"}, "eTag") == "exact"


@pytest.mark.parametrize("data", ['{"a": 1}', b'{"a": 1}', b'\xef\xbb\xbf{"a": 1}', '\ufeff{"a": 1}'])
def test_json_is_read_with_and_without_a_mark(data: str | bytes) -> None:
    assert fields.from_json(data) == {"a": 1}


@given(
    st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=5), max_size=4),
    st.text(max_size=5),
)
def test_a_field_is_read_without_failing_whatever_stands_there(document: dict[str, object], name: str) -> None:
    try:
        value = fields.text(document, name)
    except Malformed:
        return
    assert isinstance(value, str)
    assert fields.count(document, name) is None or isinstance(fields.count(document, name), int)


IMAGES = [
    ("ghcr.io", "a", DIGEST, "", "oci://ghcr.io/a", "", DIGEST),
    ("ghcr.io", "a/b_c/d.e-f", "", "v1.0_x-y", "oci://ghcr.io/a/b_c/d.e-f", "v1.0_x-y", ""),
    ("localhost:5000", "a", DIGEST, "v1", "oci://localhost:5000/a", "", DIGEST),
    (
        "eu-docker.pkg.dev",
        "google.com:project/r/i",
        "sha256:short",
        "v1",
        "oci://eu-docker.pkg.dev/google.com:project/r/i",
        "v1",
        "",
    ),
    ("h.io", "a", "", "x" * 128, "oci://h.io/a", "x" * 128, ""),
]


@pytest.mark.parametrize(("host", "repository", "digest", "tag", "root", "key", "version"), IMAGES)
def test_an_image_is_pinned_by_its_digest_and_else_named_by_its_tag(  # noqa: PLR0917 -- a row of the table
    host: str, repository: str, digest: str, tag: str, root: str, key: str, version: str
) -> None:
    location = image(host, repository, digest=digest, tag=tag)

    assert (location.root, location.key, location.version) == (root, key, version)


@pytest.mark.parametrize(
    ("host", "repository"),
    [
        ("", "a"),
        ("h.io", ""),
        ("h.io/x", "a"),
        ("user@h.io", "a"),
        ("h.io:port", "a"),
        ("h.io", "../a"),
        ("h.io", "a//b"),
        ("h.io", "/a"),
        ("h.io", "a/"),
        ("h.io", "a?b"),
        ("h.io", "a#b"),
        ("h.io", "a@b"),
        ("h.io", "a b"),
        ("h.io", "a\n"),
        ("h.io\n", "a"),
        ("h.io", "é"),
        ("-h.io", "a"),
    ],
)
def test_a_name_that_would_say_something_else_in_a_url_is_no_repository(host: str, repository: str) -> None:
    with pytest.raises(Malformed, match="names no repository"):
        image(host, repository, digest=DIGEST, tag="v1")


@pytest.mark.parametrize(
    ("digest", "tag"),
    [
        ("", ""),
        ("sha256:" + "A" * 64, ""),
        ("sha512:" + "a" * 128, ""),
        (DIGEST + "\n", ""),
        ("", "-x"),
        ("", ".x"),
        ("", "x" * 129),
        ("", "a/b"),
        ("", "a:b"),
        ("", "é"),
        ("", "v1\n"),
    ],
)
def test_neither_digest_nor_tag_names_no_image(digest: str, tag: str) -> None:
    with pytest.raises(Malformed, match="neither a sha256 digest nor a tag"):
        image("h.io", "a", digest=digest, tag=tag)


@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_what_is_an_image_at_all_reads_back_from_its_url(host: str, repository: str, tag: str) -> None:
    try:
        location = image(host, repository, digest="", tag=tag)
    except Malformed:
        return
    assert str(location) == f"oci://{host}/{repository}:{tag}"
    assert not {"?", "#", "@", "\n", " "} & set(str(location))
