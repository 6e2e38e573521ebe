"""Durations and sizes as people write them."""

from __future__ import annotations

from customhouse.lifecycle.words import DAY

SECONDS = {"m": 60, "h": 3600, "d": int(DAY), "w": 7 * int(DAY)}
BYTES = {
    "B": 1,
    "KB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "TB": 1000**4,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
    "TiB": 1 << 40,
}


def duration(value: object) -> int:
    """Seconds of `30d`, `12h`, `90m` or `2w`; a bare number is refused because its unit would be a guess."""
    text = value if isinstance(value, str) else ""
    number, unit = text[:-1], text[-1:]
    if not (number.isascii() and number.isdigit() and unit in SECONDS):
        message = f"{value!r} is no duration: write a whole number and a unit, such as 30d, 12h, 90m or 2w"
        raise ValueError(message)
    return int(number) * SECONDS[unit]


def size(value: object) -> int:
    """Bytes of `10MiB`, `1GB` or a bare number of bytes."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    text = value if isinstance(value, str) else ""
    number = text.rstrip("KMGTiB")
    unit = text[len(number) :]
    if not (number.isascii() and number.isdigit() and unit in BYTES):
        message = f"{value!r} is no size: write bytes, or a number and one of {', '.join(BYTES)}"
        raise ValueError(message)
    return int(number) * BYTES[unit]


def show_duration(seconds: float) -> str:
    """The shortest exact way to write a duration: `30d`, `12h`, `90m`."""
    for unit in ("d", "h"):
        if seconds % SECONDS[unit] == 0:
            return f"{int(seconds // SECONDS[unit])}{unit}"
    return f"{int(seconds // 60)}m"


def show_size(count: float) -> str:
    """Bytes for people: `1.5 GB`."""
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if count < 1000 or unit == "TB":  # noqa: PLR2004 -- the step between decimal units
            break
        count /= 1000
    return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
