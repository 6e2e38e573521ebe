"""The closed vocabulary of a lifecycle rule: each term says how it is parsed and what it means.

Loading and the documentation are both generated from `TERMS`, so neither can say something the other does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from customhouse.errors import ConfigError
from customhouse.inspect.kinds import ECOSYSTEMS, MEDIA
from customhouse.lifecycle import classes, units
from customhouse.lifecycle.parse import (
    boolean,
    choice,
    count,
    globs,
    identifier,
    known,
    regexes,
    roots,
    tags,
    tags_written,
    texts,
)
from customhouse.lifecycle.rules import Keep, Protect, Rule, Select
from customhouse.lifecycle.words import Action
from customhouse.model import Verdict

UNDO = 7 * 86_400
"""Seconds a deleted object can be brought back when a rule does not say."""

KINDS = (*MEDIA, "image", "unread")
"""What an artifact can be, those too that could not be looked at."""
PURLS = tuple(dict.fromkeys((*ECOSYSTEMS.values(), "generic")))
"""The types of purls that artifacts can have; Android's packages have no type of their own."""

Path = tuple[str | int, ...]
Where = Callable[[Path], str]


@dataclass(frozen=True, slots=True)
class Term:
    """One word of the vocabulary: how its value is written, parsed and meant."""

    form: str
    meaning: str
    parse: Callable[[object], object]


SELECT: Mapping[str, Term] = {
    "prefix": Term("text or list", "the name begins with one of these", texts),
    "glob": Term("text or list", "the whole name matches one; `*` and `?` stop at `/`, `**` does not", globs),
    "suffix": Term("text or list", "the name ends with one of these", texts),
    "regex": Term("text or list", "the name contains a match of one (RE2)", regexes),
    "tag": Term("mapping", "every tag has this value", tags),
    "verdict": Term("text or list", "the record's verdict is one of these", lambda v: texts(v, tuple(Verdict))),
    "kind": Term(
        "text or list", "the record's kind is one of these (`wheel`, `zip`, …)", lambda v: known(v, "kind", KINDS)
    ),
    "ecosystem": Term(
        "text or list",
        "the package's purl type is one of these (`pypi`, `npm`, …)",
        lambda value: known(value, "ecosystem", PURLS),
    ),
    "over": Term("size", "larger than this many bytes", units.size),
    "under": Term("size", "smaller than this many bytes", units.size),
    "image_tags": Term("text or list", "each glob matches some tag of the image", globs),
    "untagged": Term("true or false", "the image has no tag, or has one", boolean),
}

KEEP: Mapping[str, Term] = {
    "latest": Term("number", "how many of each group stay", count),
    "per": Term(
        "`package`, `key`, `folder` or `repository`",
        "what a group is; without a known group nothing is done. `key` ranks an object's versions, "
        "`repository` all of a bucket or image repository",
        lambda value: choice(value, ("package", "key", "folder", "repository")),
    ),
    "order": Term(
        "`created`, `used` or `version`",
        "what newest means; `version` is the ecosystem's own order",
        lambda value: choice(value, ("created", "used", "version")),
    ),
    "matching": Term("glob", "only these names (or image tags) are counted and kept", lambda v: globs(v)[0]),
    "count_excluded": Term("true or false", "excluded artifacts take up places too (ECR's way)", boolean),
}

PROTECT: Mapping[str, Term] = {
    "tag": Term("mapping", "spared when any of these tags has this value", tags),
    "in_use": Term("true", "spared when its digest or address is in the in-use list", boolean),
}

TERMS: Mapping[str, Term] = {
    "id": Term("name", "names the rule in plans, tags and native documents; unique", identifier),
    "in": Term("URL or list", "buckets or repositories it applies to; everywhere without it", roots),
    "select": Term("mapping of the select terms", "the candidates", lambda value: value),
    "exclude": Term("mapping or list of select terms", "candidates that any of these match are left out", lambda v: v),
    "protect": Term("mapping of the protect terms", "candidates that are kept, whatever other rules say", lambda v: v),
    "keep": Term("mapping of the keep terms", "the newest of each group stay", lambda value: value),
    "age": Term("duration", "due this long after creation", units.duration),
    "idle": Term(
        "duration",
        "due this long after the last read, which only Blob Storage tells; never where none is known",
        units.duration,
    ),
    "noncurrent": Term("duration", "due this long after a newer version replaced it", units.duration),
    "expires": Term(
        "true", "due once the date has passed that `lifecycle expire` gave the artifact; never without one", boolean
    ),
    "do": Term(
        "`delete`, `archive`, `hold`, `keep`, `{class: NAME}` or `{tag: {k: v}}`",
        f"the action; NAME is one of {', '.join(classes.NAMES)}",
        lambda value: value,
    ),
    "undo": Term("duration or `none`", "how long a delete can be undone; 7d without it", lambda value: value),
}


class _Loader:
    """Parses nodes, turning every mistake into a ConfigError that names its place."""

    def __init__(self, where: Where | None) -> None:
        self._where = where or (lambda path: "lifecycle" + "".join(f"[{part!r}]" for part in path))

    def fail(self, path: Path, message: str) -> ConfigError:
        return ConfigError(f"{self._where(path)}: {message}")

    def mapping(self, node: object, terms: Mapping[str, Term], path: Path) -> dict[str, Any]:
        """A mapping whose keys are all terms, each value parsed."""
        if not isinstance(node, Mapping) or not node:
            raise self.fail(path, f"expected a mapping with some of {', '.join(terms)}")
        out: dict[str, Any] = {}
        for key, value in node.items():
            if key not in terms:
                raise self.fail((*path, str(key)), f"no term {key!r}; there are {', '.join(terms)}")
            try:
                out[str(key)] = terms[key].parse(value)
            except ValueError as error:
                raise self.fail((*path, str(key)), f"{key}: {error}") from None
        return out

    def select(self, node: object, path: Path) -> Select:
        return Select(**self.mapping(node, SELECT, path))

    def excludes(self, node: object, path: Path) -> tuple[Select, ...]:
        if isinstance(node, list):
            return tuple(self.select(item, (*path, at)) for at, item in enumerate(node))
        return (self.select(node, path),)

    def keep(self, node: object, path: Path) -> Keep:
        found = self.mapping(node, KEEP, path)
        for name in ("latest", "per"):
            if name not in found:
                raise self.fail(path, f"keep needs {name!r}, as in keep: {{latest: 10, per: package}}")
        return Keep(**found)

    def rule(self, node: object, path: Path) -> Rule:
        found = self.mapping(node, TERMS, path)
        for name in ("id", "do"):
            if name not in found:
                raise self.fail(path, f"a rule needs {name!r}")
        try:
            action = _action(found["do"])
            undo = _undo(found.get("undo"), action["action"])
        except ValueError as error:
            raise self.fail((*path, "undo" if "undo" in str(error) else "do"), str(error)) from None
        rule = Rule(id=found["id"], undo=undo, **action)
        parts: dict[str, Any] = {
            name: found[name] for name in ("age", "idle", "noncurrent", "expires") if name in found
        }
        parts["root"] = found.get("in", ())
        for name, parse in (("select", self.select), ("exclude", self.excludes), ("keep", self.keep)):
            if name in found:
                parts[name] = parse(found[name], (*path, name))
        if "protect" in found:
            values = self.mapping(found["protect"], PROTECT, (*path, "protect"))
            parts["protect"] = Protect(**values)
        return self.sane(replace(rule, **parts), path)

    def sane(self, rule: Rule, path: Path) -> Rule:
        """Refuse rules whose loading would surprise: they delete everything, or can never act."""
        bounded = rule.select != Select() or rule.keep or rule.grounds != "selected"
        if rule.action is Action.DELETE and not bounded:
            raise self.fail(path, f"rule {rule.id!r} would delete everything: give it select, keep, age, or the like")
        if rule.keep and rule.keep.per == "key" and rule.noncurrent is None:
            raise self.fail((*path, "keep"), "keep per key ranks versions: say noncurrent: 1d (or longer) as well")
        return rule


def _action(node: object) -> dict[str, Any]:
    """The rule fields `action`, `storage_class` and `set_tags` of a `do`."""
    if node == "archive":
        node = {"class": "archive"}
    if isinstance(node, str) and node in {"delete", "hold", "keep"}:
        return {"action": Action(node)}
    if isinstance(node, Mapping) and set(node) == {"class"}:
        return {"action": Action.CLASS, "storage_class": choice(node["class"], classes.NAMES)}
    if isinstance(node, Mapping) and set(node) == {"tag"}:
        return {"action": Action.TAG, "set_tags": tags_written(node["tag"])}
    raise ValueError(f"do: expected {TERMS['do'].form}, found {node!r}")


def _undo(node: object, action: Action) -> int:
    if node is None:
        return UNDO if action is Action.DELETE else 0
    if action is not Action.DELETE:
        raise ValueError(f"undo is about deleting; {action.value} has none")
    if node == "none":
        return 0
    window = units.duration(node)
    if window == 0:
        raise ValueError("undo: write none to delete for good")
    return window


def load(nodes: Iterable[object], where: Where | None = None) -> tuple[Rule, ...]:
    """The rules of a policy's `lifecycle:` list; one that does not load stops everything (ConfigError).

    `where` turns a path inside the list, such as `(0, "select", "glob")`, into `file:line` for messages.
    """
    loader = _Loader(where)
    if not isinstance(nodes, list | tuple):
        raise loader.fail((), "lifecycle: expected a list of rules")
    rules = tuple(loader.rule(node, (at,)) for at, node in enumerate(nodes))
    seen: set[str] = set()
    for at, rule in enumerate(rules):
        if rule.id in seen:
            raise loader.fail((at, "id"), f"two rules are called {rule.id!r}")
        seen.add(rule.id)
    return rules
