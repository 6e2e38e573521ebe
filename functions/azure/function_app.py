"""Azure Functions entries: Event Grid writes to a storage queue, the queue is processed, timers run the jobs."""

import json
import logging
import os
from functools import cache

import azure.functions as func

from customhouse import app as core
from customhouse import events

QUEUE = os.environ.get("CUSTOMHOUSE_QUEUE", "customhouse-events")
JOBS = {
    "reconcile": os.environ.get("CUSTOMHOUSE_RECONCILE_SCHEDULE", "0 0 * * * *"),
    "lifecycle": os.environ.get("CUSTOMHOUSE_LIFECYCLE_SCHEDULE", "0 30 * * * *"),
    "advisories": os.environ.get("CUSTOMHOUSE_ADVISORIES_SCHEDULE", "0 15 */6 * * *"),
    "rematch": os.environ.get("CUSTOMHOUSE_REMATCH_SCHEDULE", "0 45 * * * *"),
}
SECONDS = 540  # host.json ends an invocation after ten minutes
STORAGE = "AzureWebJobsStorage"
app, load, logger = func.FunctionApp(), cache(core.load), logging.getLogger("customhouse")


@app.queue_trigger(arg_name="message", queue_name=QUEUE, connection=STORAGE)
def artifact(message: func.QueueMessage) -> None:
    """Process what one message names; raising brings it back, and in the end to the poison queue."""
    parts = events.records(message.get_body())
    for event, result in events.each(parts, load().process):
        logger.info("%s %s %s %s", event.location, result.status, result.verdict, result.rule)


@app.event_grid_trigger(arg_name="event")
@app.queue_output(arg_name="queue", queue_name=QUEUE, connection=STORAGE)
def push(event: func.EventGridEvent, queue: func.Out[str]) -> None:
    """Where Event Grid cannot write to the queue itself: it waits 30 seconds for an answer, an inspection may not."""
    fields = {"id": event.id, "topic": event.topic, "subject": event.subject, "eventType": event.event_type}
    queue.set(json.dumps({**fields, "data": event.get_json()}))


def _timer(name: str) -> None:
    """One function for a job of this name."""

    def run(timer: func.TimerRequest) -> None:
        logger.info("%s (past due: %s): %s", name, timer.past_due, dict(load().run_schedule(name, SECONDS)))

    app.function_name(name)(app.timer_trigger(arg_name="timer", schedule=JOBS[name])(run))


for job in JOBS:
    _timer(job)
