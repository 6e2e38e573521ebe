from __future__ import annotations

import datetime as dt
import io
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Self

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
        (FakeClamd(("FOUND", None)), SkipReason.ENGINE),
        (FakeClamd(("FOUND", "")), SkipReason.ENGINE),
        (FakeClamd(("OK", "Eicar FOUND")), SkipReason.ENGINE),
        (FakeClamd(("MAYBE", "Eicar")), SkipReason.ENGINE),
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


@pytest.mark.parametrize(
    "stated",
    [
        "ClamAV 1.4.6/27500/Mon Nov 30 00:00:00 2026",
        "ClamAV 1.4.6/27500/yesterday",
        "ClamAV 1.4.6/27500/Mon Nov 99 00:00:00 2026",
        "ClamAV 1.4.6//",
        "",
    ],
)
def test_a_date_that_cannot_be_is_an_unknown_age(stated: str) -> None:
    clamd = FakeClamd()
    clamd.stated = stated
    assert [type(fact) for fact in scan(clamd, member(b"x"), max_age_days=7)] == [Skip]


def test_a_name_that_would_fool_a_terminal_is_made_plain() -> None:
    (found,) = scan(FakeClamd(("FOUND", "Evil\x1b[2J\u202e")), member(b"x"))
    assert isinstance(found, Finding)
    assert (found.rule, found.message) == ("Evil?[2J?", "ClamAV found Evil?[2J?")


class Daemon:
    """Listens at a socket; reads one request and answers it with these bytes, however wrong, or with silence."""

    def __init__(self, path: Path, answer: bytes | None) -> None:
        self.address, self._answer = f"unix://{path}", answer
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()

    def _serve(self) -> None:
        while not self._done.is_set():
            try:
                asked, _ = self._listening.accept()
            except OSError:
                return
            with asked:
                data = b""
                while not data.endswith((b"nVERSION\n", bytes(4))) and (more := asked.recv(4096)):
                    data += more
                if self._answer is None:
                    self._done.wait()
                else:
                    asked.sendall(self._answer)


@pytest.mark.parametrize(
    ("answer", "kinds"),
    [
        (b"stream: OK\n", []),
        (b"stream: OK", []),
        (b"stream: Evil FOUND\n", [Finding]),
        (b"stream: OK\nstream: Evil FOUND\n", []),
        (b"", [Skip]),
        (b"\n", [Skip]),
        (b"stream: O", [Skip]),
        (b"stream: Evil FOU", [Skip]),
        (b"stream:", [Skip]),
        (b"OK\n", [Skip]),
        (b"stream: Evil FOUND OK\n", [Skip]),
        (b"stream: \xff\xfe FOUND\n", [Skip]),
        (b"INSTREAM size limit exceeded. ERROR\n", [Skip]),
        (b"stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\n", [Skip]),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", [Skip]),
        (b"\0" * 100_000, [Skip]),
        (None, [Skip]),
    ],
)
def test_an_answer_is_believed_only_where_it_is_one(tmp_path: Path, answer: bytes | None, kinds: list[type]) -> None:
    with Daemon(tmp_path / "clamd", answer) as daemon:
        scanner = clamav.build({"address": daemon.address, "timeout": 0.5})
        assert [type(fact) for fact in scanner.scan(member(b"data"))] == kinds


@pytest.mark.parametrize("answer", [b"", b"\xff\xfe\n", b"ClamAV ERROR\n", b"/////\n", b"ClamAV \x1b[2J\n"])
def test_a_daemon_that_does_not_say_what_it_is_stops_nothing(tmp_path: Path, answer: bytes) -> None:
    with Daemon(tmp_path / "clamd", answer) as daemon:
        scanner = clamav.build({"address": daemon.address, "max_age_days": 7})
        assert scanner.version
        assert scanner.version.isprintable()
        assert Skip in [type(fact) for fact in scanner.scan(member(b"data"))]


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
