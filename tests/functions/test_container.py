"""The HTTP entry of the container, over WSGI, with an app that keeps what it is asked."""

from __future__ import annotations

import importlib.util
import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any
from wsgiref.types import WSGIApplication
from wsgiref.util import setup_testing_defaults

import pytest

from customhouse.app import Result
from customhouse.errors import CustomhouseError, Denied, Transient
from customhouse.model import Event
from tests.events import shapes

_FOLDER = Path(__file__).parents[2] / "functions" / "container"


def _module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("customhouse_container_main", _FOLDER / "main.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


main = _module()


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
    return main.entry(lambda: app)


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

    assert ask(main.entry(load), "GET").status == 200


def test_the_entry_is_thin() -> None:
    assert len([line for line in (_FOLDER / "main.py").read_text().splitlines() if line.strip()]) <= 40


def test_the_image_runs_as_nobody_from_locked_packages() -> None:
    dockerfile = (_FOLDER / "Dockerfile").read_text()
    lock = (_FOLDER / "requirements.txt").read_text()

    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", dockerfile, re.MULTILINE)
    assert "--require-hashes" in dockerfile
    assert re.search(r"^gunicorn==", lock, re.MULTILINE)
    assert lock.count("==") <= lock.count("--hash=sha256:")
