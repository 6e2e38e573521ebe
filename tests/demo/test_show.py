import io

import pytest
from demo.judge import Row
from demo.show import show
from rich.console import Console

TAGS = {"t": "u", "customhouse-verdict": "quarantined"}
ROW = Row("aws", "a/b.zip", "quarantined", "rule", TAGS, "s3://q/1/a/b.zip", 7)


def test_pipe_gets_one_line_of_fields_per_row(capsys: pytest.CaptureFixture[str]) -> None:
    show(Console(file=io.StringIO()), [ROW])
    fields = capsys.readouterr().out.rstrip("\n").split("\t")
    tags = "customhouse-verdict=quarantined t=u"
    assert fields == ["a/b.zip", "aws", "quarantined", "rule", tags, "s3://q/1/a/b.zip", "7 ms"]


def test_terminal_gets_a_table_with_each_artifact_named_once() -> None:
    written = io.StringIO()
    show(Console(file=written, force_terminal=True, width=200, color_system=None), [ROW, ROW])
    text = written.getvalue()
    assert text.count("a/b.zip") == 1
    assert text.count("s3://q/1/") == 2
