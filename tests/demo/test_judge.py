from collections.abc import Mapping
from dataclasses import replace

import pytest
from demo.judge import CLOUDS, PLACES, Row, problems

EXPECTED = {"a.zip": "clean", "b.zip": "quarantined", "c.zip": "held"}


def right(expected: Mapping[str, str] = EXPECTED) -> list[Row]:
    return [
        Row(cloud, name, verdict, "rule", {"customhouse-verdict": verdict}, f"x://{PLACES[verdict]}/{name}", 5)
        for cloud in CLOUDS
        for name, verdict in expected.items()
    ]


def test_three_clouds_that_agree_and_are_right_have_no_problem() -> None:
    assert problems(right(), EXPECTED) == []


def test_missing_result_is_a_problem() -> None:
    assert problems(right()[1:], EXPECTED) == ["a.zip on aws: no result"]


def test_no_result_at_all_is_a_problem_each() -> None:
    assert len(problems([], EXPECTED)) == len(CLOUDS) * len(EXPECTED)


def test_wrong_verdict_on_every_cloud_is_a_problem_even_though_they_agree() -> None:
    rows = right({"a.zip": "held", "b.zip": "quarantined", "c.zip": "held"})
    assert problems(rows, EXPECTED) == [f"a.zip on {cloud}: held, expected clean" for cloud in CLOUDS]


def test_one_cloud_that_disagrees_is_named() -> None:
    rows = right()
    rows[0] = replace(rows[0], verdict="held", tags={"customhouse-verdict": "held"}, location="x://intake/a.zip")
    assert problems(rows, EXPECTED) == [
        "a.zip on aws: held, expected clean",
        "a.zip: the clouds disagree: clean (rule), held (rule)",
    ]


def test_same_verdict_by_another_rule_is_a_disagreement() -> None:
    rows = right()
    rows[-1] = replace(rows[-1], rule="other")
    assert problems(rows, EXPECTED) == ["c.zip: the clouds disagree: held (other), held (rule)"]


@pytest.mark.parametrize("tags", [{}, {"customhouse-verdict": "clean"}, {"other": "quarantined"}])
def test_tag_that_does_not_say_the_verdict_is_a_problem(tags: dict[str, str]) -> None:
    rows = right()
    rows[1] = replace(rows[1], tags=tags)
    assert len(problems(rows, EXPECTED)) == 1


@pytest.mark.parametrize("location", ["x://intake/b.zip", "x://released/b.zip", ""])
def test_quarantined_artifact_elsewhere_is_a_problem(location: str) -> None:
    rows = right()
    rows[1] = replace(rows[1], location=location)
    assert problems(rows, EXPECTED) == [f"b.zip on aws: quarantined, but it lies in {location}"]


def test_artifact_nobody_asked_for_is_a_problem() -> None:
    extra = replace(right()[0], artifact="d.zip")
    assert "d.zip on aws: clean, expected " in problems([*right(), extra], EXPECTED)
