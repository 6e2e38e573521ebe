"""The closure over images: a child or referrer of a kept image is kept, a referrer goes with its subject."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from customhouse.lifecycle.words import Action, Artifact, Disposition
from customhouse.model import Location

Protects = Callable[[str, Artifact], bool]
"""Whether a rule, by its id, may not touch an artifact."""


def close(inventory: Sequence[Artifact], chosen: list[Disposition], protects: Protects) -> list[Disposition]:
    """Dispositions that orphan nothing.

    First the referrers (signatures, SBOMs) of deleted images follow them, but for what is protected from the rule that
    deletes those; then everything that a surviving image needs survives too, at any depth: nested indexes, referrers
    of referrers. Digests are unique per repository. The clauses do not depend on the inventory's order.
    """
    if not any(item.children or item.subject for item in inventory):
        return chosen
    images = _Images(inventory)
    return _keep(images, _follow(images, chosen, protects))


class _Images:
    """Where each digest is, and which artifacts an image brings along."""

    def __init__(self, inventory: Sequence[Artifact]) -> None:
        self.at: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        self.referrers: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        self.inventory = inventory
        self.order = sorted(range(len(inventory)), key=lambda at: _place(inventory[at].location))
        for at in self.order:
            item = inventory[at]
            if item.digest:
                self.at[item.location.root, item.digest].append(at)
            if item.subject:
                self.referrers[item.location.root, item.subject].append(at)

    def referrers_of(self, at: int) -> list[int]:
        item = self.inventory[at]
        return self.referrers.get((item.location.root, item.digest), []) if item.digest else []

    def children_of(self, at: int) -> list[int]:
        item = self.inventory[at]
        return [child for digest in item.children for child in self.at.get((item.location.root, digest), [])]


def _place(location: Location) -> tuple[str, str, str, str]:
    return location.root, location.key, location.version, location.etag


def _follow(images: _Images, chosen: list[Disposition], protects: Protects) -> list[Disposition]:
    """Delete the referrers of what is deleted, unless a rule has its own word on them."""
    chosen = list(chosen)
    waiting = [at for at in images.order if chosen[at].action is Action.DELETE]
    while waiting:
        subject = chosen[at := waiting.pop()]
        for referrer in images.referrers_of(at):
            if chosen[referrer].action is Action.NONE and not protects(subject.rule, images.inventory[referrer]):
                chosen[referrer] = Disposition(Action.DELETE, subject.rule, "closure: its subject is deleted")
                waiting.append(referrer)
    return chosen


def _keep(images: _Images, chosen: list[Disposition]) -> list[Disposition]:
    """Keep what any surviving image needs."""
    waiting = [at for at in images.order if chosen[at].action is not Action.DELETE]
    while waiting:
        at = waiting.pop()
        needs = [(child, "child") for child in images.children_of(at)]
        needs += [(referrer, "referrer") for referrer in images.referrers_of(at)]
        for needed, what in needs:
            if chosen[needed].action is Action.DELETE:
                clause = f"closure: {what} of a kept image"
                chosen[needed] = Disposition(Action.KEEP, chosen[needed].rule, clause)
                waiting.append(needed)
    return chosen
