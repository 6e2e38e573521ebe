"""The environment, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from customhouse.errors import ConfigError

PREFIX = "CUSTOMHOUSE_"
STORE_OPTIONS = {"AZURE_STORAGE_CONNECTION_STRING": "azure_connection_string"}


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are: every value is a store URL, `bucket` level or with a prefix behind it.

    `policy` is a file path or a store URL of the policy file, empty for the packaged default. `intake` lists what
    schedules walk. `notify` is a notifier's URL, `notify_secret` the
    key that signs what is sent there. `options` is what adapters need to reach an account.
    """

    records: str
    released: str = ""
    quarantine: str = ""
    intake: tuple[str, ...] = ()
    policy: str = ""
    notify: str = ""
    notify_secret: str = field(default="", repr=False)
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
        intake=tuple(url.strip() for url in environment.get(f"{PREFIX}INTAKE", "").split(",") if url.strip()),
        policy=environment.get(f"{PREFIX}POLICY", ""),
        notify=environment.get(f"{PREFIX}NOTIFY", ""),
        notify_secret=environment.get(f"{PREFIX}NOTIFY_SECRET", ""),
        options={option: environment[name] for name, option in STORE_OPTIONS.items() if environment.get(name)},
    )
