"""One Azure Functions worker: Microsoft's own Python worker library behind a socket of JSON lines.

Run by `azure_host` as `python -P azure_worker.py FOLDER FD`, with any interpreter that has azure-functions-runtime,
so it imports nothing of this repository. The first line out names the functions, or why there are none; then each
line in is one invocation and each line out its outcome. The library never imports protobuf: it fills the classes of
the `protos` namespace that its host injects.
"""

import asyncio
import json
import logging
import os
import socket
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

RESPONSES = (
    "WorkerInitResponse",
    "WorkerMetadata",
    "RpcException",
    "FunctionMetadataResponse",
    "RpcFunctionMetadata",
    "RpcRetryOptions",
)
PROTOS = SimpleNamespace(
    StatusResult=type("StatusResult", (SimpleNamespace,), {"Failure": 0, "Success": 1}),
    BindingInfo=type("BindingInfo", (SimpleNamespace,), {"undefined": 0, "out": 1, "inout": 2}),
    **{name: type(name, (SimpleNamespace,), {}) for name in RESPONSES},
)


def _request(**fields: object) -> SimpleNamespace:
    return SimpleNamespace(request=SimpleNamespace(**fields), properties={"host": "127.0.0.1", "protos": PROTOS})


async def _index(folder: str) -> dict[str, Any]:
    """Load function_app.py as the platform does: {"functions": [...], "core": path} or {"error": text}."""
    import azure_functions_runtime as library  # noqa: PLC0415 -- after the folder is importable, as on the platform

    init = SimpleNamespace(capabilities={}, function_app_directory=folder)
    answer = await library.worker_init_request(_request(worker_init_request=init))
    if answer.result.status != PROTOS.StatusResult.Success:
        return {"error": f"{answer.result.exception.message}\n{answer.result.exception.stack_trace}"}
    library.start_threadpool_executor()
    indexed = await library.functions_metadata_request(_request(functions_metadata_request=None))
    functions = [
        {"name": one.name, "id": one.function_id, "bindings": [json.loads(text) for text in one.raw_bindings]}
        for one in indexed.function_metadata_results
    ]
    core = getattr(sys.modules.get("customhouse"), "__file__", "")
    return {"functions": functions, "core": core}


async def _invoke(call: dict[str, Any]) -> dict[str, Any]:
    """Run one invocation: {"id", "ok", "outputs": {name: text}, "error"}."""
    from azure_functions_runtime.bindings.datumdef import Datum  # noqa: PLC0415 -- as above
    from azure_functions_runtime.native_invocation import invocation_request_native  # noqa: PLC0415 -- as above

    inputs = [(name, Datum(value, kind)) for name, kind, value in call["inputs"]]
    metadata = {name: Datum(value, kind) for name, kind, value in call["metadata"]}
    ok, _, outputs, error, trace = await invocation_request_native(call["id"], call["function"], inputs, metadata)
    sent = {name: datum.value for name, datum in outputs}
    return {"id": call["id"], "ok": ok, "outputs": sent, "error": "" if ok else f"{error}\n{trace}"}


async def _serve(folder: str, channel: socket.socket) -> None:
    reader, writer = await asyncio.open_connection(sock=channel)

    def send(document: dict[str, Any]) -> None:
        writer.write(json.dumps(document).encode() + b"\n")

    async def answer(line: bytes) -> None:
        send(await _invoke(json.loads(line)))

    send(await _index(folder))
    async with asyncio.TaskGroup() as invocations:
        async for line in reader:
            invocations.create_task(answer(line))


def main() -> None:
    """Serve the folder until the host hangs up."""
    folder, descriptor = str(Path(sys.argv[1]).resolve()), int(sys.argv[2])
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("azure").setLevel(logging.WARNING)  # the worker's own chatter, and the SDKs' request lines
    os.chdir(folder)
    sys.path.insert(0, folder)
    asyncio.run(_serve(folder, socket.socket(fileno=descriptor)))


if __name__ == "__main__":
    main()
