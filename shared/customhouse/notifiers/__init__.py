"""Where messages go: one adapter per service, opened by URL."""

from __future__ import annotations

import importlib
import re
from functools import cache

from customhouse.errors import ConfigError
from customhouse.ports import Notifier

_HOST = r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::\d+)?(?:/[!-~]*)?"
_ADAPTERS = (  # what the URL looks like, module, the extra that brings its SDK
    (re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]+(\.fifo)?", re.ASCII), "sns", "aws"),
    (re.compile(r"pubsub://[\w.:-]+/[\w.~+%-]+", re.ASCII), "pubsub", "gcp"),
    (re.compile(r"eventgrid\+https://" + _HOST), "eventgrid", "azure"),
    (re.compile(r"https?://" + _HOST), "webhook", ""),
    (re.compile(r"memory://[\w-]+"), "memory", ""),
    (re.compile(r"log:"), "log", ""),
)


@cache
def open_notifier(url: str, secret: str = "") -> Notifier:
    """Open a notifier, once per URL for the life of the process; only its own adapter is imported.

    `arn:aws:sns:…` (a topic), `pubsub://project/topic`, `eventgrid+https://….eventgrid.azure.net/api/events`,
    `https://…` (a webhook), `log:`, `memory://name`. `secret` signs a webhook's body and is a topic key for Event
    Grid; the clouds' own credentials are found by their SDKs. Raises ConfigError for a URL that is none of these,
    and where the SDK is not installed; the message never holds the URL's path, which often is a secret itself.
    """
    for form, module, extra in _ADAPTERS:
        if form.fullmatch(url):
            try:
                notifier: Notifier = importlib.import_module(f"{__name__}.{module}").connect(url, secret)
            except ImportError as error:
                raise ConfigError(f"{module} needs {error.name}: pip install 'customhouse[{extra}]'") from error
            return notifier
    raise ConfigError(
        f"notify: {url.partition('://')[0][:40]!r} names no notifier: "
        "use arn:aws:sns:…, pubsub://project/topic, eventgrid+https://…, https://…, log: or memory://name"
    )
