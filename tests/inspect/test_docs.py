"""docs/inspection.md says what the code does: its tables are compared with the code's."""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import customhouse.inspect
from customhouse.inspect.formats import ENCRYPTED, FORMATS, UNOPENED
from customhouse.inspect.kinds import ECOSYSTEMS
from customhouse.inspect.limits import GIB, MIB, Limits
from customhouse.model import SkipReason

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "inspection.md").read_text()
SOURCE = Path(customhouse.inspect.__file__).parent
SAID = {"high", "finding", "say"}
RAISED = {"Corrupt": 1, "LimitHit": 0, "Exhausted": 0}


def table(head: str) -> list[list[str]]:
    """The cells of the rows below a head line."""
    rows = PAGE.partition(f"{head}\n")[2].split("\n")
    body = rows[1 : next(at for at, row in enumerate(rows) if not row.startswith("|"))]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in body]


def words(rows: list[list[str]]) -> set[str]:
    """What the first cells name, separated by commas."""
    return {word.strip(" `") for row in rows for word in row[0].split(",")}


def texts(node: ast.AST) -> Iterator[str]:
    """A text, or both of a choice."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from (*texts(node.body), *texts(node.orelse))


def told(node: ast.AST) -> Iterator[str]:
    """The rule that a call or a tuple of rule, severity and message names."""
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        place = 0 if name in SAID else RAISED.get(name, len(node.args))
        yield from texts(node.args[place]) if place < len(node.args) else ()
    elif isinstance(node, ast.Tuple) and len(node.elts) > 2:
        second = ast.unparse(node.elts[1])
        yield from texts(node.elts[0]) if second.startswith("Severity.") or second == "severity" else ()
    elif isinstance(node, ast.Assign):
        names = ast.unparse(node.targets[0]).strip("()").split(", ")
        value = node.value.elts[0] if isinstance(node.value, ast.Tuple) else node.value
        yield from texts(value) if names[0] == "rule" else ()


def rules() -> set[str]:
    """Every rule that the engine's code names."""
    return {
        rule for path in SOURCE.rglob("*.py") for node in ast.walk(ast.parse(path.read_text())) for rule in told(node)
    }


def amount(text: str) -> float:
    """`4 MiB` as bytes."""
    number, _, unit = text.replace(",", "").partition(" ")
    return float(number) * {"": 1, "MiB": MIB, "GiB": GIB}[unit]


def test_the_page_lists_the_formats_that_are_opened() -> None:
    assert words(table("| kind | read by | from |")) == set(FORMATS)


def test_the_page_says_which_formats_need_a_file() -> None:
    for kinds, _, source in table("| kind | read by | from |"):
        assert {FORMATS[kind].seeks for kind in kinds.split(", ")} == {source == "a file"}, kinds


def test_the_page_lists_the_formats_that_are_not_opened() -> None:
    assert words(table("| kind | |")) == UNOPENED | ENCRYPTED


def test_the_page_lists_the_packages() -> None:
    told_ = {kind: purl for kind, purl, _ in table("| kind | purl type | manifest |")}

    assert told_ == ECOSYSTEMS | {"apk-android": "generic"}


def test_the_page_lists_the_limits_and_their_defaults() -> None:
    told_ = {row[0].strip("`"): amount(row[1]) for row in table("| limit | default | of what |")}

    assert told_ == {field.name: field.default for field in dataclasses.fields(Limits)}


def test_the_page_lists_the_reasons_of_skips() -> None:
    assert words(table("| reason | when |")) == set(SkipReason)


def test_the_page_lists_every_rule_in_order() -> None:
    rows = [row[0].strip("`") for row in table("| rule | severity | what |")]

    assert rows == sorted(rules())
    assert all(re.fullmatch("high|medium|high, medium", row[1]) for row in table("| rule | severity | what |"))
