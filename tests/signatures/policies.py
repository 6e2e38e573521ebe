"""Policies that ask for signatures, over the packaged one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources

from customhouse.policy.load import Loaded, load
from tests.signatures.authority import ISSUER, Authority

IDENTITIES = [{"issuer": ISSUER, "subject": "https://github.com/acme/app/*"}]


def asking(authority: Authority, *rules: Mapping[str, object], **options: object) -> Loaded:
    """The packaged policy with rules for signatures; JSON is YAML."""
    signatures = {"rules": list(rules), "trust_root": authority.trust_root(), **options}
    text = resources.files("customhouse.policy").joinpath("default.yaml").read_text(encoding="utf-8")
    begin, found, rest = text.partition("scanners:\n")
    assert found
    return load(f"{begin}{found}  signatures: {json.dumps(signatures)}\n{rest}", "test.yaml")
