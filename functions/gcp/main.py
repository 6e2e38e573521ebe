"""Google Cloud entries: `artifact` for Eventarc and Pub/Sub events, `schedule` for Cloud Scheduler."""

import json
import logging
import os
import sys
from functools import cache

import functions_framework
from cloudevents.http import CloudEvent
from flask import Request

from customhouse import app, events
from customhouse.errors import Malformed

MARGIN_SECONDS = 10
logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
load = cache(app.load)


def log(severity: str, message: str, **fields: str) -> None:
    """One line of JSON: Cloud Logging reads the severity and indexes the fields."""
    logging.getLogger("customhouse").info(json.dumps({"severity": severity, "message": message, **fields}))


@functions_framework.cloud_event
def artifact(event: CloudEvent) -> None:
    """Process what one event names; raising answers 500, and the event comes again."""
    try:
        parts = events.records({**event.get_attributes(), "data": event.get_data()})
    except Malformed as error:
        parts = [events.Part(error=error)]
    for part in parts:
        for one in part.events:
            try:
                done = load().process(one)
            except Malformed as error:  # its record does not read, and would not the next time
                log("ERROR", f"not judged: {error}", artifact=str(one.location))
                continue
            log("INFO", done.status, artifact=str(one.location), verdict=done.verdict, rule=done.rule)
        if part.error:  # acknowledged: the same bytes would come again and again
            log("ERROR", f"no event: {part.error}")


@functions_framework.http
def schedule(request: Request) -> dict[str, object]:
    """Run the job that {"schedule": name} names, within the time of one request."""
    seconds = float(os.environ.get("CLOUD_RUN_TIMEOUT_SECONDS", "60")) - MARGIN_SECONDS
    return dict(load().run_schedule(request.get_json()["schedule"], seconds))
