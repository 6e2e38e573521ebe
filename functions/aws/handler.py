"""AWS Lambda entry: SQS batches, direct S3, SNS and EventBridge events, S3 Batch Operations, schedules."""

from functools import cache
from logging import getLogger
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.typing import LambdaContext

from customhouse import app, errors, events

load, logger, metrics = cache(app.load), Logger("customhouse"), Metrics("customhouse", "customhouse")
batch = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False, logger=getLogger("customhouse"))


def _process(payload: dict[str, Any]) -> None:
    parts = events.records(payload)
    for event, done in events.each(parts, load().process):
        logger.info(done.status, artifact=str(event.location), verdict=done.verdict, rule=done.rule)
        metrics.add_metric(done.verdict or done.status, "Count", 1)


def _task(payload: dict[str, Any], task: dict[str, str]) -> dict[str, str]:
    try:
        _process(payload | {"tasks": [task]})
    except errors.CustomhouseError as error:
        code = "PermanentFailure" if isinstance(error, errors.Rejected) else "TemporaryFailure"
        return {"taskId": task["taskId"], "resultCode": code, "resultString": str(error)}
    return {"taskId": task["taskId"], "resultCode": "Succeeded", "resultString": ""}


@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(payload: dict[str, Any], context: LambdaContext) -> object:
    """Answer in the sender's own shape; raise what its platform shall deliver again."""
    load()  # wrong settings fail the invocation, whatever it is about, so that its alarm rings
    if "schedule" in payload:
        return dict(load().run_schedule(payload["schedule"], context.get_remaining_time_in_millis() / 1000 - 10))
    if "tasks" in payload:
        results = [_task(payload, task) for task in payload["tasks"]]
        return {key: payload[key] for key in ("invocationSchemaVersion", "invocationId")} | {"results": results}
    if (payload.get("Records") or [{}])[0].get("eventSource") == "aws:sqs":
        return process_partial_response(
            payload, lambda record: _process({"Records": [record.raw_event]}), batch, context
        )
    _process(payload)
    return None
