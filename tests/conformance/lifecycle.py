"""Set 15: other products' retention cases, said in our vocabulary and interpreted."""

from __future__ import annotations

import ast
import json
import re
from typing import TYPE_CHECKING, Any

from customhouse.errors import ConfigError
from customhouse.lifecycle.interpreter import interpret
from customhouse.lifecycle.vocabulary import load
from customhouse.lifecycle.words import DAY, Action, Artifact
from customhouse.model import Location
from tests.conformance import Result, Row, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

NOW = 20_000 * DAY
REPOSITORY = "oci://registry/repository"


class Inexpressible(Exception):  # noqa: N818 -- an answer, not a failure
    """The case is about something that object and image rules do not say; the reason is the message."""


def run(folder: Path) -> Iterator[Result]:
    """A result per row of the manifest."""
    for row in rows(folder):
        case = json.loads((folder / row.path).read_text(encoding="utf-8"))
        judge = JUDGES.get(row.path.split("/", maxsplit=1)[0], unknown)
        try:
            right, said = judge(case, row)
        except Inexpressible as reason:
            yield Result(row, right=False, detail=str(reason), counted=False)
        else:
            yield Result(row, right=right, detail=f"we say {said}")


def image(name: str, age: float, **known: Any) -> Artifact:
    """An image pushed `age` seconds ago."""
    return Artifact(Location(REPOSITORY, name, version=name), 1, NOW - age, **known)


def deleted(rules: list[dict[str, object]], inventory: Sequence[Artifact], now: float = NOW) -> list[str]:
    """Names of what the rules delete, in order."""
    chosen = interpret(load(rules), inventory, now)
    pairs = zip(inventory, chosen, strict=True)
    return sorted(item.location.key for item, one in pairs if one.action is Action.DELETE)


def unknown(_case: dict[str, Any], row: Row) -> tuple[bool, object]:
    """A product we have no mapping for."""
    raise Inexpressible(f"no mapping for {row.path}")


def acr(case: dict[str, Any], _row: Row) -> tuple[bool, object]:
    """`acr purge --filter REGEX --ago DURATION --keep N`: tags, each of which we take for an image."""
    if case["keep"] and seconds(case["ago"]):
        raise Inexpressible("acr purge counts --keep among what is older than --ago; ours ranks before age")
    rule: dict[str, object] = {"id": "purge", "do": "delete", "undo": "none", "age": f"{seconds(case['ago']) // 60}m"}
    selected, spared = lookahead(case["filter"])
    rule["select"] = {"regex": selected}
    if spared:
        rule["exclude"] = {"regex": spared}
    if case["keep"]:
        rule["keep"] = {"latest": case["keep"], "per": "repository"}
    inventory = [
        image(tag["name"], tag["age_minutes"] * 60, held=not (tag["deleteEnabled"] and tag["writeEnabled"]))
        for tag in case["tags"]
    ]
    try:
        said: object = deleted([rule], inventory)
    except ConfigError:
        said = "error"
    return said == case["deleted"], said


def lookahead(expression: str) -> tuple[str, str]:
    """`A(?!B)C` as what to select and what to leave out: RE2 has no lookahead, a rule has `exclude`."""
    found = re.search(r"\(\?!((?:[^()\\]|\\.)*)\)", expression)
    if not found:
        if re.search(r"\(\?(?:[=<]|!)|\\[1-9]", expression):
            raise Inexpressible("the filter needs a lookbehind, a positive lookahead or a backreference")
        return expression, ""
    before, after = expression[: found.start()], expression[found.end() :]
    return before + after, before + found[1]


def seconds(text: str) -> int:
    """Seconds of a Go duration with days (`1d`, `10d1h3m`)."""
    units = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
    parts = re.findall(r"([0-9]+)([dhms])", text)
    if "".join(number + unit for number, unit in parts) != text:
        raise Inexpressible(f"the duration {text!r}")
    return sum(int(number) * units[unit] for number, unit in parts)


def ecr(case: dict[str, Any], row: Row) -> tuple[bool, object]:
    """ECR lifecycle policies: an image that a rule identifies is out of reach of the rules after it."""
    policy = sorted(case["policy"]["rules"], key=lambda rule: rule["rulePriority"])
    rules = [ecr_rule(rule, policy[:at]) for at, rule in enumerate(policy)]
    inventory = [
        image(found["image"], found["pushed_days_ago"] * DAY, image_tags=tuple(found["tags"]))
        for found in case["images"]
    ]
    load(rules)
    if case["expired"] is None:
        raise Inexpressible("a syntax example without a result; its rules load in our words")
    said = deleted(rules, inventory)
    return said == sorted(ast.literal_eval(row.expect.partition("=")[2])), said


def ecr_rule(rule: dict[str, Any], before: list[dict[str, Any]]) -> dict[str, object]:
    """One ECR rule in our words; the selections of those before it are left out but take up places."""
    selection = rule["selection"]
    if rule["action"]["type"] != "expire":
        raise Inexpressible("archiving images has no object or image action of ours")
    out: dict[str, object] = {"id": f"rule-{rule['rulePriority']}", "do": "delete", "undo": "none"}
    if chosen := ecr_select(selection):
        out["select"] = chosen
    spared = [ecr_select(other["selection"]) for other in before]
    if not all(spared):
        raise Inexpressible("a rule after one that identifies every image")
    if spared:
        out["exclude"] = spared
    number = selection["countNumber"]
    match selection["countType"]:
        case "imageCountMoreThan":
            out["keep"] = {"latest": number, "per": "repository", "count_excluded": True}
        case "sinceImagePushed":
            out["age"] = f"{number * 1440 + 1}m"  # ECR says older than, which a worked example confirms
        case "sinceImagePulled":
            out["idle"] = f"{number * 1440 + 1}m"
        case other:
            raise Inexpressible(f"the count type {other}")
    return out


def ecr_select(selection: dict[str, Any]) -> dict[str, object]:
    """What an ECR rule identifies: a list of prefixes or patterns must all be met."""
    if selection.get("storageClass", "standard") != "standard":
        raise Inexpressible("the archive storage class of images")
    if selection["tagStatus"] == "untagged":
        return {"untagged": True}
    globs = [f"{prefix}**" for prefix in selection.get("tagPrefixList", [])]
    globs += [pattern.replace("*", "**") for pattern in selection.get("tagPatternList", [])]
    if globs:
        return {"image_tags": globs}
    return {"untagged": False} if selection["tagStatus"] == "tagged" else {}


def harbor(case: dict[str, Any], row: Row) -> tuple[bool, object]:
    """Harbor's retention rules say what is retained; ours say what goes."""
    if "rule" not in case:
        return harbor_immutable(case, row)
    inventory, rule = HARBOR[case["rule"]](case)
    said = len(inventory) - len(deleted([{"id": "harbor", "do": "delete", "undo": "none"} | rule], inventory))
    return said == case["retained"], f"{said} retained"


def harbor_days(case: dict[str, Any], field: str, term: str, days: int) -> tuple[list[Artifact], dict[str, object]]:
    """Artifacts pushed or pulled some days ago, an hour younger than that where the case says so."""
    younger = 3600 if field.endswith("_plus_1h_younger") else 0
    ages = [day * DAY - younger for day in case[field]]
    if term == "idle":
        return [image(f"i{at}", 1000 * DAY, used=NOW - age) for at, age in enumerate(ages)], {"idle": f"{days}d"}
    return [image(f"i{at}", age) for at, age in enumerate(ages)], {"age": f"{days}d"}


def harbor_latest(case: dict[str, Any], field: str, order: str) -> tuple[list[Artifact], dict[str, object]]:
    """The N most recently pushed or pulled; retaining none is a rule without keep."""
    times = [float(time) for time in case[field]]
    inventory = [image(f"i{at}", NOW - time, used=time) for at, time in enumerate(times)]
    keep = {"keep": {"latest": case["n"], "per": "repository", "order": order}} if case["n"] else {}
    return inventory, {"age": "0m", **keep}


HARBOR: dict[str, Callable[[dict[str, Any]], tuple[list[Artifact], dict[str, object]]]] = {
    "daysps": lambda case: harbor_days(case, "pushed_days_ago_plus_1h_younger", "age", case["n"]),
    "dayspl": lambda case: harbor_days(case, "pulled_days_ago_plus_1h_younger", "idle", case["n"]),
    "lastx": lambda case: harbor_days(case, "pushed_days_ago", "age", case["days"]),
    "latestps": lambda case: harbor_latest(case, "pushed_times", "created"),
    "latestpl": lambda case: harbor_latest(case, "pulled_times", "used"),
}


def harbor_immutable(case: dict[str, Any], row: Row) -> tuple[bool, object]:
    """A digest that an immutable tag shares with another one must stay: our artifact is the digest."""
    if "immutable" not in case["note"] or "d2" not in row.expect:
        raise Inexpressible("a case told in prose that we have no words for")
    inventory = [image("d1", DAY, image_tags=("other",)), image("d2", DAY, image_tags=("samedig", "immute"))]
    rules: list[dict[str, object]] = [
        {"id": "immutable", "do": "keep", "select": {"image_tags": "immute"}},
        {"id": "all", "do": "delete", "undo": "none", "age": "0m"},
    ]
    said = deleted(rules, inventory)
    return said == ["d1"], f"deleted {said}"


def s3(case: dict[str, Any], row: Row) -> tuple[bool, object]:
    """S3 lifecycle conflicts, as a timeline of what happens to one object."""
    expected = re.findall(r"day (\d+)(?: -> (\w+))?", row.expect)
    if not expected:
        raise Inexpressible("an outcome told in prose without a day")
    rules = [s3_rule(rule, at) for at, rule in enumerate(case["rules"])]
    said = timeline(load(rules), case["object"])
    wanted = [(int(day), what) for day, what in expected]
    if all(what for _, what in wanted):
        return said == wanted, said
    return [day for day, _ in said][: len(wanted)] == [day for day, _ in wanted], said


def s3_rule(rule: dict[str, Any], at: int) -> dict[str, object]:
    """One S3 lifecycle rule in our words."""
    if rule["action"] not in {"expire", "transition"} or set(rule["filter"] or {}) - {"prefix", "tag", "tags"}:
        raise Inexpressible(f"the action {rule['action']} with {rule['filter']}")
    out: dict[str, object] = {"id": f"rule-{at}", "age": f"{rule['days']}d"}
    out["do"] = "delete" if rule["action"] == "expire" else {"class": rule["storage_class"]}
    found = rule["filter"] or {}
    select: dict[str, object] = {"prefix": found["prefix"]} if found.get("prefix") else {}
    if tags := found.get("tags") or found.get("tag"):
        select["tag"] = {tags["key"]: tags["value"]} if set(tags) == {"key", "value"} else tags
    return out | ({"select": select} if select else {})


def timeline(rules: tuple[Any, ...], found: dict[str, Any]) -> list[tuple[int, str]]:
    """What is done to an object and on which day of its life, evaluated daily as S3 does."""
    happened: list[tuple[int, str]] = []
    storage_class = "STANDARD"
    for day in range(4000):
        item = Artifact(
            Location("s3://bucket", found["key"]), 1, 0.0, storage_class=storage_class, tags=found.get("tags") or {}
        )
        one = interpret(rules, [item], day * DAY)[0]
        if one.action is Action.DELETE:
            return [*happened, (day, "deleted")]
        if one.action is Action.CLASS:
            storage_class = one.detail
            happened.append((day, storage_class))
    return happened


JUDGES: dict[str, Callable[[dict[str, Any], Row], tuple[bool, object]]] = {
    "acr": acr,
    "ecr": ecr,
    "harbor": harbor,
    "s3": s3,
}
