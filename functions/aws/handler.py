"""AWS Lambda entry: SQS batches, direct S3, SNS and EventBridge events, S3 Batch Operations, schedules."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.typing import LambdaContext

from customhouse import app, errors, events

load, logger, metrics = cache(app.load), Logger("customhouse"), Metrics("customhouse", "customhouse")
batch = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)


def _process(payload: dict[str, Any]) -> None:
    for event in events.parse(payload, {}):
        result = load().process(event)
        logger.info(result.status, location=str(event.location), verdict=result.verdict, rule=result.rule)
        metrics.add_metric(result.verdict or result.status, "Count", 1)


def _task(payload: dict[str, Any]) -> dict[str, str]:
    try:
        _process(payload)
    except errors.CustomhouseError as error:
        code = "TemporaryFailure" if isinstance(error, errors.Transient) else "PermanentFailure"
        return {"resultCode": code, "resultString": str(error)}
    return {"resultCode": "Succeeded", "resultString": ""}


@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(payload: dict[str, Any], context: LambdaContext) -> object:
    """Answer in the sender's own shape; raise what its platform shall deliver again."""
    if "schedule" in payload:
        return dict(load().run_schedule(payload["schedule"], context.get_remaining_time_in_millis() / 1000 - 10))
    if "tasks" in payload:
        results = [_task(payload | {"tasks": [task]}) | {"taskId": task["taskId"]} for task in payload["tasks"]]
        return {key: payload[key] for key in ("invocationSchemaVersion", "invocationId")} | {"results": results}
    if payload.get("Records", [{}])[0].get("eventSource") == "aws:sqs":
        return process_partial_response(payload, lambda one: _process({"Records": [one.raw_event]}), batch, context)
    return _process(payload)
