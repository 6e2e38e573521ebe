from __future__ import annotations

import http.server
import io
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from customhouse.errors import Denied, Gone, Malformed, Rejected, Transient
from customhouse.stores import open_store
from customhouse.vulnerabilities import sources
from customhouse.vulnerabilities.sources import HttpSource, StoreSource

if TYPE_CHECKING:
    from collections.abc import Iterator

ARCHIVE = b"archive" * 1000


def never() -> bool:
    return False


@dataclass
class Web:
    """What a server answers, and what it was asked."""

    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    short: int = 0
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    url: str = ""
    leads: str = ""


@pytest.fixture
def web() -> Iterator[Web]:
    state = Web()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append((self.path, dict(self.headers.items())))
            if self.headers.get("If-None-Match") == state.headers.get("ETag", "none"):
                self.send_response(304)
                self.end_headers()
                return
            if self.path.startswith("/moved"):
                self.send_response(302)
                self.send_header("Location", state.leads or self.path.removeprefix("/moved"))
                self.end_headers()
                return
            self.send_response(state.status)
            for name, value in ({"Content-Length": str(len(ARCHIVE))} | state.headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(ARCHIVE[: len(ARCHIVE) - state.short])

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it
            """Stay quiet."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


def fetched(url: str, tag: str = "", name: str = "npm") -> tuple[str | None, bytes]:
    file = io.BytesIO()
    return HttpSource(url, timeout=5).fetch(name, tag, file, never), file.getvalue()


@pytest.mark.emulator
def test_an_archive_is_taken_once_and_then_asked_for_by_its_etag(web: Web) -> None:
    web.headers["ETag"] = '"one"'
    tag, data = fetched(web.url)
    assert (tag, data) == ('If-None-Match "one"', ARCHIVE)
    assert fetched(web.url, tag or "") == (None, b"")
    web.headers["ETag"] = '"two"'
    assert fetched(web.url, tag or "") == ('If-None-Match "two"', ARCHIVE)


@pytest.mark.emulator
def test_without_an_etag_the_time_of_the_last_change_is_told(web: Web) -> None:
    web.headers["Last-Modified"] = "Tue, 24 Nov 2026 00:00:00 GMT"
    tag, _ = fetched(web.url)
    fetched(web.url, tag or "")
    assert web.asked[1][1]["If-Modified-Since"] == web.headers["Last-Modified"]
    web.headers.clear()
    assert fetched(web.url) == ("", ARCHIVE)


@pytest.mark.emulator
def test_names_with_blanks_are_quoted_and_mirrors_may_redirect(web: Web) -> None:
    assert fetched(f"{web.url}/moved/", name="Red Hat") == ("", ARCHIVE)
    assert [path for path, _ in web.asked] == ["/moved/Red%20Hat/all.zip", "/Red%20Hat/all.zip"]


@pytest.mark.emulator
@pytest.mark.parametrize(
    ("status", "error"),
    [(404, Gone), (403, Denied), (401, Denied), (429, Transient), (503, Transient), (400, Rejected)],
)
def test_refusals_are_what_they_mean(web: Web, status: int, error: type[Exception]) -> None:
    web.status = status
    with pytest.raises(error, match=f"npm/all.zip answered {status}"):
        fetched(web.url)


@pytest.mark.emulator
def test_what_breaks_off_is_tried_again(web: Web) -> None:
    web.short = 9
    with pytest.raises(Transient, match="broke off"):
        fetched(web.url)


@pytest.mark.emulator
def test_nobody_there_is_tried_again() -> None:
    with pytest.raises(Transient, match=r"all\.zip"):
        fetched("http://127.0.0.1:1")


@pytest.mark.emulator
def test_time_that_is_up_ends_a_download(web: Web) -> None:
    with pytest.raises(Transient, match="time was up"):
        HttpSource(web.url).fetch("npm", "", io.BytesIO(), lambda: True)


@pytest.mark.emulator
@pytest.mark.parametrize("leads", ["file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_nothing_but_the_web_is_opened(web: Web, leads: str) -> None:
    web.leads = leads
    for url in (leads, f"{web.url}/moved"):
        with pytest.raises((Rejected, Transient)):
            fetched(url)


def test_an_archive_without_end_is_refused() -> None:
    class Endless:
        def __iter__(self) -> Iterator[bytes]:
            while True:
                yield block

    class Nowhere(io.BytesIO):
        def write(self, data: object) -> int:
            assert data is block
            return len(block)

    block = bytes(1 << 28)
    with pytest.raises(Malformed, match="2 GiB"):
        sources._write(Endless(), Nowhere(), never)


def test_a_store_is_asked_by_version_and_etag() -> None:
    store = open_store("memory://sources")
    source = StoreSource(store, "osv/")
    store.put("osv/Red Hat/all.zip", ARCHIVE)
    file = io.BytesIO()
    tag = source.fetch("Red Hat", "", file, never)
    assert tag
    assert file.getvalue() == ARCHIVE
    assert source.fetch("Red Hat", tag, io.BytesIO(), never) is None
    store.put("osv/Red Hat/all.zip", b"new")
    assert source.fetch("Red Hat", tag, io.BytesIO(), never) not in {None, tag}
    with pytest.raises(Gone):
        source.fetch("npm", "", io.BytesIO(), never)
