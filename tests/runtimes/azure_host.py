"""Azure Functions without Azure: a small host for the real Python worker library.

It does what the tests need of the .NET host: indexing, the Event Grid webhook with its handshake, storage queue
triggers with retries and a poison queue as host.json sets them, queue outputs, and timers through the admin
endpoint. The worker is a process of its own, as on the platform. Scaling and the extension bundle stay untested.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import re
import socket
import sys
import threading
import uuid
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from azure.core.exceptions import ResourceExistsError
from azure.storage.queue import QueueClient, QueueMessage, QueueServiceClient

from tests.runtimes import wire
from tests.runtimes.process import TAIL, Process, ProcessError

WORKER = Path(__file__).with_name("azure_worker.py")
START_SECONDS = 30.0
IDLE_SECONDS = 0.1
LEASE_SECONDS = 600  # the host hides a message for ten minutes and renews; our invocations are shorter
TIMER = json.dumps({"IsPastDue": False, "Schedule": {"AdjustForDST": True}, "ScheduleStatus": None})

Datum = tuple[str, str]
"""A kind (`json`, `string`, …) and a value, as the host sends inputs to a worker."""


@dataclass(frozen=True)
class Function:
    """One indexed function and its bindings, as function.json would have them."""

    name: str
    id: str
    bindings: Sequence[Mapping[str, Any]]

    @property
    def trigger(self) -> Mapping[str, Any]:
        """The one binding that starts it."""
        return next(one for one in self.bindings if str(one["type"]).endswith("Trigger"))


@dataclass(frozen=True)
class Outcome:
    """What an invocation came to."""

    ok: bool
    error: str = ""
    outputs: Mapping[str, str] = field(default_factory=dict)


class _Worker:
    """The worker process, and the invocations under way in it."""

    def __init__(self, folder: Path, environment: Mapping[str, str], python: str) -> None:
        ours, theirs = socket.socketpair()
        self._channel = ours
        self._pending: dict[str, Future[Outcome]] = {}
        command = [python, "-P", str(WORKER), str(folder), str(theirs.fileno())]
        self.process = Process(command, folder=folder, environment=environment, files=[theirs.fileno()])
        theirs.close()
        ours.settimeout(START_SECONDS)
        self._lines = ours.makefile("rb")
        first = json.loads(self._lines.readline() or b'{"error": "the worker ended"}')
        if "error" in first:
            failed = f"indexing: {first['error']}\n{self.process.output[-TAIL:]}"
            self.close()
            raise ProcessError(failed)
        ours.settimeout(None)
        self.core: str = first["core"]
        self.functions = {one["name"]: Function(**one) for one in first["functions"]}
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in self._lines:
                document = json.loads(line)
                outcome = Outcome(document["ok"], document["error"], document["outputs"])
                self._pending.pop(document["id"]).set_result(outcome)
        for waiting in self._pending.values():
            waiting.set_result(Outcome(ok=False, error="the worker ended"))

    def invoke(self, function: Function, value: Datum, metadata: Mapping[str, Datum]) -> Outcome:
        identifier, answer = str(uuid.uuid4()), Future[Outcome]()
        self._pending[identifier] = answer
        call = {
            "id": identifier,
            "function": function.id,
            "inputs": [[function.trigger["name"], *value]],
            "metadata": [[name, *datum] for name, datum in metadata.items()],
        }
        self._channel.sendall(json.dumps(call).encode() + b"\n")
        return answer.result()

    def close(self) -> None:
        self.process.close()
        with contextlib.suppress(OSError):
            self._channel.shutdown(socket.SHUT_RDWR)
        if hasattr(self, "_reader"):
            self._reader.join()
        self._lines.close()
        self._channel.close()


class _Webhooks(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, host: AzureHost) -> None:
        super().__init__(("127.0.0.1", 0), _Webhook)
        self.host = host


class _Webhook(BaseHTTPRequestHandler):
    server: _Webhooks

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        if url.path == "/runtime/webhooks/EventGrid":
            name = parse_qs(url.query)["functionName"][0]
            status, answer = self._event_grid(name, json.loads(body))
        elif url.path.startswith("/admin/functions/"):
            status, answer = self._admin(url.path.rsplit("/", 1)[1])
        else:
            status, answer = 404, b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def _event_grid(self, name: str, document: object) -> tuple[int, bytes]:
        events: list[Any] = document if isinstance(document, list) else [document]
        if self.headers.get("aeg-event-type") == "SubscriptionValidation":
            return 200, json.dumps({"validationResponse": events[0]["data"]["validationCode"]}).encode()
        if name not in self.server.host.functions:
            return 404, b""
        outcomes = [self.server.host.invoke(name, ("json", json.dumps(event))) for event in events]
        return (202 if all(one.ok for one in outcomes) else 500), b""

    def _admin(self, name: str) -> tuple[int, bytes]:
        if name not in self.server.host.functions:
            return 404, b""
        return (202 if self.server.host.invoke(name, ("json", TIMER)).ok else 500), b""

    def log_message(self, *_: object) -> None:
        """Stay silent: the worker's own output is what a reader wants."""


class AzureHost:
    """One function app: the worker, its webhooks and its queue listeners. `environment` is the app's settings."""

    def __init__(self, folder: Path, *, environment: Mapping[str, str], python: str = sys.executable) -> None:
        self._settings = environment
        self._queues = _queue_settings(folder, environment)
        self._worker = _Worker(folder, environment, python)
        self._service = QueueServiceClient.from_connection_string(
            environment["AzureWebJobsStorage"],
            use_env_settings=False,  # read on threads, while pytest writes to the environment
        )
        self._stopping = threading.Event()
        self._webhooks = _Webhooks(self)
        self._threads = [threading.Thread(target=self._webhooks.serve_forever, kwargs={"poll_interval": 0.05})]
        listened = [one for one in self.functions.values() if one.trigger["type"] == "queueTrigger"]
        self._threads += [threading.Thread(target=self._listen, args=(one,)) for one in listened]
        for thread in self._threads:
            thread.start()

    @property
    def functions(self) -> Mapping[str, Function]:
        """What the worker indexed, by name."""
        return self._worker.functions

    @property
    def core(self) -> str:
        """The file that the worker imported `customhouse` from."""
        return self._worker.core

    def post(self, path: str, document: object, headers: Mapping[str, str] | None = None) -> wire.Reply:
        """POST to a webhook or the admin endpoint."""
        return wire.post(self._webhooks.server_port, path, document, headers or {})

    @property
    def output(self) -> str:
        """What the worker logged so far."""
        return self._worker.process.output

    def queue(self, name: str) -> QueueClient:
        """A queue of the app's storage account, made if absent; `%SETTING%` in the name is resolved."""
        resolved = re.sub(r"%(\w+)%", lambda setting: self._settings[setting[1]], name)
        client = self._service.get_queue_client(resolved)
        with contextlib.suppress(ResourceExistsError):
            client.create_queue()
        return client

    def encode(self, text: str) -> str:
        """A message as this app's host.json wants it on a queue."""
        plain = self._queues.get("messageEncoding", "base64") == "none"
        return text if plain else base64.b64encode(text.encode()).decode()

    def decode(self, text: str) -> str:
        """The reverse of `encode`; ValueError when it is not what host.json says."""
        plain = self._queues.get("messageEncoding", "base64") == "none"
        return text if plain else base64.b64decode(text, validate=True).decode()

    def invoke(self, name: str, value: Datum, metadata: Mapping[str, Datum] | None = None) -> Outcome:
        """Run a function, and send what it put on its queue outputs."""
        function = self.functions[name]
        outcome = self._worker.invoke(function, value, metadata or {})
        for binding in function.bindings:
            if binding["type"] == "queue" and binding["name"] in outcome.outputs:
                self.queue(binding["queueName"]).send_message(self.encode(outcome.outputs[binding["name"]]))
        return outcome

    def _listen(self, function: Function) -> None:
        """Serve a queue in batches, as the queue extension does."""
        source = self.queue(function.trigger["queueName"])
        poison = self.queue(f"{source.queue_name}-poison")
        size = int(self._queues.get("batchSize", 16))
        with source, poison, ThreadPoolExecutor(size) as pool:
            while not self._stopping.is_set():
                batch = list(source.receive_messages(max_messages=size, visibility_timeout=LEASE_SECONDS))
                list(pool.map(lambda message: self._serve(function, source, poison, message), batch))
                if not batch:
                    self._stopping.wait(IDLE_SECONDS)

    def _serve(self, function: Function, source: QueueClient, poison: QueueClient, message: QueueMessage) -> None:
        outcome = self._attempt(function, message)
        if outcome.ok:
            source.delete_message(message)
        elif (message.dequeue_count or 0) >= int(self._queues.get("maxDequeueCount", 5)):
            poison.send_message(message.content)
            source.delete_message(message)
        else:
            source.update_message(message, visibility_timeout=_seconds(self._queues.get("visibilityTimeout")))

    def _attempt(self, function: Function, message: QueueMessage) -> Outcome:
        try:
            body = self.decode(message.content)
        except (binascii.Error, UnicodeDecodeError) as error:
            return Outcome(ok=False, error=str(error))
        return self.invoke(function.name, ("string", body), dict(_metadata(message)))

    def close(self) -> None:
        """Stop listening, end the worker, close the webhooks."""
        self._stopping.set()
        self._webhooks.shutdown()
        self._worker.close()
        for thread in self._threads:
            thread.join()
        self._webhooks.server_close()
        self._service.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _queue_settings(folder: Path, settings: Mapping[str, str]) -> Mapping[str, Any]:
    """`extensions.queues` of host.json, and what app settings of the documented long name put in its place."""
    override = "AzureFunctionsJobHost__extensions__queues__"
    written: dict[str, Any] = json.loads((folder / "host.json").read_text())["extensions"]["queues"]
    return written | {name.removeprefix(override): text for name, text in settings.items() if name.startswith(override)}


def _metadata(message: QueueMessage) -> Iterable[tuple[str, Datum]]:
    """The trigger metadata that `func.QueueMessage` is filled from."""
    yield "Id", ("string", str(message.id))
    yield "PopReceipt", ("string", str(message.pop_receipt))
    yield "DequeueCount", ("json", str(message.dequeue_count))
    for name, moment in (
        ("InsertionTime", message.inserted_on),
        ("ExpirationTime", message.expires_on),
        ("NextVisibleTime", message.next_visible_on),
    ):
        if moment:
            yield name, ("json", json.dumps(moment.isoformat()))


def _seconds(text: str | None) -> int:
    """`hh:mm:ss` of host.json as whole seconds."""
    hours, minutes, seconds = (int(part) for part in (text or "00:00:00").split(":"))
    return int(timedelta(hours=hours, minutes=minutes, seconds=seconds).total_seconds())
