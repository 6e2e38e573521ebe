"""The HTTP entry of the container, over WSGI, with an app that keeps what it is asked."""

from __future__ import annotations

import io
import json
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from wsgiref.types import WSGIApplication
from wsgiref.util import setup_testing_defaults

import pytest

from customhouse import callers, web
from customhouse.app import Result
from customhouse.errors import CustomhouseError, Denied, Transient
from customhouse.model import Event
from tests.events import shapes
from tests.functions.support import until

_FOLDER = Path(__file__).parents[2] / "functions" / "container"
EVERYONE = callers.read({"CUSTOMHOUSE_CALLERS": "ingress"})


@dataclass
class FakeApp:
    """Fails on the keys it is told to; `seen` are the keys it processed, `ran` the jobs."""

    failing: Mapping[str, CustomhouseError] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)

    def process(self, event: Event) -> Result:
        if event.location.key in self.failing:
            raise self.failing[event.location.key]
        self.seen.append(event.location.key)
        return Result("decided", "clean", "rule")

    def run_schedule(self, name: str, seconds: float) -> Mapping[str, object]:
        assert seconds > 0
        self.ran.append(name)
        return {"job": name, "complete": True}


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


def ask(
    application: WSGIApplication,
    method: str,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    path: str = "/",
    **more: str | None,
) -> Answer:
    """One request."""
    sent = b"" if body is None else json.dumps(body).encode() if not isinstance(body, bytes) else body
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "CONTENT_LENGTH": str(len(sent)),
    }
    environ |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in (headers or {}).items()}
    setup_testing_defaults(environ)
    environ["wsgi.input"] = io.BytesIO(sent)
    environ = {name: value for name, value in (environ | more).items() if value is not None}
    told: list[tuple[str, list[tuple[str, str]]]] = []

    def start(status: str, headers: list[tuple[str, str]], _: object = None) -> Callable[[bytes], object]:
        told.append((status, headers))
        return lambda _: None

    chunks = application(environ, start)
    body = b"".join(chunks)
    [(status, answered)] = told
    return Answer(int(status.split()[0]), dict(answered), body)


@pytest.fixture
def app() -> FakeApp:
    return FakeApp()


@pytest.fixture
def application(app: FakeApp) -> WSGIApplication:
    return web.entry(lambda: app, EVERYONE)


@pytest.mark.parametrize(
    "body",
    [
        shapes.sns(json.dumps(shapes.s3("in/é+ b"))),
        shapes.eventbridge("in/é+ b"),
        shapes.gcs("in/é+ b"),
        shapes.pubsub("in/é+ b"),
        [shapes.blob("in/é+ b")],
    ],
    ids=["sns", "eventbridge", "gcs", "pubsub", "blob"],
)
def test_an_upload_of_any_cloud_is_processed(body: object, app: FakeApp, application: WSGIApplication) -> None:
    assert ask(application, "POST", body).status == 200
    assert app.seen == ["in/é+ b"]


def test_an_event_in_binary_mode_is_processed(app: FakeApp, application: WSGIApplication) -> None:
    headers = {"ce-specversion": "1.0", "ce-id": "1", "ce-type": "google.cloud.storage.object.v1.finalized"}

    assert ask(application, "POST", {"bucket": "b", "name": "k"}, headers).status == 200
    assert app.seen == ["k"]


def test_an_event_about_something_else_is_acknowledged(app: FakeApp, application: WSGIApplication) -> None:
    assert ask(application, "POST", {"Records": [shapes.s3_record("k", "ObjectRemoved:Delete")]}).status == 200
    assert app.seen == []


def test_what_must_come_again_answers_503(app: FakeApp, application: WSGIApplication) -> None:
    app.failing = {"busy": Transient("another run holds it")}

    answer = ask(application, "POST", shapes.s3("busy"))

    assert (answer.status, answer.body) == (503, b"another run holds it\n")


@pytest.mark.parametrize("body", [b"", b"hello", b"{}", b"[1]"])
def test_what_is_no_event_answers_400(body: bytes, application: WSGIApplication) -> None:
    answer = ask(application, "POST", body)

    assert answer.status == 400
    assert answer.body.endswith(b"\n")


def test_a_bad_record_is_told_when_the_good_ones_are_done(app: FakeApp, application: WSGIApplication) -> None:
    assert ask(application, "POST", ["no event", shapes.blob("good")]).status == 400
    assert app.seen == ["good"]


def test_what_nobody_expected_is_left_to_the_server(app: FakeApp, application: WSGIApplication) -> None:
    app.failing = {"k": Denied("the role may not tag")}

    with pytest.raises(Denied):
        ask(application, "POST", shapes.s3("k"))


def test_a_job_runs_by_its_name(app: FakeApp, application: WSGIApplication) -> None:
    answer = ask(application, "POST", path="/schedule/reconcile")

    assert (answer.status, json.loads(answer.body)) == (200, {"job": "reconcile", "complete": True})
    assert app.ran == ["reconcile"]


def test_event_grid_gets_its_code(application: WSGIApplication) -> None:
    body = [{"eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "data": {"validationCode": "512d"}}]

    answer = ask(application, "POST", body, {"aeg-event-type": "SubscriptionValidation"})

    assert json.loads(answer.body) == {"validationResponse": "512d"}


def test_the_webhook_handshake_is_answered(application: WSGIApplication) -> None:
    answer = ask(application, "OPTIONS", headers={"WebHook-Request-Origin": "eventgrid.azure.net"})

    assert (answer.status, answer.headers["WebHook-Allowed-Origin"]) == (200, "eventgrid.azure.net")


def test_a_confirmation_that_leads_elsewhere_is_refused(application: WSGIApplication) -> None:
    headers = {"x-amz-sns-message-type": "SubscriptionConfirmation"}

    assert ask(application, "POST", {"SubscribeURL": "https://evil.example/"}, headers).status == 400


def test_a_probe_finds_it_alive_without_building_the_app() -> None:
    def load() -> FakeApp:
        raise AssertionError("a probe needs no app")

    assert ask(web.entry(load, EVERYONE), "GET").status == 200


@pytest.mark.parametrize("path", ["/", "/healthz"])
def test_a_probe_may_ask_for_the_head_alone(path: str, application: WSGIApplication) -> None:
    assert ask(application, "HEAD", path=path).status == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH"])
def test_an_event_that_is_not_posted_is_not_taken_for_done(
    method: str, app: FakeApp, application: WSGIApplication
) -> None:
    answer = ask(application, method, shapes.s3("k"))

    assert (answer.status, answer.headers["Allow"], app.seen) == (405, "GET, POST", [])


def test_a_job_that_there_is_not_is_told_with_those_there_are(app: FakeApp, application: WSGIApplication) -> None:
    answer = ask(application, "POST", path="/schedule/everything")

    assert (answer.status, app.ran) == (404, [])
    assert b"reconcile" in answer.body


def test_a_body_that_is_too_large_is_refused_however_it_comes(app: FakeApp, application: WSGIApplication) -> None:
    large = b" " * (web.LARGEST + 1)

    assert ask(application, "POST", large).status == 413
    assert ask(application, "POST", large, CONTENT_LENGTH=None, **{"wsgi.input_terminated": "yes"}).status == 413
    assert app.seen == []


def test_a_body_without_a_length_is_read_to_its_end(app: FakeApp, application: WSGIApplication) -> None:
    chunked: dict[str, str | None] = {"CONTENT_LENGTH": None, "wsgi.input_terminated": "yes"}

    assert ask(application, "POST", shapes.s3("k"), **chunked).status == 200
    assert app.seen == ["k"]


@pytest.mark.parametrize(("length", "status"), [("many", 400), ("-1", 400), ("99999", 503)])
def test_a_length_that_is_none_or_was_not_sent_is_no_event(
    length: str, status: int, app: FakeApp, application: WSGIApplication
) -> None:
    assert ask(application, "POST", shapes.s3("k"), CONTENT_LENGTH=length).status == status
    assert app.seen == []


def test_a_stranger_is_told_how_to_say_who_it_is_and_nothing_is_read(app: FakeApp) -> None:
    admit = callers.read({"CUSTOMHOUSE_CALLERS": "token", "CUSTOMHOUSE_CALLERS_TOKEN": "a" * 16})
    entry = web.entry(lambda: app, admit)

    for path in ("/", "/schedule/reconcile"):
        answer = ask(entry, "POST", shapes.s3("k"), path=path)
        assert (answer.status, answer.headers["WWW-Authenticate"].partition(" ")[0]) == (401, "Basic")
    assert (app.seen, app.ran) == ([], [])
    assert ask(entry, "POST", shapes.s3("k"), {"Authorization": f"Bearer {'a' * 16}"}).status == 200
    assert app.seen == ["k"]


def test_a_stranger_gets_no_handshake_and_a_probe_needs_no_token(app: FakeApp) -> None:
    entry = web.entry(
        lambda: app, callers.read({"CUSTOMHOUSE_CALLERS": "token", "CUSTOMHOUSE_CALLERS_TOKEN": "a" * 16})
    )
    body = [{"eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "data": {"validationCode": "512d"}}]
    kind = {"aeg-event-type": "SubscriptionValidation"}

    assert ask(entry, "POST", body, kind).status == 401
    assert ask(entry, "POST", body, kind, QUERY_STRING=f"token={'a' * 16}").status == 200
    assert ask(entry, "OPTIONS", headers={"WebHook-Request-Origin": "eventgrid.azure.net"}).status == 401
    assert ask(entry, "GET").status == 200


def test_without_callers_the_container_does_not_start() -> None:
    done = subprocess.run([sys.executable, _FOLDER / "main.py"], env={}, capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert "CUSTOMHOUSE_CALLERS is ''; write ingress, token or the https:// URL of an issuer" in done.stderr


def test_the_entry_is_thin() -> None:
    assert len([line for line in (_FOLDER / "main.py").read_text().splitlines() if line.strip()]) <= 40


def test_the_image_runs_as_nobody_from_locked_packages() -> None:
    dockerfile = (_FOLDER / "Dockerfile").read_text()
    lock = (_FOLDER / "requirements.txt").read_text()

    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", dockerfile, re.MULTILINE)
    assert "--require-hashes" in dockerfile
    for needed in ("gunicorn", "pyjwt", "cryptography"):  # the server, and what reads callers' tokens
        assert re.search(rf"^{needed}==", lock, re.MULTILINE)
    assert lock.count("==") <= lock.count("--hash=sha256:")


@pytest.mark.parametrize("file", ["cloud-run.yaml", "container-app.yaml", "fargate-task.json"])
def test_every_deployment_says_who_may_call_and_holds_no_secret(file: str) -> None:
    text = (_FOLDER.parents[1] / "deploy" / "container" / file).read_text()
    kind = re.search(r'CUSTOMHOUSE_CALLERS"?, "?value"?: "?(\w+)', text)
    assert kind is not None
    assert kind[1] == ("ingress" if "run.googleapis.com/ingress: internal" in text else "token")
    token = re.search(r'CUSTOMHOUSE_CALLERS_TOKEN"?,\s+"?(\w+)', text)
    assert (token[1] if token else None) == {"cloud-run.yaml": None, "container-app.yaml": "secretRef"}.get(
        file, "valueFrom"
    )


SERVED = """
import time
from pathlib import Path
from customhouse import callers, web
from customhouse.app import Result
class Slow:
    def process(self, event):
        Path("began").touch()
        time.sleep({seconds})
        return Result("decided", "clean", "rule")
application = web.entry(Slow, callers.read({{"CUSTOMHOUSE_CALLERS": "ingress"}}))
"""


@contextmanager
def served(folder: Path, seconds: float = 0.0) -> Iterator[tuple[subprocess.Popen[str], socket.socket]]:
    """The image's server with an app that takes its time, and a connection to it."""
    (folder / "served.py").write_text(SERVED.format(seconds=seconds))
    command = re.findall(r'"([^"]+)"', (_FOLDER / "Dockerfile").read_text().rpartition("CMD ")[2])
    command = [sys.executable, *command[1:-1], "--bind", f"unix:{folder}/socket", "served:application"]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as server:
        try:
            until((folder / "socket").exists, lambda: "the server did not start")
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(folder / "socket"))
                yield server, connection
        finally:
            server.terminate()
            server.communicate()


def posted(body: bytes, *headers: str) -> bytes:
    return "\r\n".join(["POST / HTTP/1.1", "Host: x", "Connection: close", *headers, "\r\n"]).encode() + body


@pytest.mark.emulator
def test_what_is_at_work_when_the_server_is_told_to_stop_is_finished(tmp_path: Path) -> None:
    body = json.dumps(shapes.s3("k")).encode()
    with served(tmp_path, 1.0) as (server, connection):
        connection.sendall(posted(body, f"Content-Length: {len(body)}"))
        until((tmp_path / "began").exists, lambda: "the request did not arrive")
        server.terminate()
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert server.returncode == 0


@pytest.mark.emulator
def test_the_server_hands_over_a_body_that_comes_in_chunks(tmp_path: Path) -> None:
    body = json.dumps(shapes.s3("k")).encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:])) + b"0\r\n\r\n"
    with served(tmp_path) as (_, connection):
        connection.sendall(posted(chunks, "Transfer-Encoding: chunked"))
        assert connection.makefile("rb").read().startswith(b"HTTP/1.1 200 OK")
    assert (tmp_path / "began").exists()


def test_where_a_task_mounts_a_volume_everyone_may_write() -> None:
    task = json.loads((_FOLDER.parents[1] / "deploy" / "container" / "fargate-task.json").read_text())
    volumes = json.loads(re.findall(r"^VOLUME (.*)$", (_FOLDER / "Dockerfile").read_text(), re.MULTILINE)[0])
    [container] = task["containerDefinitions"]
    assert container["readonlyRootFilesystem"] is True
    assert [mount["containerPath"] for mount in container["mountPoints"]] == volumes
