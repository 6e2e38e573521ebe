"""One HTTP entry as WSGI: events are posted to it, jobs to `/schedule/<name>`; anything else is a probe."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.request import urlopen

from customhouse import events
from customhouse.callers import Admit, Stranger
from customhouse.errors import Malformed, Transient
from customhouse.jobs import JOBS

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from customhouse.app import App

SECONDS = 50
"""A load balancer waits a minute; a job goes on next time where it stopped."""
LARGEST = 16 << 20
"""Bytes of a request: Pub/Sub takes messages of 10 MB, base64 makes them 14."""
_PROBES = {"GET", "HEAD"}
_JOBS = "/schedule/"

logger = logging.getLogger("customhouse")


def entry(load: Callable[[], App], admit: Admit) -> WSGIApplication:
    """Tell the sender to give up (4xx) or to come again (503); any other error is the server's to log and answer."""

    def application(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        reply = events.Reply()
        if environ["REQUEST_METHOD"] not in _PROBES:
            reply = _answer(load, admit, environ)
        start(f"{reply.status} {HTTPStatus(reply.status).phrase}", list(reply.headers.items()))
        return [reply.body]

    return application


def _answer(load: Callable[[], App], admit: Admit, environ: WSGIEnvironment) -> events.Reply:
    headers = {name[5:].replace("_", "-"): str(environ[name]) for name in environ if name.startswith("HTTP_")}
    try:
        admit(headers, environ.get("QUERY_STRING", ""))
        return _taken(load, environ, headers)
    except Stranger as error:
        return _refusal(HTTPStatus.UNAUTHORIZED, error, {"WWW-Authenticate": 'Basic realm="customhouse", Bearer'})
    except Transient as error:
        return _refusal(HTTPStatus.SERVICE_UNAVAILABLE, error)
    except Malformed as error:
        return _refusal(HTTPStatus.BAD_REQUEST, error)


def _taken(load: Callable[[], App], environ: WSGIEnvironment, headers: Mapping[str, str]) -> events.Reply:
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    body = _body(environ)
    if len(body) > LARGEST:
        return _refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"an event is at most {LARGEST:,} bytes")
    if reply := events.handshake(method, headers, body):
        return _visited(reply)
    if method != "POST":
        return _refusal(HTTPStatus.METHOD_NOT_ALLOWED, f"{method} is no way to send an event", {"Allow": "GET, POST"})
    if not path.startswith(_JOBS):
        return _processed(load(), headers, body)
    job = path.removeprefix(_JOBS)
    if job not in JOBS:
        return _refusal(HTTPStatus.NOT_FOUND, f"no job {job!r}; there are {', '.join(JOBS)}")
    return events.Reply(body=json.dumps(dict(load().run_schedule(job, SECONDS))).encode())


def _body(environ: WSGIEnvironment) -> bytes:
    """What was sent, and one byte of what is too much; a chunked body has an end but no length."""
    length = environ.get("CONTENT_LENGTH") or ("" if environ.get("wsgi.input_terminated") else "0")
    if not length.isdecimal() and length:
        raise Malformed(f"a request is not {length!r} bytes long")
    body: bytes = environ["wsgi.input"].read(min(int(length or LARGEST + 1), LARGEST + 1))
    if length and len(body) < min(int(length), LARGEST + 1):
        raise Transient("the request broke off")
    return body


def _visited(reply: events.Reply) -> events.Reply:
    if reply.visit:
        try:
            urlopen(reply.visit, timeout=10).close()  # noqa: S310 -- the handshake checked that it is SNS's own
        except OSError as error:
            raise Transient(f"the subscription could not be confirmed: {error}") from error
    return reply


def _processed(app: App, headers: Mapping[str, str], body: bytes) -> events.Reply:
    parts = events.records(body, headers)
    for event, result in events.each(parts, app.process):
        logger.info("%s %s %s %s", event.location, result.status, result.verdict, result.rule)
    return events.Reply()


def _refusal(status: HTTPStatus, why: object, headers: Mapping[str, str] | None = None) -> events.Reply:
    logger.error("%s", why)
    return events.Reply(status, headers or {}, f"{why}\n".encode())
