"""Locations of pushed images; the names come from messages, so they are checked before they become a URL."""

from __future__ import annotations

import re

from customhouse.errors import Malformed
from customhouse.model import Location

_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]+)?")
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*(/[A-Za-z0-9][A-Za-z0-9._:-]*)*")
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def image(host: str, repository: str, *, digest: str, tag: str) -> Location:
    """`oci://host/repository` pinned to `digest` where that is one, else named by `tag`; Malformed without either.

    Grammar: https://github.com/opencontainers/distribution-spec/blob/main/spec.md, "Pulling manifests".
    """
    if not _HOST.fullmatch(host) or not _REPOSITORY.fullmatch(repository):
        raise Malformed(f"the push names no repository: {f'{host}/{repository}'!r:.200}")
    root = f"oci://{host}/{repository}"
    if _DIGEST.fullmatch(digest):
        return Location(root, "", version=digest)
    if _TAG.fullmatch(tag):
        return Location(root, tag)
    raise Malformed(f"the push to {f'{host}/{repository}':.200} has neither a sha256 digest nor a tag")
