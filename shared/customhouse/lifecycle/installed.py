"""What was installed in a bucket: remembered beside the records, so that the function leaves it to the cloud."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from customhouse.errors import ConfigError, Gone
from customhouse.lifecycle.native.words import Compiled, Target
from customhouse.lifecycle.rules import Rule, digest
from customhouse.model import Location
from customhouse.ports import Store

FOLDER = "lifecycle/installed/"


class Installed(msgspec.Struct, frozen=True):
    """The native rules of ours in one bucket, and the policy they were compiled from.

    `used` marks the rules that the cloud carries out, as `plan.make` takes them.
    """

    target: Target
    policy: str
    native: tuple[dict[str, Any], ...] = ()
    used: dict[str, str] = {}

    @classmethod
    def of(cls, rules: Sequence[Rule], compiled: Compiled) -> Installed:
        """What installing these rules comes to."""
        return cls(compiled.target, digest(tuple(rules)), tuple(map(dict, compiled.native)), dict(compiled.used))

    def compiled(self, rules: Sequence[Rule]) -> Compiled:
        """What the cloud does of a policy: nothing that is known for certain where it is not the one installed."""
        used = self.used if digest(tuple(rules)) == self.policy else {}
        return Compiled(self.target, (), self.native if used else (), used)


def load(state: Store, prefix: str, root: str) -> Installed | None:
    """What was installed last in a bucket; None where nothing was. ConfigError where it does not read."""
    key = _key(prefix, root)
    try:
        with state.read(Location(state.root, key)) as body:
            return msgspec.json.decode(b"".join(body), type=Installed)
    except Gone:
        return None
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{state.root}/{key} does not read ({error}); install again with --take") from error


def outdated(found: Installed | None, rules: Sequence[Rule]) -> str:
    """What to tell where the cloud goes on by another policy than these rules; empty where it does not."""
    if found is None or not found.native or found.policy == digest(tuple(rules)):
        return ""
    root = found.target.root
    return f"{root}: its native rules are of another policy and go on; `customhouse lifecycle install {root}` ends that"


def save(state: Store, prefix: str, installed: Installed) -> None:
    """Remember it."""
    data = msgspec.json.encode(installed)
    state.put(_key(prefix, installed.target.root), data, content_type="application/json")


def _key(prefix: str, root: str) -> str:
    return f"{prefix}{FOLDER}{hashlib.sha256(root.encode()).hexdigest()[:32]}.json"
