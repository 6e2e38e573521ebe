from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runtimes.functions_framework import FunctionsFramework
from tests.runtimes.process import ProcessError

pytestmark = pytest.mark.emulator

MAIN = """
import functions_framework

@functions_framework.cloud_event
def on_event(event):
    print(event["type"], event.data, flush=True)
    if event.data["fail"]:
        raise RuntimeError("asked to")

@functions_framework.http
def hello(request):
    return request.get_json()["name"]
"""
HEADERS = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "//test", "ce-type": "example.type"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gcp")
    (folder / "main.py").write_text(MAIN)
    return folder


@pytest.fixture(scope="module")
def events(folder: Path) -> Iterator[FunctionsFramework]:
    with FunctionsFramework(folder, "on_event", "cloudevent", environment={}) as runtime:
        yield runtime


def test_cloud_event_reaches_the_function(events: FunctionsFramework) -> None:
    reply = events.post({"fail": False}, HEADERS)
    assert reply.status == 200
    assert "example.type {'fail': False}" in events.output


def test_raising_function_answers_500(events: FunctionsFramework) -> None:
    assert events.post({"fail": True}, HEADERS).status == 500


def test_what_is_no_event_answers_400(events: FunctionsFramework) -> None:
    assert events.post({"x": 1}, {}).status == 400


def test_http_function_answers(folder: Path) -> None:
    with FunctionsFramework(folder, "hello", "http", environment={}) as runtime:
        reply = runtime.post({"name": "ada"}, {})
    assert (reply.status, reply.body) == (200, "ada")


def test_main_that_cannot_be_imported_is_reported(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("import nothing_of_that_name\n")
    with pytest.raises(ProcessError, match="nothing_of_that_name"):
        FunctionsFramework(tmp_path, "hello", "http", environment={})
