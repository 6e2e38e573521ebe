"""ClamAV through clamd (INSTREAM over a unix socket or TCP), for runs with the daemon beside them.

Whatever clamd did not look at is a skip: it is down, its limits are below the member's size, its database is too old.
clamd answers OK for what lies above its own limits, so `limit` must not be larger than the smallest of StreamMaxLength,
MaxFileSize and MaxScanSize (https://docs.clamav.net/manual/Usage/Configuration.html; each at least 25 MiB by default).
"""

from __future__ import annotations

import datetime as dt
import io
import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Literal, Protocol, TypeVar
from urllib.parse import urlsplit

from clamav_client.clamd import ClamdError, ClamdNetworkSocket, ClamdUnixSocket

from customhouse.errors import ConfigError
from customhouse.model import Fact, Finding, Severity, Skip, SkipReason
from customhouse.scanners import Member
from customhouse.scanners.options import Options, read

T = TypeVar("T")
_FAILURES = (ClamdError, OSError, UnicodeDecodeError)
_SKEW = dt.timedelta(days=1)
"""Of two clocks, and of a time zone that is not told."""
_FRESH = 60.0
"""Seconds for which clamd's version and the age of its database are taken as known."""
_SKIPS = {"Heuristics.Limits.Exceeded": SkipReason.LIMIT, "Heuristics.Encrypted": SkipReason.ENCRYPTED}
_SEVERITIES = {"PUA.": Severity.MEDIUM, "Heuristics.": Severity.HIGH}


class ClamavOptions(Options, frozen=True):
    """`address`: unix:///path or tcp://host:port; `limit`: bytes; `max_age_days`: of the database, 0 for any age."""

    address: str = "unix:///run/clamav/clamd.ctl"
    limit: int = 25 << 20
    max_age_days: int = 0
    timeout: float = 60.0


class Client(Protocol):
    """What is needed of a clamd client; one per call, it keeps its socket in itself."""

    def version(self) -> str:
        """Such as `ClamAV 1.4.6/27500/Mon Nov 23 09:00:00 2026`; without a database only the first part."""
        ...

    def instream(self, buff: BinaryIO) -> Mapping[str, tuple[str, str | None]]:
        """The status (FOUND, OK, ERROR) and the name of what was found."""
        ...


@dataclass(frozen=True, slots=True)
class _Status:
    version: str
    age: dt.timedelta | None
    until: float


def build(options: Mapping[str, object]) -> ClamavScanner:
    """A scanner that connects when it has something to scan."""
    wanted = read("clamav", options, ClamavOptions)
    return ClamavScanner(wanted, _connector(wanted))


class ClamavScanner:
    """Every member up to the limit is sent to clamd, as it is."""

    name = "clamav"
    reads: Literal["windows", "stream"] = "stream"

    def __init__(
        self, options: ClamavOptions, connect: Callable[[], Client], now: Callable[[], float] = time.time
    ) -> None:
        self._options = options
        self._connect = connect
        self._now = now
        self._lock = threading.Lock()
        self._known: _Status | None = None

    @property
    def version(self) -> str:
        """Engine and database as clamd states them, and whether that is too old: then it is another engine."""
        status = self._status()
        return f"{status.version}, too old" if self._too_old(status.age) else status.version

    def _too_old(self, age: dt.timedelta | None) -> bool:
        most = dt.timedelta(days=self._options.max_age_days)
        return bool(most and age is not None and age > most)

    def wants(self, member: Member) -> bool:
        """Everything that has bytes."""
        return member.size > 0

    def scan(self, member: Member) -> Iterable[Fact]:
        """What clamd found, and a skip for whatever it did not or could not look at."""
        if member.size > self._options.limit:
            yield Skip(
                member.path, SkipReason.LIMIT, f"larger than the {self._options.limit:,} bytes that ClamAV is given"
            )
            return
        age, most = self._status().age, self._options.max_age_days
        if most and age is None:
            yield Skip(member.path, SkipReason.ENGINE, "ClamAV does not say how old its database is")
        elif age is not None and self._too_old(age):
            yield Skip(member.path, SkipReason.ENGINE, f"ClamAV's database is {age.days} days old, {most} are allowed")
        fact = self._ask(member)
        if fact is not None:
            yield fact

    def _ask(self, member: Member) -> Fact | None:
        file = member.stream or io.BytesIO(member.data)
        file.seek(0)
        try:
            answers = _call(self._connect(), lambda client: client.instream(file))
        except _FAILURES as error:
            return Skip(member.path, SkipReason.ENGINE, f"ClamAV did not answer: {type(error).__name__}")
        status, name = next(iter(answers.values()), ("ERROR", "no answer"))
        if status == "FOUND" and name:
            return self._found(member, name)
        if status == "OK" and not name:
            return None
        return Skip(member.path, SkipReason.ENGINE, f"ClamAV failed: {_plain(name or status)}")

    def _found(self, member: Member, name: str) -> Fact:
        for prefix, reason in _SKIPS.items():
            if name.startswith(prefix):
                return Skip(member.path, reason, f"ClamAV: {name}")
        severity = next((level for prefix, level in _SEVERITIES.items() if name.startswith(prefix)), Severity.CRITICAL)
        name = _plain(name)
        return Finding(self.name, name.removesuffix(".UNOFFICIAL"), severity, member.path, f"ClamAV found {name}")

    def _status(self) -> _Status:
        with self._lock:
            now = self._now()
            if self._known is None or self._known.until <= now:
                self._known = _status(self._connect, now)
            return self._known


def _status(connect: Callable[[], Client], now: float) -> _Status:
    try:
        version = _call(connect(), lambda client: client.version()).strip()
    except _FAILURES:
        return _Status("clamd unreachable", None, now + _FRESH)
    return _Status(_plain(version) or "clamd of unknown version", _age(version, now), now + _FRESH)


def _call(client: Client, request: Callable[[Client], T]) -> T:
    """One request; the library leaves its socket open where it could not connect it."""
    try:
        return request(client)
    finally:
        if left := getattr(client, "clamd_socket", None):
            left.close()


def _plain(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text[:200])


def _age(version: str, now: float) -> dt.timedelta | None:
    """The age of the database, whose date is the version's last part; None also where that is in the future."""
    try:
        made = dt.datetime.strptime(version.split("/")[2], "%a %b %d %H:%M:%S %Y").replace(tzinfo=dt.UTC)
    except (IndexError, ValueError):
        return None
    age = dt.datetime.fromtimestamp(now, dt.UTC) - made
    return age if age > -_SKEW else None


def _connector(options: ClamavOptions) -> Callable[[], Client]:
    """Makes a client per call: the library keeps the connection in the object, and scans come from many threads."""
    address = urlsplit(options.address)
    if address.scheme == "unix" and address.path:
        return lambda: ClamdUnixSocket(address.path, timeout=math.ceil(options.timeout))
    if address.scheme == "tcp" and address.hostname:
        host, port = address.hostname, address.port or 3310
        return lambda: ClamdNetworkSocket(host, port, timeout=options.timeout)
    raise ConfigError(f"scanners.clamav.address: {options.address!r} is neither unix:///path nor tcp://host:port")
