"""What Python projects declare: requirements files, pyproject.toml, setup.py; ranges count as their lowest version."""

from __future__ import annotations

import re
from collections.abc import Iterator

from customhouse.scanners.ecosystems.documents import lines, listing, mapping, toml_table, word
from customhouse.scanners.ecosystems.found import Found, Patterns, Source

_COMMENT = re.compile(r"(?:^|\s)#.*$")
_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")
_OPTION = re.compile(r"\s(?:--hash|--global-option|--install-option|--build-option|--config-settings|-C)\b.*")
_FOLDER = re.compile(r"(?:^|/)requirements/[^/]+$")
_EXTRAS = re.compile(r"\[[^\[\]]*\]")
_OPEN = re.compile(r"\*|<[^=]|,|!=")
_REQUIREMENT = re.compile(r"([\w][\w.-]*)\s*(?:(===|==|>=|<=|~=|!=|<|>)\s*(.*))?", re.DOTALL)
_VERSION = re.compile(r"v?[0-9]", re.IGNORECASE)
"""How every version of PEP 440 begins; what stands there else may be a token that was put into the wrong place."""
_QUOTED = re.compile(r"['\"]\s*+(\w[\w.-]*+)\s*+(?:\[[^\]'\"]*+\]\s*+)?(?:==|>=|<=|~=)\s*+([\w.]*)")


def requirement(line: str) -> Found | None:
    """One PEP 508 requirement; None for what names no package of an index (a path, a URL, a variable, nonsense)."""
    bare = _EXTRAS.sub("", line.partition(";")[0]).strip()
    if _VARIABLE.search(bare):
        return None
    found = _REQUIREMENT.fullmatch(bare)
    if found is None:
        return None
    if found[2] is None or _OPEN.search(bare):
        return Found("pypi", found[1])
    return Found("pypi", found[1], found[3].strip()) if _VERSION.match(found[3]) else None


def _logical(data: bytes) -> Iterator[str]:
    """Lines without comments, continued lines joined."""
    waiting = ""
    for line in lines(data):
        bare = _COMMENT.sub("", line).rstrip()
        if bare.endswith("\\"):
            waiting += bare[:-1]
            continue
        yield waiting + bare
        waiting = ""
    yield waiting


def requirements(source: Source) -> Iterator[Found]:
    """One requirement a line (https://pip.pypa.io/en/stable/reference/requirements-file-format/).

    Of files in a folder whose name has that word in it only those in one of that very name count.
    """
    if "requirements" not in source.name and not _FOLDER.search(source.path):
        return
    for line in _logical(source.data):
        bare = _OPTION.sub("", line).strip()
        found = None if bare.startswith("-") else requirement(bare)
        if found:
            yield found


def pyproject(source: Source) -> Iterator[Found]:
    """`project.dependencies` and `project.optional-dependencies` (PEP 621)."""
    project = mapping(toml_table(source.data).get("project"))
    groups = [project.get("dependencies"), *mapping(project.get("optional-dependencies")).values()]
    for group in groups:
        for line in listing(group):
            found = requirement(word(line))
            if found:
                yield found


def setup(source: Source) -> Iterator[Found]:
    """Quoted requirements with a version; the file is never executed."""
    for line in lines(source.data):
        if line.lstrip().startswith("#"):
            continue
        for found in _QUOTED.finditer(line):
            if not {"%", "{", "}"} & set(found[0]):
                yield Found("pypi", found[1], found[2])


PARSERS: Patterns = {
    "*requirements*.txt": requirements,
    "requirements*.lock": requirements,
    "pyproject.toml": pyproject,
    "setup.py": setup,
}
