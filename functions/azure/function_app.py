"""Azure Functions entries: Event Grid writes to a storage queue, the queue is processed, timers run the jobs."""

import json
import logging
import os
from functools import cache

import azure.functions as func

from customhouse import app as core
from customhouse import events

QUEUE = os.environ.get("CUSTOMHOUSE_QUEUE", "customhouse-events")
RECONCILE = os.environ.get("CUSTOMHOUSE_RECONCILE_SCHEDULE", "0 0 * * * *")
LIFECYCLE = os.environ.get("CUSTOMHOUSE_LIFECYCLE_SCHEDULE", "0 30 * * * *")
SECONDS = 540  # host.json ends an invocation after ten minutes
STORAGE = "AzureWebJobsStorage"
app = func.FunctionApp()
load, logger = cache(core.load), logging.getLogger("customhouse")


@app.queue_trigger(arg_name="message", queue_name=QUEUE, connection=STORAGE)
def artifact(message: func.QueueMessage) -> None:
    """Process what one message names; raising brings it back, and in the end to the poison queue."""
    for part in events.records(message.get_body()):
        for event in part.events:
            result = load().process(event)
            logger.info("%s %s %s %s", event.location, result.status, result.verdict, result.rule)
        if part.error:
            raise part.error


@app.event_grid_trigger(arg_name="event")
@app.queue_output(arg_name="queue", queue_name=QUEUE, connection=STORAGE)
def push(event: func.EventGridEvent, queue: func.Out[str]) -> None:
    """Where Event Grid cannot write to the queue itself: it waits 30 seconds for an answer, an inspection may not."""
    fields = {"id": event.id, "topic": event.topic, "subject": event.subject, "eventType": event.event_type}
    queue.set(json.dumps({**fields, "data": event.get_json()}))


@app.timer_trigger(arg_name="timer", schedule=RECONCILE)
def reconcile(timer: func.TimerRequest) -> None:
    """Process what no event came for."""
    _run("reconcile", timer)


@app.timer_trigger(arg_name="timer", schedule=LIFECYCLE)
def lifecycle(timer: func.TimerRequest) -> None:
    """Retire what is due by the policy's lifecycle rules."""
    _run("lifecycle", timer)


def _run(name: str, timer: func.TimerRequest) -> None:
    logger.info("%s (past due: %s): %s", name, timer.past_due, dict(load().run_schedule(name, SECONDS)))
