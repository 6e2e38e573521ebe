"""asar, the archive of Electron applications: a JSON list of members, then their bytes as they are.

https://github.com/electron/asar#format; sizes and offsets are stated there and nowhere else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from customhouse.inspect.formats.entry import Corrupt, Entry, Source
from customhouse.inspect.limits import LimitHit
from customhouse.model import SkipReason

_SIZE, _PREFIX = 4, 16
"""Bytes of its mark, without which the list is no archive again, and of all before the list."""
_BRACES = 3
"""Objects that the list has for one member at most: itself, a folder's files, its digests."""
_DEEPEST = 256


class _Integrity(msgspec.Struct):
    """What Electron compares when it loads a file; other algorithms than SHA256 do not exist."""

    algorithm: str = ""
    hash: str = ""


class _Node(msgspec.Struct):
    """A file, a folder or a link, by which of the fields is there."""

    files: dict[str, _Node] | None = None
    size: int = 0
    offset: str = ""
    link: str = ""
    unpacked: bool = False
    integrity: _Integrity | None = None


@dataclass(frozen=True, slots=True)
class _Placed:
    name: str
    start: int
    size: int
    sha256: str


def entries(source: Source) -> Iterator[Entry]:
    """The list itself, links, files in the order of their bytes, then what no file holds."""
    base, root = _header(source)
    yield Entry("header", source.blocks(_SIZE, base - _SIZE), base - _SIZE)
    placed: list[_Placed] = []
    for name, node in _nodes(root, "", 0):
        if node.unpacked:  # beside the archive, where it is an artifact of its own
            continue
        if node.link:
            yield Entry(name, type="symlink", link=node.link)
        else:
            placed.append(_Placed(name, base + _offset(node), node.size, _sha256(node)))
    stop = base
    for member in sorted(placed, key=lambda member: member.start):
        if member.size and member.start < stop:
            source.high("overlap", "it shares bytes with another member, as bombs and smugglers do", member.name)
        if member.start + member.size > source.size:
            source.high("lying-size", "it is longer than the archive", member.name)
            source.skip(SkipReason.CORRUPT, "it is longer than the archive", member.name)
        yield Entry(member.name, _checked(source, member), member.size)
        stop = max(stop, member.start + member.size)
    for start, size in source.unclaimed([(0, base), *((one.start, one.start + one.size) for one in placed)]):
        source.high("hidden-data", f"{size:,} bytes of no member")
        yield Entry(f"hidden-data-{start}", source.blocks(start, size), size)


def _checked(source: Source, member: _Placed) -> Iterator[bytes]:
    """A member's bytes; afterwards they are compared with what the list says of them, where it does."""
    actual = hashlib.sha256()
    for block in source.blocks(member.start, member.size):
        if member.sha256:
            actual.update(block)
        yield block
    if member.sha256 and actual.hexdigest() != member.sha256:
        source.high("bad-checksum", "its bytes have another checksum than stated", member.name)


def _sha256(node: _Node) -> str:
    stated = node.integrity
    return stated.hash.lower() if stated and stated.algorithm.upper() == "SHA256" else ""


def _header(source: Source) -> tuple[int, _Node]:
    """Where the members' bytes begin, and the tree of members."""
    head = source.at(0, _PREFIX)
    whole, length = int.from_bytes(head[4:8], "little"), int.from_bytes(head[12:16], "little")
    if len(head) < _PREFIX or length > whole or length > source.limits.directory:
        raise Corrupt("a list of members of impossible length", "bad-directory")
    text = source.at(_PREFIX, length)
    if text.count(b"{") > _BRACES * source.limits.members:
        raise LimitHit("member-limit", f"a list of more than {source.limits.members:,} members")
    try:
        return 8 + whole, msgspec.json.decode(text, type=_Node)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Corrupt("its list of members is no such list", "bad-directory") from error


def _nodes(folder: _Node, prefix: str, depth: int) -> Iterator[tuple[str, _Node]]:
    if depth > _DEEPEST:
        raise Corrupt("folders in folders without end", "bad-directory")
    for name, node in (folder.files or {}).items():
        if node.files is None:
            yield prefix + name, node
        else:
            yield from _nodes(node, f"{prefix}{name}/", depth + 1)


def _offset(node: _Node) -> int:
    if not node.offset.isascii() or not node.offset.isdigit() or len(node.offset) > 20 or node.size < 0:  # noqa: PLR2004 -- 64 bits
        raise Corrupt("a member that is nowhere", "bad-directory")
    return int(node.offset)
