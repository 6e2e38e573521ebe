"""ar, as Unix libraries and Debian packages use it: 60-byte headers, GNU's and BSD's long names."""

from __future__ import annotations

from collections.abc import Iterator

from customhouse.inspect.formats import deb
from customhouse.inspect.formats.entry import Corrupt, Entry, Source
from customhouse.inspect.names import decode

_HEADER = 60
_TABLE_MOST = 16 << 20
_PARTS_MOST = 64
"""Names that are kept to tell a Debian package; it has three or four members."""
_TABLES = frozenset({b"/", b"/SYM64/", b"__.SYMDEF", b"__.SYMDEF SORTED", b"__.SYMDEF_64"})


def entries(source: Source) -> Iterator[Entry]:
    """The members, the tables of symbols and of long names among them: nothing is left unseen."""
    reader = source.reader
    reader.read(8)
    table, names = b"", list[str]()
    while head := reader.read(_HEADER):
        if len(head) < _HEADER or head[58:] != b"`\n" or not head[48:58].strip(b" ").isdigit():
            raise Corrupt("a malformed ar header")
        size, raw = int(head[48:58]), head[:16].rstrip(b" ")
        start = reader.position
        if raw == b"//":
            if table:
                source.high("duplicate-name", "two tables of names: readers disagree which one counts")
            if size > _TABLE_MOST:
                raise Corrupt("a table of names of excessive length")
            table = reader.read(size)
            yield Entry("names", iter((table,)), size)
        elif raw in _TABLES:
            yield Entry("symbols", reader.blocks(size), size)
        else:
            name, taken = _name(raw, table, source)
            names += [name] if len(names) < _PARTS_MOST else []
            mode = head[40:48].strip()
            entry = Entry(name, reader.blocks(size - taken), size - taken)
            entry.mode = int(mode, 8) if mode.isdigit() and b"8" not in mode and b"9" not in mode else 0
            yield entry
        reader.skip(start + size - reader.position)
        if reader.position < start + size:
            raise Corrupt("the archive breaks off within a member")
        if size % 2:
            reader.read(1)
    deb.check(source, names)


def _name(raw: bytes, table: bytes, source: Source) -> tuple[str, int]:
    """A member's name, and how many bytes of its data were the name (BSD)."""
    if raw.startswith(b"#1/") and raw[3:].isdigit():
        size = int(raw[3:])
        if size > 1 << 16:
            raise Corrupt("a name of excessive length")
        return decode(source.reader.read(size).rstrip(b"\0"))[0], size
    if raw.startswith(b"/") and raw[1:].isdigit():
        start = int(raw[1:])
        return decode(table[start : start + (1 << 16)].partition(b"\n")[0].removesuffix(b"/"))[0], 0
    return decode(raw.removesuffix(b"/"))[0], 0
