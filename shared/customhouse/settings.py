"""The environment, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from customhouse.errors import ConfigError

PREFIX = "CUSTOMHOUSE_"
ADVISORIES = "https://osv-vulnerabilities.storage.googleapis.com"
ECOSYSTEMS = (
    *("CRAN", "Go", "Hackage", "Hex", "Julia", "Maven", "NuGet", "Packagist", "Pub", "PyPI", "RubyGems", "SwiftURL"),
    *("crates.io", "npm"),
    *("AlmaLinux", "Alpine", "Debian", "Red Hat", "Rocky Linux", "Ubuntu"),
)
STORE_OPTIONS = {"AZURE_STORAGE_CONNECTION_STRING": "azure_connection_string"}


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are: every value is a store URL, `bucket` level or with a prefix behind it.

    `policy` is a file path or a store URL of the policy file, empty for the packaged default. `intake` lists what
    schedules walk, `in_use` the lists (files or store URLs) of what runs somewhere, which lifecycle rules may protect.
    `notify` is a notifier's URL, `notify_secret` the key that signs what is sent there. `advisories` is where archives
    of OSV records come from (a URL of the web, a store's, or a folder), `ecosystems` which of them. `options` is what
    adapters need to reach an account.
    """

    records: str
    released: str = ""
    quarantine: str = ""
    intake: tuple[str, ...] = ()
    in_use: tuple[str, ...] = ()
    policy: str = ""
    notify: str = ""
    notify_secret: str = field(default="", repr=False)
    advisories: str = ADVISORIES
    ecosystems: tuple[str, ...] = ECOSYSTEMS
    options: Mapping[str, str] = field(default_factory=dict)


def read(environment: Mapping[str, str]) -> Settings:
    """Settings from `CUSTOMHOUSE_…` variables; ConfigError names the one that is missing."""
    records = environment.get(f"{PREFIX}RECORDS", "")
    if not records:
        raise ConfigError(f"environment: {PREFIX}RECORDS is not set; name the store that keeps records, s3://bucket")
    return Settings(
        records=records,
        released=environment.get(f"{PREFIX}RELEASED", ""),
        quarantine=environment.get(f"{PREFIX}QUARANTINE", ""),
        intake=_words(environment.get(f"{PREFIX}INTAKE", "")),
        in_use=_words(environment.get(f"{PREFIX}IN_USE", "")),
        policy=environment.get(f"{PREFIX}POLICY", ""),
        notify=environment.get(f"{PREFIX}NOTIFY", ""),
        notify_secret=environment.get(f"{PREFIX}NOTIFY_SECRET", ""),
        advisories=environment.get(f"{PREFIX}ADVISORIES") or ADVISORIES,
        ecosystems=_words(environment.get(f"{PREFIX}ECOSYSTEMS", "")) or ECOSYSTEMS,
        options={option: environment[name] for name, option in STORE_OPTIONS.items() if environment.get(name)},
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())
