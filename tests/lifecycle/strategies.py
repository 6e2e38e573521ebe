"""Random policies, inventories and clocks, small enough that rules collide often."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from customhouse.lifecycle.classes import LADDERS
from customhouse.lifecycle.rules import Rule
from customhouse.lifecycle.vocabulary import load
from customhouse.lifecycle.words import DAY, Artifact
from customhouse.model import LIFECYCLE_TAG, Location

ROOTS = {"s3": "s3://bucket", "gs": "gs://bucket", "az": "az://account/container", "oci": "oci://host/repository"}
EPOCH = 20_000 * DAY
KEYS = (
    "app/a.log",
    "app/b.whl",
    "app/b/c.log",
    "app/it's.whl",
    "lib/ä.log",
    "lib/x.tar.gz",
    "top",
    "customhouse-undo/x",
)
PREFIXES = ("app/", "lib/", "app/b", "t")
TAGS = {"team": ("red", "blue"), "pinned": ("true", "no")}
PACKAGES = ("numpy", "left-pad", "")
VERSIONS = ("1.0", "1.0rc1", "1.10", "v2", "2.0.0-alpha.1", "")

durations = st.sampled_from(("0d", "1d", "2d", "3d", "7d"))
moments = st.one_of(
    st.integers(0, 12).map(lambda days: EPOCH - days * DAY),
    st.floats(EPOCH - 12 * DAY, EPOCH, allow_nan=False).map(lambda value: round(value, 3)),
)
tags = st.fixed_dictionaries({}, optional={key: st.sampled_from(values) for key, values in TAGS.items()})


def some(values: tuple[str, ...]) -> st.SearchStrategy[Any]:
    """One value, or a list of two."""
    return st.one_of(st.sampled_from(values), st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True))


@st.composite
def selections(draw: st.DrawFn, *, images: bool = False) -> dict[str, Any]:
    """One to three select terms."""
    terms: dict[str, st.SearchStrategy[Any]] = {
        "prefix": some(PREFIXES),
        "glob": some(("**/*.log", "app/*", "*/b*", "[!a]**", "**")),
        "suffix": some((".log", ".whl", "gz")),
        "regex": some(("b", "^app/.*[.]whl$", "(?i)TAR", "'")),
        "tag": st.sampled_from(({"team": "red"}, {"team": "blue", "pinned": "true"})),
        "verdict": some(("clean", "held")),
        "kind": some(("wheel", "zip")),
        "ecosystem": some(("pypi", "npm")),
        "over": st.sampled_from((0, 10)),
        "under": st.sampled_from((10, 1000)),
    }
    if images:
        terms |= {"image_tags": some(("v*", "*-rc", "latest")), "untagged": st.booleans()}
    names = draw(st.lists(st.sampled_from(sorted(terms)), min_size=1, max_size=2, unique=True))
    return {name: draw(terms[name]) for name in names}


@st.composite
def nodes(draw: st.DrawFn, name: str, *, images: bool = False) -> dict[str, Any]:
    """One rule as it is written in a policy file."""
    node: dict[str, Any] = {"id": name}
    node["do"] = draw(
        st.sampled_from(
            ("delete", "delete", "delete", "keep", "hold", "archive", {"class": "cool"}, {"tag": {"team": "green"}})
        )
    )
    if node["do"] == "delete":
        node["undo"] = draw(st.sampled_from(("none", "none", "7d")))
    optional: dict[str, st.SearchStrategy[Any]] = {
        "select": selections(images=images),
        "exclude": st.one_of(selections(images=images), st.lists(selections(images=images), min_size=1, max_size=2)),
        "protect": st.sampled_from(({"tag": {"pinned": "true"}}, {"in_use": True})),
        "idle": durations,
        "expires": st.just(True),
        "noncurrent": durations,
    }
    for term, values in optional.items():
        if draw(st.integers(0, 3)) == 0 or (term == "select" and draw(st.booleans())):
            node[term] = draw(values)
    if draw(st.integers(0, 4)):
        node["age"] = draw(durations)
    if draw(st.integers(0, 2)) == 0:
        node["keep"] = draw(keeps(versions="noncurrent" in node, images=images))
    if node["do"] == "delete" and set(node) <= {"id", "do", "undo", "exclude", "protect"}:
        node["age"] = draw(durations)
    return node


@st.composite
def keeps(draw: st.DrawFn, *, versions: bool, images: bool) -> dict[str, Any]:
    """A keep clause; per key only where versions are meant."""
    groups = ("package", "folder", "repository", *(("key",) if versions else ()))
    node: dict[str, Any] = {"latest": draw(st.integers(1, 3)), "per": draw(st.sampled_from(groups))}
    node["order"] = draw(st.sampled_from(("created", "used", "version")))
    node["count_excluded"] = draw(st.booleans())
    if draw(st.integers(0, 3)) == 0:
        node["matching"] = draw(st.sampled_from(("v*",) if images else ("app/**", "**/*.log")))
    return node


@st.composite
def policies(draw: st.DrawFn, *, images: bool = False, size: int = 4) -> tuple[Rule, ...]:
    """A policy that loads."""
    count = draw(st.integers(1, size))
    return load([draw(nodes(f"rule-{at}", images=images)) for at in range(count)])


@st.composite
def artifacts(draw: st.DrawFn, scheme: str, key: str, version: str, noncurrent: float | None) -> Artifact:
    """One version of one object."""
    return Artifact(
        location=Location(ROOTS[scheme], key, version=version),
        size=draw(st.sampled_from((0, 1, 10, 11, 5000))),
        created=draw(moments),
        used=draw(st.none() | moments),
        noncurrent_since=noncurrent,
        storage_class=draw(st.sampled_from(("", *LADDERS.get(scheme, ())))),
        tags=draw(tags),
        held=draw(st.integers(0, 5)) == 0,
        locked_until=draw(st.none() | st.none() | moments),
        verdict=draw(st.sampled_from(("", "clean", "held"))),
        kind=draw(st.sampled_from(("", "wheel", "zip"))),
        ecosystem=draw(st.sampled_from(("pypi", "npm"))),
        package=draw(st.sampled_from(PACKAGES)),
        package_version=draw(st.sampled_from(VERSIONS)),
        expires_at=draw(st.none() | moments),
    )


@st.composite
def inventories(draw: st.DrawFn, scheme: str, *, versions: bool = True) -> list[Artifact]:
    """A bucket: every key at most once current, with some older versions behind it."""
    out = []
    for key in draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=len(KEYS), unique=True)):
        out.append(draw(artifacts(scheme, key, "9", None)))
        behind = draw(st.integers(0, 3)) if versions else 0
        out += [draw(artifacts(scheme, key, str(at), draw(moments))) for at in range(behind)]
    return out


@st.composite
def images(draw: st.DrawFn) -> list[Artifact]:
    """An image repository: manifests that point at each other as children and subjects."""
    count = draw(st.integers(1, 7))
    digests = [f"sha256:{at}" for at in range(count)]
    return [
        Artifact(
            location=Location(ROOTS["oci"], "repository", version=digest),
            size=1,
            created=draw(moments),
            held=draw(st.integers(0, 6)) == 0,
            tags=draw(tags),
            digest=digest,
            image_tags=tuple(draw(st.lists(st.sampled_from(("v1", "v2-rc", "latest")), max_size=2, unique=True))),
            children=tuple(draw(st.lists(st.sampled_from(digests), max_size=2, unique=True))),
            subject=draw(st.sampled_from(("", "", *digests))),
            package=draw(st.sampled_from(PACKAGES)),
        )
        for digest in digests
    ]


clocks = st.integers(0, 10).map(lambda days: EPOCH + days * DAY)
uses = st.sets(st.sampled_from(("sha256:1", "sha256:2", f"{ROOTS['s3']}/app/b.whl", f"{ROOTS['gs']}/top")), max_size=2)

LABEL = LIFECYCLE_TAG
