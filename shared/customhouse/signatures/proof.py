"""What came of a signature: proved, or why it is not."""

from __future__ import annotations

from dataclasses import dataclass

from customhouse.errors import Rejected

_LONGEST = 200


class Invalid(Rejected):
    """A signature that does not hold; `rule` is the finding's, the message is ours and quotes nothing unverified."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Proved:
    """A signature that holds: what it says (see `Statement.kind`) and who says it."""

    kind: str
    issuer: str
    subject: str


def shown(text: str) -> str:
    """Text from a certificate or a statement, for people: bounded, and nothing in it that could fool a terminal."""
    plain = "".join(char if char.isprintable() else "?" for char in text[:_LONGEST])
    return plain + ("…" if len(text) > _LONGEST else "")
