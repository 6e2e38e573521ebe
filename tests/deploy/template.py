"""The SAM template as plain data: short intrinsics become one-key mappings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from tests.deploy.tools import ROOT


class _Loader(yaml.SafeLoader):
    """Reads !Ref, !Sub and their like."""


def _intrinsic(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        return {suffix: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {suffix: loader.construct_sequence(node, deep=True)}
    raise AssertionError(f"{suffix} of a mapping")


_Loader.add_multi_constructor("!", _intrinsic)


def read() -> dict[str, Any]:
    return yaml.load((ROOT / "template.yaml").read_text(), _Loader)  # noqa: S506 -- a SafeLoader with four more tags


def statements(role: str) -> Iterator[dict[str, Any]]:
    """The statements of a role's policies, conditional ones included."""
    for policy in read()["Resources"][role]["Properties"]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            yield statement["If"][1] if "If" in statement else statement


def actions(role: str, service: str) -> set[str]:
    """Everything that a role may do with a service."""
    found = (statement["Action"] for statement in statements(role))
    flat = (action for one in found for action in ([one] if isinstance(one, str) else one))
    return {action for action in flat if action.startswith(f"{service}:")}
