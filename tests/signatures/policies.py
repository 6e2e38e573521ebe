"""Policies that ask for signatures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources

import yaml

from customhouse.policy.load import Loaded, load
from tests.signatures.authority import ISSUER, Authority

IDENTITIES = [{"issuer": ISSUER, "subject": "https://github.com/acme/app/*"}]


Actions = Mapping[str, list[str]]


def text_of(authority: Authority, *rules: Mapping[str, object], actions: Actions | None = None, **more: object) -> str:
    """The packaged policy with rules for signatures in place of all scanners, and other actions; JSON is YAML."""
    packaged = resources.files("customhouse.policy").joinpath("default.yaml").read_text(encoding="utf-8")
    document = yaml.safe_load(packaged)
    asked = {"rules": list(rules), "trust_root": authority.trust_root(), **more}
    document["scanners"] = {"signatures": asked}
    document["actions"] |= actions or {}
    return json.dumps(document)


def asking(
    authority: Authority, *rules: Mapping[str, object], actions: Actions | None = None, **more: object
) -> Loaded:
    """That policy, ready."""
    return load(text_of(authority, *rules, actions=actions, **more), "test.yaml")
