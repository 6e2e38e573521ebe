"""What the lifecycle commands work with: the policy, the stores, the records where they are configured."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Annotated

import typer

from customhouse.catalog import Catalog
from customhouse.commands.lifecycle_show import counted
from customhouse.errors import ConfigError
from customhouse.jobs.lifecycle import read_text
from customhouse.lifecycle import installed
from customhouse.lifecycle.asking import asks_dates, asks_records, asks_tags
from customhouse.lifecycle.dates import Dated, Dates
from customhouse.lifecycle.execute import Bucket
from customhouse.lifecycle.inventory import in_use
from customhouse.lifecycle.inventory.live import Lookup
from customhouse.lifecycle.inventory.records import Index, Records, read
from customhouse.lifecycle.plan import Marks
from customhouse.lifecycle.rules import Rule
from customhouse.lifecycle.using import Using
from customhouse.policy.load import default
from customhouse.policy.load import load as load_policy
from customhouse.ports import LifecycleTarget, Store
from customhouse.settings import STORE_OPTIONS
from customhouse.stores import open_store, split
from customhouse.stores.open_lifecycle import open_target

Policy = Annotated[
    str,
    typer.Option(envvar="CUSTOMHOUSE_POLICY", help="Policy file or store URL of it; the packaged default without it."),
]


@dataclass
class Surroundings:
    """Stores and records as the environment tells them; `management` reaches Azure's management plane."""

    options: Mapping[str, str]
    records: tuple[str, str] | None
    management: Mapping[str, str]
    _stores: dict[str, Store] = field(default_factory=dict)

    @classmethod
    def read(cls) -> Surroundings:
        """Of this process."""
        found = os.environ
        options = {option: found[name] for name, option in STORE_OPTIONS.items() if found.get(name)}
        names = {"subscription": "AZURE_SUBSCRIPTION_ID", "group": "AZURE_RESOURCE_GROUP"}
        management = {option: found[name] for option, name in names.items() if found.get(name)}
        records = found.get("CUSTOMHOUSE_RECORDS", "")
        return cls(options, split(records) if records else None, management)

    def store(self, root: str) -> Store:
        """One store per root."""
        if root not in self._stores:
            self._stores[root] = open_store(root, self.options if root.startswith("az:") else {})
        return self._stores[root]

    def target(self, root: str) -> LifecycleTarget | None:
        """The bucket beyond its objects."""
        return open_target(root, self.options if root.startswith("az:") else {}, self.management)

    def buckets(self, roots: Iterable[str]) -> dict[str, Bucket]:
        """Every store that a plan names."""
        return {root: self.bucket(root) for root in roots}

    def bucket(self, root: str) -> Bucket:
        """A store, and what its cloud has beyond objects."""
        return Bucket.of(self.store(root), self.target(root))

    def state(self) -> tuple[Store, str]:
        """Where lifecycle remembers things; ConfigError without records."""
        if self.records is None:
            raise ConfigError("environment: CUSTOMHOUSE_RECORDS is not set; name the store that keeps records, s3://b")
        return self.store(self.records[0]), self.records[1]

    def rules(self, policy: str) -> tuple[Rule, ...]:
        """The lifecycle rules of a policy file or URL, of the packaged policy without one."""
        return load_policy(read_text(policy, self.store), policy).lifecycle if policy else default().lifecycle

    def marks(self, root: str, rules: Sequence[Rule]) -> Marks:
        """What the cloud does of the rules in a bucket by itself; standard error tells where it does others."""
        found = installed.load(*self.state(), root) if self.records else None
        if note := installed.outdated(found, rules):
            sys.stderr.write(f"customhouse: {note}\n")
        return found.compiled(rules).used if found else {}

    def lookup(self, rules: Sequence[Rule], in_use: AbstractSet[str] | None) -> Lookup | None:
        """What the records know, read as far as it is asked for; None where no rule asks."""
        asking = asks_records(rules, in_use)
        return (
            Records(Catalog(*self._kept(asking)), lambda found: counted(found, "reading records")) if asking else None
        )

    def everything(self) -> Lookup:
        """What all records know; ConfigError where there are none."""
        return Index(counted(read(*self.state()), "reading records"))

    def dates(self, rules: Sequence[Rule]) -> Sequence[Dated]:
        """The dates of single artifacts; none where no rule asks."""
        asking = asks_dates(rules)
        return list(Dates(*self._kept(asking))) if asking else []

    def _kept(self, rule: str) -> tuple[Store, str]:
        if self.records is None:
            raise ConfigError(
                f"rule {rule!r} asks for what only the records know: set CUSTOMHOUSE_RECORDS to the store of them"
            )
        return self.state()

    def in_use(self, names: Sequence[str]) -> AbstractSet[str] | None:
        """What the in-use lists name; None where none was given."""
        found = [in_use.parse(read_text(name, self.store), name) for name in names]
        return frozenset().union(*found) if found else None

    def using(self, names: Sequence[str]) -> Using | None:
        """What is in use now, told by digest too where the records are needed for it; None without a list."""
        found = self.in_use(names)
        if found is None:
            return None
        return Using(found, Records(Catalog(*self.state())) if in_use.named_by_digest(found) else None)

    def ours(self, root: str) -> str | None:
        """The prefix of a bucket that holds our own records, which no rule is about."""
        return self.records[1] if self.records and self.records[0] == root else None


def without_tags(rules: Sequence[Rule], source: str) -> None:
    """Refuse an inventory that lists no tags for rules that look at them: what is spared would not be seen."""
    if asking := asks_tags(rules):
        raise ConfigError(f"rule {asking!r} looks at tags, which {source} does not list: plan a live listing or export")
