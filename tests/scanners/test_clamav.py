from __future__ import annotations

import datetime as dt
import io
from typing import TYPE_CHECKING

import pytest
from clamav_client.clamd import BufferTooLongError, CommunicationError

from customhouse.errors import ConfigError
from customhouse.model import Finding, Severity, Skip, SkipReason
from customhouse.scanners import Member, clamav
from tests.scanners.support import member

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

NOW = dt.datetime(2026, 11, 24, tzinfo=dt.UTC).timestamp()
VERSION = "ClamAV 1.4.6/27500/Mon Nov 16 00:00:00 2026"


class FakeClamd:
    """Answers as clamd does; `error` is raised instead."""

    def __init__(self, answer: tuple[str, str | None] = ("OK", None), error: Exception | None = None) -> None:
        self.answer, self.error = answer, error
        self.stated = VERSION
        self.asked = 0
        self.received: list[bytes] = []

    def version(self) -> str:
        self.asked += 1
        if self.error:
            raise self.error
        return self.stated

    def instream(self, buff: BinaryIO) -> Mapping[str, tuple[str, str | None]]:
        if self.error:
            raise self.error
        self.received.append(buff.read())
        return {"stream": self.answer}


def scan(clamd: FakeClamd, one: Member, **options: object) -> list[object]:
    wanted = clamav.ClamavOptions(**options)  # type: ignore[arg-type] -- each test gives one valid option
    return list(clamav.ClamavScanner(wanted, lambda: clamd, lambda: NOW).scan(one))


def test_what_clamd_finds_is_critical_and_what_it_passes_is_clean() -> None:
    assert scan(FakeClamd(("FOUND", "Eicar-Test-Signature")), member(b"x")) == [
        Finding(
            "clamav", "Eicar-Test-Signature", Severity.CRITICAL, "artifact!/file", "ClamAV found Eicar-Test-Signature"
        )
    ]
    assert scan(FakeClamd(), member(b"x")) == []


@pytest.mark.parametrize(
    ("name", "severity"),
    [
        ("PUA.Win.Packer.Upx", Severity.MEDIUM),
        ("Heuristics.Phishing.Email", Severity.HIGH),
        ("Local.Rule.UNOFFICIAL", Severity.CRITICAL),
    ],
)
def test_the_name_of_a_signature_says_how_bad_it_is(name: str, severity: Severity) -> None:
    (found,) = scan(FakeClamd(("FOUND", name)), member(b"x"))
    assert isinstance(found, Finding)
    assert (found.severity, "UNOFFICIAL" in found.rule) == (severity, False)


@pytest.mark.parametrize(
    ("clamd", "reason"),
    [
        (FakeClamd(error=CommunicationError("down")), SkipReason.ENGINE),
        (FakeClamd(error=ConnectionResetError()), SkipReason.ENGINE),
        (FakeClamd(error=BrokenPipeError()), SkipReason.ENGINE),
        (FakeClamd(error=BufferTooLongError("limit")), SkipReason.ENGINE),
        (FakeClamd(("ERROR", "Can't allocate memory")), SkipReason.ENGINE),
        (FakeClamd(("FOUND", "Heuristics.Limits.Exceeded.MaxScanSize")), SkipReason.LIMIT),
        (FakeClamd(("FOUND", "Heuristics.Encrypted.Zip")), SkipReason.ENCRYPTED),
    ],
)
def test_what_clamd_did_not_see_is_a_skip(clamd: FakeClamd, reason: SkipReason) -> None:
    assert [fact.reason for fact in scan(clamd, member(b"x")) if isinstance(fact, Skip)] == [reason]


def test_a_member_above_the_limit_is_a_skip_and_not_sent() -> None:
    clamd = FakeClamd()
    assert [fact.reason for fact in scan(clamd, member(b"x" * 11), limit=10) if isinstance(fact, Skip)] == [
        SkipReason.LIMIT
    ]
    assert scan(clamd, member(b"x" * 10), limit=10) == []
    assert clamd.received == [b"x" * 10]


def test_a_large_member_is_sent_whole_from_its_file() -> None:
    clamd, data = FakeClamd(), bytes(range(256)) * 100
    scan(clamd, Member("m", "m", "unknown", len(data), data[:100], last=False, stream=io.BytesIO(data)))
    assert clamd.received == [data]


@pytest.mark.parametrize(("days", "held"), [(0, False), (9, False), (7, True)])
def test_an_old_database_is_a_skip_beside_what_it_finds(days: int, held: bool) -> None:  # noqa: FBT001 -- a case
    facts = scan(FakeClamd(("FOUND", "X")), member(b"x"), max_age_days=days)
    assert [type(fact) for fact in facts] == ([Skip] if held else []) + [Finding]


def test_a_database_of_unknown_age_is_a_skip_where_an_age_is_asked_for() -> None:
    clamd = FakeClamd()
    clamd.stated = "ClamAV 1.4.6"
    assert [type(fact) for fact in scan(clamd, member(b"x"), max_age_days=7)] == [Skip]
    assert scan(clamd, member(b"x")) == []


def test_the_version_is_the_daemons_and_asked_once_a_minute() -> None:
    clamd, now = FakeClamd(), [NOW]
    scanner = clamav.ClamavScanner(clamav.ClamavOptions(), lambda: clamd, lambda: now[0])
    assert [scanner.version, scanner.version, clamd.asked] == [VERSION, VERSION, 1]
    clamd.stated = "ClamAV 1.4.7"
    now[0] += 61
    assert scanner.version == "ClamAV 1.4.7"


@pytest.mark.parametrize(("days", "said"), [(0, VERSION), (9, VERSION), (7, f"{VERSION}, too old")])
def test_a_database_that_became_too_old_is_another_engine(days: int, said: str) -> None:
    options = clamav.ClamavOptions(max_age_days=days)
    assert clamav.ClamavScanner(options, FakeClamd, lambda: NOW).version == said


def test_a_daemon_that_is_down_is_no_reason_not_to_start() -> None:
    scanner = clamav.ClamavScanner(clamav.ClamavOptions(), lambda: FakeClamd(error=CommunicationError("down")))
    assert scanner.version == "clamd unreachable"


@pytest.mark.parametrize("address", ["", "clamd.ctl", "http://localhost:3310", "unix://", "tcp://"])
def test_an_address_that_cannot_work_is_named(address: str) -> None:
    with pytest.raises(ConfigError, match=r"scanners\.clamav\.address"):
        clamav.build({"address": address})
