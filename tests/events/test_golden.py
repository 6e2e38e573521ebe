"""One file per wire format, in the shape that its cloud documents: which artifacts does it name?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from customhouse.events import as_json, parse

_CASES = sorted((Path(__file__).parent / "data").glob("*.json"))


@pytest.mark.parametrize("file", _CASES, ids=lambda file: file.stem)
def test_payload_names_exactly_the_artifacts_that_were_uploaded(file: Path) -> None:
    case = json.loads(file.read_text(encoding="utf-8"))
    body = case["body"] if isinstance(case["body"], str) else json.dumps(case["body"])

    for payload in (case["body"], body, body.encode()):
        told = [as_json(event) for event in parse(payload, case.get("headers"))]

        assert [{name: value for name, value in one.items() if name != "location"} for one in told] == case["artifacts"]


def test_an_artifact_is_printed_with_its_url() -> None:
    payload = json.loads((Path(__file__).parent / "data" / "s3_notification.json").read_text(encoding="utf-8"))["body"]

    [event] = parse(payload)

    assert as_json(event)["location"] == (
        "s3://intake/in/a%20b%2Bc%252Bd%20%C3%A9//x.whl?versionId=yd3d4HaWOT2zguDLvIQLU6ptDTwKBnQV"
    )
    assert json.loads(json.dumps(as_json(event))) == as_json(event)
