import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runtimes.azure_host import AzureHost
from tests.runtimes.process import ProcessError

pytestmark = pytest.mark.emulator

APP = """
import logging
import azure.functions as func

app = func.FunctionApp()

@app.queue_trigger(arg_name="message", queue_name="%WORK%", connection="AzureWebJobsStorage")
def work(message: func.QueueMessage) -> None:
    text = message.get_body().decode()
    logging.info("work %r, try %s", text, message.dequeue_count)
    if "boom" in text:
        raise ValueError("boom")

@app.event_grid_trigger(arg_name="event")
@app.queue_output(arg_name="out", queue_name="%WORK%", connection="AzureWebJobsStorage")
def push(event: func.EventGridEvent, out: func.Out[str]) -> None:
    if event.subject == "bad":
        raise ValueError("bad subject")
    out.set(f"pushed {event.subject}")

@app.timer_trigger(arg_name="timer", schedule="0 0 * * * *")
def tick(timer: func.TimerRequest) -> None:
    logging.info("tick, past due: %s", timer.past_due)
"""
HOST = {"version": "2.0", "extensions": {"queues": {"maxDequeueCount": 2, "visibilityTimeout": "00:00:00"}}}
EVENT_GRID = "/runtime/webhooks/EventGrid?functionName=push"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, azure_connection_string: str) -> Iterator[AzureHost]:
    folder = tmp_path_factory.mktemp("azure")
    (folder / "function_app.py").write_text(APP)
    (folder / "host.json").write_text(json.dumps(HOST))
    environment = {"AzureWebJobsStorage": azure_connection_string, "WORK": f"work-{uuid.uuid4().hex[:8]}"}
    with AzureHost(folder, environment=environment) as host:
        yield host


def grid_event(subject: str) -> dict[str, object]:
    return {"id": "1", "topic": "t", "subject": subject, "eventType": "x", "data": {}, "dataVersion": ""}


def until_logged(host: AzureHost, text: str) -> None:
    deadline = time.monotonic() + 20
    while text not in host.output:
        assert time.monotonic() < deadline, host.output
        time.sleep(0.05)


def test_app_is_indexed(host: AzureHost) -> None:
    triggers = {name: function.trigger["type"] for name, function in host.functions.items()}
    assert triggers == {"work": "queueTrigger", "push": "eventGridTrigger", "tick": "timerTrigger"}


def test_queue_message_is_processed_once(host: AzureHost) -> None:
    queue = host.queue("%WORK%")
    queue.send_message(host.encode("fine ü"))
    until_logged(host, "work 'fine ü', try 1")
    assert host.output.count("fine ü") == 1


def test_failing_message_is_retried_and_then_poison(host: AzureHost) -> None:
    host.queue("%WORK%").send_message(host.encode("boom 1"))
    assert poison(host) == [host.encode("boom 1")]
    assert "work 'boom 1', try 2" in host.output
    assert "work 'boom 1', try 3" not in host.output


def test_message_that_is_not_base64_is_poison(host: AzureHost) -> None:
    host.queue("%WORK%").send_message("not base64!")
    assert poison(host) == ["not base64!"]


def poison(host: AzureHost) -> list[str]:
    queue, deadline = host.queue("%WORK%-poison"), time.monotonic() + 20
    while not (messages := list(queue.receive_messages())):
        assert time.monotonic() < deadline, host.output
        time.sleep(0.05)
    for message in messages:
        queue.delete_message(message)
    return [message.content for message in messages]


def test_event_grid_handshake_is_answered(host: AzureHost) -> None:
    validation = [{"data": {"validationCode": "512d38b6"}}]
    reply = host.post(EVENT_GRID, validation, {"aeg-event-type": "SubscriptionValidation"})
    assert (reply.status, json.loads(reply.body)) == (200, {"validationResponse": "512d38b6"})


def test_event_grid_event_reaches_the_queue_through_an_output(host: AzureHost) -> None:
    assert host.post(EVENT_GRID, [grid_event("one")]).status == 202
    until_logged(host, "work 'pushed one'")


def test_failing_event_grid_function_answers_500(host: AzureHost) -> None:
    assert host.post(EVENT_GRID, [grid_event("bad")]).status == 500


def test_timer_runs_through_the_admin_endpoint(host: AzureHost) -> None:
    assert host.post("/admin/functions/tick", {}).status == 202
    until_logged(host, "tick, past due: False")


@pytest.mark.parametrize("path", ["/admin/functions/no", "/runtime/webhooks/EventGrid?functionName=no", "/elsewhere"])
def test_what_does_not_exist_answers_404(host: AzureHost, path: str) -> None:
    assert host.post(path, [{}]).status == 404


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import nothing_of_that_name\n", "nothing_of_that_name"),
        (APP.replace('arg_name="timer"', 'arg_name="clock"'), "cannot load the tick function"),
        ("import os\nos._exit(7)\n", "the worker ended"),
    ],
)
def test_app_that_cannot_be_indexed_is_reported(
    tmp_path: Path, azure_connection_string: str, source: str, reason: str
) -> None:
    (tmp_path / "function_app.py").write_text(source)
    (tmp_path / "host.json").write_text(json.dumps(HOST))
    with pytest.raises(ProcessError, match=reason):
        AzureHost(tmp_path, environment={"AzureWebJobsStorage": azure_connection_string, "WORK": "work"})
