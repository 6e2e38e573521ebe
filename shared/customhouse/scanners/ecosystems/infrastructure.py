"""What deployments are made of: charts of Helm, providers of Terraform, actions of GitHub."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from customhouse.scanners.ecosystems.documents import lines, listing, mapping, word, yaml_table
from customhouse.scanners.ecosystems.found import Found, Patterns, Source, scoped

_PROVIDER = re.compile(r'provider\s+"([^"]+)"\s*\{')
_LOCKED = re.compile(r'version\s*=\s*"([^"]+)"')
_ACTION = re.compile(r"([\w.-]+/[\w.-]+)(?:/[^@]*)?@(.+)")


def helm(source: Source) -> Iterator[Found]:
    """Chart.yaml, and with it what the chart depends on at an exact version; Chart.lock alike."""
    document = yaml_table(source.data)
    if word(document.get("name")) and word(document.get("version")):
        yield Found("helm", word(document["name"]), word(document["version"]))
    for dependency in listing(document.get("dependencies")):
        entry = mapping(dependency)
        version = word(entry.get("version"))
        if word(entry.get("name")) and re.fullmatch(r"v?[0-9][\w.+-]*", version):
            yield Found("helm", word(entry["name"]), version)


def providers(source: Source) -> Iterator[Found]:
    """.terraform.lock.hcl: a block for each provider, of which the first attribute is its version.

    https://developer.hashicorp.com/terraform/language/files/dependency-lock
    """
    provider = ""
    for line in map(str.strip, lines(source.data)):
        begun, version = _PROVIDER.match(line), _LOCKED.match(line)
        provider = begun[1] if begun else provider
        if provider and version:
            yield scoped("terraform", provider, version[1])
            provider = ""


def workflow(source: Source) -> Iterator[Found]:
    """Actions that the steps of a workflow or of an action use, and workflows that it calls, from other repositories.

    https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax
    """
    document = yaml_table(source.data)
    jobs = [*map(mapping, mapping(document.get("jobs")).values()), mapping(document.get("runs"))]
    for entry in [entry for job in jobs for entry in _using(job)]:
        found = _ACTION.fullmatch(word(entry.get("uses")))
        if found:
            yield scoped("github", found[1], found[2])


def _using(job: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield job
    yield from map(mapping, listing(job.get("steps")))


PARSERS: Patterns = {
    "Chart.yaml": helm,
    "Chart.lock": helm,
    ".terraform.lock.hcl": providers,
    ".github/workflows/*.yml": workflow,
    ".github/workflows/*.yaml": workflow,
    ".github/actions/*/action.yml": workflow,
    ".github/actions/*/action.yaml": workflow,
}
