"""Random policies, inventories and clocks out of a seed: dense enough that rules collide and engines act."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from customhouse.lifecycle.classes import LADDERS
from customhouse.lifecycle.native.words import Target
from customhouse.lifecycle.rules import Rule
from customhouse.lifecycle.vocabulary import load
from customhouse.lifecycle.words import DAY, Artifact
from customhouse.model import Location

ROOTS = {"s3": "s3://bucket", "gs": "gs://bucket", "az": "az://account/container", "oci": "oci://host/repository"}
EPOCH = 20_000 * DAY
KEYS = (
    "app/a.log",
    "app/b.whl",
    "app/b/c.log",
    "app/it's.whl",
    "app/new\nline.log",
    "customhouse-undo/7d/x",
    "lib/x.tar.gz",
    "lib/ä.log",
    "lib/🎉.whl",
    "top",
)
TRASHED = 5
PREFIXES = ("app/", "lib/", "app/b", "t")
TAGS = {"team": ("red", "blue"), "pinned": ("true", "no")}
PACKAGES = ("numpy", "left-pad", "")
VERSIONS = ("1.0", "1.0rc1", "1.10", "v2", "2.0.0-alpha.1", "")
IMAGE_TAGS = ("v1", "v2-rc", "latest")
DAYS = ("1d", "2d", "3d", "7d", "30d")

seeds = st.integers(0, 2**48)


class World:
    """Everything random about one case; `plainly` is the share of rules with nothing but what engines can say."""

    def __init__(self, seed: int, scheme: str = "", *, plainly: float = 0.0) -> None:
        self.random = random.Random(seed)
        self.scheme = scheme or self.random.choice(sorted(ROOTS))
        self.plainly = plainly
        self.now = EPOCH + self.random.randint(0, 10) * DAY

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def some(self, values: Sequence[str]) -> str | list[str]:
        """One value, or a list of up to three."""
        if self.chance(0.6):
            return self.random.choice(values)
        return self.random.sample(values, min(len(values), self.random.randint(1, 3)))

    def policy(self) -> tuple[Rule, ...]:
        """A policy that loads."""
        return load([self.rule(f"rule-{at}") for at in range(self.random.randint(1, 4))])

    def rule(self, name: str) -> dict[str, Any]:
        """One rule as it is written in a policy file."""
        plain = self.chance(self.plainly)
        actions: list[Any] = ["delete", "delete", "delete", {"class": "cool"}, "archive", {"class": "cold"}]
        actions += [] if plain else ["keep", "hold", {"tag": {"team": "green"}}]
        node: dict[str, Any] = {"id": name, "do": self.random.choice(actions)}
        if node["do"] == "delete":
            node["undo"] = "7d" if self.chance(0.2) else "none"
        self.conditions(node, plain=plain)
        if self.chance(0.7):
            node["select"] = self.select(plain=plain)
        if self.chance(0.2):
            node["exclude"] = self.select() if self.chance(0.5) else [self.select(), self.select()]
        if not plain:
            self.spare(node)
        if node["do"] == "delete" and set(node) <= {"id", "do", "undo", "exclude", "protect"}:
            node["age"] = self.random.choice(DAYS)
        return node

    def conditions(self, node: dict[str, Any], *, plain: bool) -> None:
        """When the rule is due: mostly one wait, sometimes several or none."""
        wait = lambda: self.random.choice(DAYS if plain else (*DAYS, "0d", "30h"))  # noqa: E731 -- one use each
        if self.chance(0.25):
            node["noncurrent"] = wait()
        elif self.chance(0.9):
            node["age"] = wait()
        for term, share in (("idle", 0.05 if plain else 0.15), ("age", 0.02 if plain else 0.1)):
            if self.chance(share):
                node[term] = wait()
        if self.chance(0.1):
            node["expires"] = True

    def spare(self, node: dict[str, Any]) -> None:
        """What the rule keeps and protects."""
        if self.chance(0.25):
            node["protect"] = self.random.choice(({"tag": {"pinned": "true"}}, {"in_use": True}))
        if self.chance(0.4):
            groups = ["package", "folder", "repository", *(["key"] if "noncurrent" in node else [])]
            node["keep"] = {
                "latest": self.random.randint(1, 3),
                "per": self.random.choice(groups),
                "order": self.random.choice(("created", "used", "version")),
                "count_excluded": self.chance(0.3),
            }
            if self.chance(0.3):
                node["keep"]["matching"] = self.random.choice(("v*", "app/**", "**/*.log"))

    def select(self, *, plain: bool = False) -> dict[str, Any]:
        """One or two select terms."""
        terms: dict[str, Any] = {
            "prefix": self.some(PREFIXES),
            "tag": self.random.choice(({"team": "red"}, {"team": "blue", "pinned": "true"})),
            "over": self.random.choice((0, 10)),
            "under": self.random.choice((11, 1000)),
            "suffix": self.some((".log", ".whl", "gz")),
        }
        if not plain:
            terms |= {
                "glob": self.some(("**/*.log", "app/*", "*/b*", "[!a]**", "**")),
                "regex": self.some(("b", "^app/.*[.]whl$", "(?i)TAR", "'", "w.l")),
                "verdict": self.some(("clean", "held")),
                "kind": self.some(("wheel", "zip")),
                "ecosystem": self.some(("pypi", "npm")),
            }
        if self.scheme == "oci":
            terms |= {"image_tags": self.some(("v*", "*-rc", "latest")), "untagged": self.chance(0.5)}
        names = self.random.sample(sorted(terms), self.random.randint(1, 2))
        return {name: terms[name] for name in names}

    def moment(self) -> float:
        """A time within the last forty days, exactly at midnight half of the time."""
        days = self.random.choice((1, 2, 3, 7, 8, 30, 31, self.random.randint(0, 40)))
        return self.now - days * DAY - (0 if self.chance(0.5) else round(self.random.uniform(0, DAY), 3))

    def maybe(self, share: float) -> float | None:
        return self.moment() if self.chance(share) else None

    def artifact(self, key: str, version: str, noncurrent: float | None) -> Artifact:
        """One version of one object."""
        pick = self.random.choice
        return Artifact(
            location=Location(ROOTS[self.scheme], key, version=version, etag=f"etag-{version}"),
            size=pick((0, 1, 10, 11, 5000)),
            created=self.moment(),
            used=self.maybe(0.5),
            noncurrent_since=noncurrent,
            storage_class=pick(("", *LADDERS.get(self.scheme, ()))),
            tags={name: pick(values) for name, values in TAGS.items() if self.chance(0.5)},
            held=self.chance(0.15),
            locked_until=pick((None, None, self.now + DAY, self.moment())),
            verdict=pick(("", "clean", "held")),
            kind=pick(("", "wheel", "zip")),
            ecosystem=pick(("pypi", "npm")),
            package=pick(PACKAGES),
            package_version=pick(VERSIONS),
            expires_at=pick((None, self.now + DAY, self.moment())),
        )

    def inventory(self) -> list[Artifact]:
        """A bucket, each key with up to three older versions; or an image repository."""
        if self.scheme == "oci":
            return self.images()
        out = []
        for key in KEYS:
            out.append(self.artifact(key, "9", None))
            out += [self.artifact(key, str(at), self.moment()) for at in range(self.random.randint(0, 3))]
        self.random.shuffle(out)
        trash = KEYS[TRASHED]  # a copy of ours carries no hold
        return [replace(one, held=False, locked_until=None) if one.location.key == trash else one for one in out]

    def images(self) -> list[Artifact]:
        """Manifests that point at each other as children and subjects."""
        digests = [f"sha256:{at}" for at in range(self.random.randint(1, 9))]
        return [self.image(digest, digests) for digest in digests]

    def image(self, digest: str, digests: Sequence[str]) -> Artifact:
        pick = self.random.choice
        return Artifact(
            location=Location(ROOTS["oci"], "repository", version=digest),
            size=1,
            created=self.moment(),
            held=self.chance(0.1),
            tags={name: pick(values) for name, values in TAGS.items() if self.chance(0.3)},
            digest=digest,
            image_tags=tuple(self.random.sample(IMAGE_TAGS, self.random.randint(0, 2))),
            children=tuple(self.random.sample(digests, min(len(digests), self.random.randint(0, 2)))),
            subject=pick(("", "", "", *digests)),
            package=pick(PACKAGES),
        )

    def in_use(self) -> set[str]:
        """Some digests and addresses that something runs."""
        names = ("sha256:1", "sha256:2", *(f"{ROOTS[self.scheme]}/{key}" for key in KEYS))
        return {name for name in names if self.chance(0.3)}

    def target(self) -> Target:
        """A bucket with any abilities."""
        return Target(
            ROOTS[self.scheme],
            versioned=(versioned := self.chance(0.5)),
            soft_delete=self.random.choice((0, 7 * 86_400)),
            locks=self.chance(0.3) and (versioned or self.scheme != "s3"),
            index_tags=self.chance(0.8),
            last_access=self.chance(0.5),
        )
