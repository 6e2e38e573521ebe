"""Storage classes: one portable word per step down in price, and each cloud's own names in order of price."""

from __future__ import annotations

LADDERS: dict[str, tuple[str, ...]] = {
    "s3": (
        "STANDARD",
        "INTELLIGENT_TIERING",
        "STANDARD_IA",
        "ONEZONE_IA",
        "GLACIER_IR",
        "GLACIER",
        "DEEP_ARCHIVE",
    ),
    "gs": ("STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE"),
    "az": ("Hot", "Cool", "Cold", "Archive"),
}
"""Dearest first. A class that is not listed (a folder has none) counts as the first."""

PORTABLE: dict[str, dict[str, str]] = {
    "cool": {"s3": "STANDARD_IA", "gs": "NEARLINE", "az": "Cool"},
    "cold": {"s3": "GLACIER_IR", "gs": "COLDLINE", "az": "Cold"},
    "archive": {"s3": "DEEP_ARCHIVE", "gs": "ARCHIVE", "az": "Archive"},
}
"""What a rule may say to mean the same on every cloud."""

NAMES = (*PORTABLE, *dict.fromkeys(name for ladder in LADDERS.values() for name in ladder))


def native(name: str, scheme: str) -> str:
    """The class's name at a store of this scheme; empty where the store has no such class."""
    if name in PORTABLE:
        return PORTABLE[name].get(scheme, "")
    return name if name in LADDERS.get(scheme, ()) else ""


def rank(name: str, scheme: str) -> int:
    """How far down the scheme's ladder a class is; 0 for the dearest and for unknown ones."""
    ladder = LADDERS.get(scheme, ())
    return ladder.index(name) if name in ladder else 0
