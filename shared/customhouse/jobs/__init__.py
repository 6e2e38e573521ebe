"""Scheduled jobs by name: each works until its time is up and goes on next time where it stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, cast

from customhouse.errors import ConfigError

if TYPE_CHECKING:
    from customhouse.app import App

Expired = Callable[[], bool]
JOBS = ("reconcile", "advisories", "rematch", "lifecycle")
"""Each is a module here with a function `run(app, expired)`, imported when its time comes."""


def run(app: App, name: str, seconds: float) -> Mapping[str, object]:
    """Run the job called `name`; ConfigError when there is none."""
    if name not in JOBS:
        raise ConfigError(f"schedule: no job {name!r}; there are {', '.join(JOBS)}")
    job = cast("Callable[[App, Expired], Mapping[str, object]]", import_module(f"{__name__}.{name}").run)
    end = time.monotonic() + seconds
    return job(app, lambda: time.monotonic() >= end)
