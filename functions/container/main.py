"""One HTTP entry for Fargate, Cloud Run and Container Apps (WSGI); who may call it is for their ingress to decide."""

import json
import logging
from collections.abc import Callable, Iterable
from functools import cache
from http import HTTPStatus
from urllib.request import urlopen
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from customhouse import app, errors, events

SECONDS = 50  # a load balancer waits a minute; a job goes on next time where it stopped
logging.basicConfig(level=logging.INFO, format="%(message)s")
logger = logging.getLogger("customhouse")


def post(core: app.App, path: str, headers: dict[str, str], body: bytes) -> events.Reply:
    """Process what a request names, or run the job of `/schedule/<name>`."""
    if path.startswith("/schedule/"):
        return events.Reply(body=json.dumps(dict(core.run_schedule(path.removeprefix("/schedule/"), SECONDS))).encode())
    parts = events.records(body, headers)
    for event in (event for part in parts for event in part.events):
        result = core.process(event)
        logger.info("%s %s %s %s", event.location, result.status, result.verdict, result.rule)
    for bad in (part.error for part in parts if part.error):
        raise bad
    return events.Reply()


def entry(load: Callable[[], app.App]) -> WSGIApplication:
    """Tell the sender to give up (400) or to come again (503); any other error is the server's to log and answer."""

    def application(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        headers = {name[5:].replace("_", "-"): str(environ[name]) for name in environ if name.startswith("HTTP_")}
        body, method = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)), environ["REQUEST_METHOD"]
        try:
            reply = events.handshake(method, headers, body)
            reply = reply or (post(load(), environ["PATH_INFO"], headers, body) if method == "POST" else events.Reply())
            if reply.visit:
                urlopen(reply.visit, timeout=10).close()  # noqa: S310 -- the handshake checked that it is SNS's own
        except (errors.Malformed, errors.Transient) as error:
            logger.error("%s", error)  # noqa: TRY400 -- expected: the line is enough
            reply = events.Reply(503 if isinstance(error, errors.Transient) else 400, body=f"{error}\n".encode())
        start(f"{reply.status} {HTTPStatus(reply.status).phrase}", list(reply.headers.items()))
        return [reply.body]

    return application


application = entry(cache(app.load))
