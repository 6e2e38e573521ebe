from pathlib import Path

import pytest

from tests.runtimes.lambda_runtime import Answer, LambdaRuntime
from tests.runtimes.process import ProcessError

pytestmark = pytest.mark.emulator

HANDLER = """
import os

def echo(event, context):
    return {"event": event, "remaining": context.get_remaining_time_in_millis(), "cwd": os.getcwd()}

def fail(event, context):
    raise ValueError("no such thing")

def die(event, context):
    print("last words", flush=True)
    os._exit(7)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(HANDLER)
    return tmp_path


def test_handlers_answer_and_deadline_come_back(folder: Path) -> None:
    with LambdaRuntime(folder, "app.echo", environment={}, timeout_seconds=20) as runtime:
        answer = runtime.invoke({"a": "ü"})
        again = runtime.invoke(["second"])
    assert answer.payload["event"] == {"a": "ü"}
    assert 0 < answer.payload["remaining"] <= 20_000
    assert answer.payload["cwd"] == str(folder)
    assert again.payload["event"] == ["second"]


def test_raised_error_is_lambdas_error_document(folder: Path) -> None:
    with LambdaRuntime(folder, "app.fail", environment={}) as runtime:
        answer = runtime.invoke({})
    assert isinstance(answer, Answer)
    assert answer.failed
    assert (answer.payload["errorType"], answer.payload["errorMessage"]) == ("ValueError", "no such thing")


def test_handler_that_cannot_be_imported_is_reported(folder: Path) -> None:
    (folder / "app.py").write_text("import nothing_of_that_name\n")
    with (
        LambdaRuntime(folder, "app.echo", environment={}) as runtime,
        pytest.raises(ProcessError, match="nothing_of_that_name"),
    ):
        runtime.invoke({})


def test_runtime_that_dies_is_reported_with_its_output(folder: Path) -> None:
    with (
        LambdaRuntime(folder, "app.die", environment={}) as runtime,
        pytest.raises(ProcessError, match=r"status 7:\n(.|\n)*last words"),
    ):
        runtime.invoke({})


def test_invocation_past_its_time_is_reported(folder: Path) -> None:
    (folder / "app.py").write_text("import time\ndef slow(event, context):\n    time.sleep(60)\n")
    with (
        LambdaRuntime(folder, "app.slow", environment={}, timeout_seconds=0.5) as runtime,
        pytest.raises(ProcessError, match="not ready"),
    ):
        runtime.invoke({})
