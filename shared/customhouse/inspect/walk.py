"""The walk: every member of every container, opened under a budget, named, checked and fed to the scanners."""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

import msgspec

from customhouse.errors import CustomhouseError
from customhouse.inspect import parts
from customhouse.inspect.appended import Watch, missing, payload, scripted, unopened, zip_within
from customhouse.inspect.book import Book
from customhouse.inspect.feed import Feed
from customhouse.inspect.formats import COMPRESSORS, FORMATS, Format, closed
from customhouse.inspect.formats.entry import Corrupt, Entry, Source, Unopened
from customhouse.inspect.identify import HEAD, PLAIN, STUBS, beneath, broken_claim, disagreement, ends_as_zip, identify
from customhouse.inspect.ledger import Ledger
from customhouse.inspect.limits import Budget, Exhausted, LimitHit
from customhouse.inspect.names import Problem, printable, problems
from customhouse.inspect.probe import BLOB, IN_PLACE, LAYER, LAYERED, PARTED, TARS, Probe, rooted_kind
from customhouse.inspect.reader import Reader
from customhouse.inspect.spool import Spool
from customhouse.model import Severity, SkipReason
from customhouse.scanners import Member

_SETUID = 0o6000
_SMALL = 1 << 20
_OURS = (NameError, ImportError, AttributeError, MemoryError, NotImplementedError)


class Node(msgspec.Struct, frozen=True):
    """Where the walk is: a member's path and name, and what holds it."""

    path: str
    name: str
    depth: int = 0
    container: str = ""
    size: int | None = None
    rooted: bool = False
    prefix: str = ""
    leading: bool = False

    @property
    def inside(self) -> str:
        """What the paths of its own members begin with: a compressed tar is one container to people, not two."""
        return self.prefix or self.path


class Walker:
    """Walks one artifact; whatever goes wrong with a member is in the ledger, only Exhausted goes up."""

    def __init__(self, budget: Budget, ledger: Ledger, feed: Feed) -> None:
        self._budget = budget
        self._limits = budget.limits
        self._ledger = ledger
        self._feed = feed
        self.kind = ""

    def artifact(self, node: Node, look: Callable[[], str]) -> str:
        """Look at the artifact itself, until a budget of the whole is used up; its kind."""
        self._ledger.member()
        try:
            kind = self._guarded(node, look)
        except Exhausted as hit:
            reason = SkipReason.TIMEOUT if hit.rule == "time-limit" else SkipReason.LIMIT
            self._ledger.finding(hit.rule, Severity.MEDIUM, node.path, hit.detail)
            self._ledger.skip(node.path, reason, hit.detail)
            return self.kind
        if odd := broken_claim(node.name, self.kind or kind):
            self._ledger.finding("name-mismatch", Severity.HIGH, node.path, odd)
        return kind or self.kind

    def walk(self, node: Node, reader: Reader, file: BinaryIO | None = None) -> str:
        """Look at one member whose bytes come from `reader` (and lie in `file`, for what has to seek); its kind."""
        kind = self._kind(node, reader.peek(HEAD))
        self.kind = self.kind or kind
        self._misnamed(node, kind)
        format_ = FORMATS.get(kind)
        if format_ is not None and self._shallow(node):
            return self._guarded(node, lambda: self._expand(node, kind, format_, reader, file)) or kind
        if why := closed(kind):
            self._ledger.skip(node.path, *why)
        return self._guarded(node, lambda: self._leaf(node, kind, reader, file)) or kind

    def _kind(self, node: Node, head: bytes) -> str:
        """What the member is; what is two things at once is a finding, and opened as the one that can be."""
        kind = identify(head, node.name)
        other = "" if kind in PLAIN else beneath(head)
        if not other or kind == other:
            return kind
        self._ledger.finding("polyglot", Severity.HIGH, node.path, f"it begins as {kind} and is {other}")
        return kind if kind in FORMATS else other

    def _guarded(self, node: Node, work: Callable[[], str]) -> str:
        """Do it, and turn whatever stops it into ledger entries."""
        try:
            return work()
        except (Exhausted, CustomhouseError):
            raise
        except LimitHit as hit:
            self._limit(hit.path or node.path, hit)
        except Unopened as why:
            self._ledger.skip(node.path, why.reason, why.detail)
        except Corrupt as why:
            if why.rule:
                self._ledger.finding(why.rule, Severity.HIGH, node.path, why.detail)
            self._ledger.skip(node.path, SkipReason.CORRUPT, why.detail)
        except Exception as error:  # noqa: BLE001 -- hostile bytes meet a library: a skip, whatever it raises
            reason = SkipReason.ENGINE if isinstance(error, _OURS) else SkipReason.CORRUPT
            self._ledger.skip(node.path, reason, printable(f"{type(error).__name__}: {error}")[:300])
        return ""

    def _limit(self, path: str, hit: LimitHit) -> None:
        self._ledger.finding(hit.rule, Severity.MEDIUM, path, hit.detail)
        self._ledger.skip(path, SkipReason.LIMIT, hit.detail)

    def _shallow(self, node: Node) -> bool:
        if node.depth < self._limits.depth:
            return True
        self._limit(node.path, LimitHit("depth-limit", f"more than {self._limits.depth} containers in each other"))
        return False

    def _misnamed(self, node: Node, kind: str) -> None:
        if odd := disagreement(node.name, kind):
            self._ledger.finding("name-mismatch", Severity.MEDIUM, node.path, odd)
        elif (node.container in PARTED or self._layer(node, kind)) and (odd := broken_claim(node.name, kind)):
            self._ledger.finding("name-mismatch", Severity.HIGH, node.path, odd)

    def _layer(self, node: Node, kind: str) -> bool:
        """Whether an image would unpack this, and it is nothing that is unpacked."""
        return bool(node.container in LAYERED and node.size and kind not in FORMATS and LAYER.match(node.name))

    def _leaf(self, node: Node, kind: str, reader: Reader, file: BinaryIO | None) -> str:
        """Bytes that are no container, or only from the back."""
        window = self._limits.window
        data = reader.peek(window + 1) if (node.size or 0) <= window else None
        if data is None or len(data) > window:
            size, behind = self._large(node, kind, reader, file)
        else:
            size = len(data)
            self._feed.whole(self._member(node, kind, data))
            behind = self._appended(node, kind, data)
        if node.size is not None and size != node.size:
            raise Corrupt(f"{size:,} bytes where {node.size:,} were stated")
        return behind or kind

    def _large(self, node: Node, kind: str, reader: Reader, file: BinaryIO | None) -> tuple[int, str]:
        """A member in windows; its size, and what the zip behind it is, which needs all bytes at once."""
        stub = kind in STUBS and file is None and zip_within(reader.peek(self._limits.window))
        with Spool(self._budget) as spool:
            watch = Watch(kind, spool if stub else None)
            size = self._feed.large(self._member(node, kind, b""), reader, file, watch.see)
            watch.close()
            if watch.found:
                self._ledger.skip(node.path, SkipReason.UNSUPPORTED, watch.found)
            if not watch.zip:
                return size, ""
            whole = file or watch.file
            if whole is not None:
                return size, self._behind(node, kind, whole)
        self._ledger.skip(node.path, SkipReason.UNSUPPORTED, "the zip at its end is not opened: it is too large")
        return size, ""

    def _appended(self, node: Node, kind: str, data: bytes) -> str:
        """What ends this member; the kind of package it is thereby, if any."""
        start, why = None, ""
        if scripted(kind, data):
            start = payload(data)
            why = unopened(kind, data[:start])
        zipped = ends_as_zip(data)
        if not why and start is None and not zipped and not node.leading:
            why = missing(kind, data)
        if why:
            self._ledger.skip(node.path, SkipReason.UNSUPPORTED, why)
        if start is not None and self._shallow(node):
            entry = Entry("payload", iter((data[start:],)), len(data) - start)
            self._entry(Node(f"{node.path}!/payload", "payload", node.depth + 1, "script"), entry, Book())
        return self._behind(node, kind, io.BytesIO(data)) if zipped else ""

    def _behind(self, node: Node, kind: str, file: BinaryIO) -> str:
        """A zip behind something else: a program that unpacks itself, a script with its modules, or a polyglot."""
        if not self._shallow(node):
            return ""
        if kind not in STUBS:
            message = f"it is {kind} from the front and zip from the back"
            self._ledger.finding("polyglot", Severity.HIGH, node.path, message)
        found = self._guarded(node, lambda: self._expand(node, "zip", FORMATS["zip"], Reader(()), file))
        if kind != "script":
            return ""
        if not node.depth:
            self.kind = "zip"  # a jar that starts by itself is called a jar
        return found if found != "zip" else ""

    def _member(self, node: Node, kind: str, data: bytes) -> Member:
        size = len(data) if node.size is None else node.size
        return Member(node.path, node.name, kind, size, data, depth=node.depth, container=node.container)

    def _expand(self, node: Node, kind: str, format_: Format, reader: Reader, file: BinaryIO | None) -> str:
        """A container: each entry in turn, then whatever follows its end."""
        if not format_.seeks:
            source = Source(node.path, node.name, self._limits, self._ledger, reader, file or io.BytesIO())
            found = self._entries(node, kind, format_, source)
            if not source.broken:
                self._trailing(node, reader)
            return found
        if file is not None:
            reader.skip_all()
            size = file.seek(0, io.SEEK_END)
            source = Source(node.path, node.name, self._limits, self._ledger, reader, file, size)
            return self._entries(node, kind, format_, source)
        with Spool(self._budget) as spool:
            spool.fill(reader.blocks())
            source = Source(node.path, node.name, self._limits, self._ledger, reader, spool.file, spool.size)
            return self._entries(node, kind, format_, source)

    def _entries(self, node: Node, kind: str, format_: Format, source: Source) -> str:
        inside = node.prefix if node.prefix and kind in {"tar", "cpio"} else node.path
        source.path = inside
        probe, book = Probe(kind), Book(rooted=node.rooted, library=kind == "ar")
        content = ""
        for entry in format_.entries(source):
            if not source.listed:
                probe.see(entry.name)
            elif source.listing:
                probe.see_all(source.take_listing())
            book.rooted = node.rooted or rooted_kind(probe.kind, inside)
            book.in_place = probe.kind in IN_PLACE
            rooted = book.rooted or (kind == "tar" and LAYER.match(entry.name) is not None)
            child = Node(
                source.inside(entry.name) if entry.name else f"{inside}!/",
                entry.name,
                node.depth + 1,
                probe.kind,
                entry.size,
                rooted,
                (node.prefix or inside) if entry.transparent else "",
                entry.leading,
            )
            content = self._entry(child, entry, book)
            if entry.transparent and kind in COMPRESSORS and content in TARS:
                probe.kind = content
        for rule, severity, message in parts.check(probe.kind, book.files):
            self._ledger.finding(rule, severity, inside, message)
        for name, (rule, severity, message) in book.close():
            self._ledger.finding(rule, severity, source.inside(name), message)
        return probe.kind

    def _entry(self, node: Node, entry: Entry, book: Book) -> str:
        self._budget.member()
        self._ledger.member()
        for rule, severity, message in () if entry.transparent else checks(entry, book):
            self._ledger.finding(rule, severity, node.path, message)
        if entry.skip is not None:
            self._ledger.skip(node.path, *entry.skip)
        elif entry.size is not None and entry.size > self._limits.member:
            entry.data = None
            message = f"{entry.size:,} bytes, more than {self._limits.member:,}"
            self._limit(node.path, LimitHit("size-limit", message))
        elif entry.data is not None:
            return self._guarded(node, lambda: self._bytes(node, entry))
        return ""

    def _bytes(self, node: Node, entry: Entry) -> str:
        """An entry's bytes: small ones at once, which is most of the work in most archives."""
        data = self._metered(entry)
        if blob := BLOB.match(entry.name):
            data = self._addressed(node, blob[1], data)
        if entry.size is None or entry.size > _SMALL:
            with (entry.open and entry.open()) or contextlib.nullcontext() as file:
                return self.walk(node, Reader(data), file)
        whole = b"".join(data)
        kind = self._kind(node, whole[:HEAD])
        if kind in FORMATS or closed(kind) or len(whole) != entry.size:
            return self.walk(node, Reader((whole,)))
        self._misnamed(node, kind)
        self._feed.whole(self._member(node, kind, whole))
        self._appended(node, kind, whole)
        return kind

    def _metered(self, entry: Entry) -> Iterator[bytes]:
        """An entry's bytes, counted while they are inflated, so that a bomb stops where a budget ends."""
        limits, total = self._limits, 0
        for block in entry.data or ():
            total += len(block)
            self._budget.expand(len(block))
            if total > limits.member:
                raise LimitHit("size-limit", f"more than {limits.member:,} bytes")
            if entry.consumed is not None and total > limits.ratio_floor and total > limits.ratio * entry.consumed():
                raise LimitHit("ratio-limit", f"{total:,} bytes from {entry.consumed():,} packed ones")
            yield block

    def _addressed(self, node: Node, digest: str, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """A blob's bytes, hashed on their way: those that its name does not stand for may hide what a layer held."""
        actual = hashlib.sha256()
        for block in blocks:
            actual.update(block)
            yield block
        if actual.hexdigest() != digest:
            self._ledger.finding("digest-mismatch", Severity.HIGH, node.path, "its bytes are not those of its digest")

    def _trailing(self, node: Node, reader: Reader) -> None:
        """Bytes after a container's end are a member, and a finding unless they are zeros."""
        while block := reader.peek(1 << 16):
            rest = block.lstrip(b"\0")
            reader.read(len(block) - len(rest))
            if rest:
                break
        if not block:
            return
        self._ledger.finding("trailing-data", Severity.HIGH, node.path, "bytes follow the end of the archive")
        entry = Entry("trailing-data", reader.blocks())
        self._entry(Node(f"{node.inside}!/trailing-data", "trailing-data", node.depth + 1), entry, Book())


def checks(entry: Entry, book: Book) -> Iterable[Problem]:
    """What is wrong with an entry's name, type and mode."""
    if entry.type == "file" and not entry.mode & _SETUID and entry.name:  # most of them
        return (*problems(entry.name), *book.file(entry.name))
    return _checks(entry, book)


def _checks(entry: Entry, book: Book) -> Iterator[Problem]:
    if not entry.name:
        yield "empty-name", Severity.HIGH, "the name is empty"
    yield from problems(entry.name)
    if entry.type == "symlink":
        yield from book.link(entry.name, entry.link)
    elif entry.type == "hardlink":
        yield from book.hard(entry.name, entry.link)
    elif entry.type == "file":
        yield from book.file(entry.name)
    elif entry.type == "folder":
        yield from book.folder(entry.name)
    elif entry.type == "device":
        yield "device-node", Severity.HIGH, "a device, pipe or socket"
    if entry.mode & _SETUID and entry.type == "file" and not book.rooted:
        yield "setuid", Severity.MEDIUM, f"a program that runs as its owner or group (mode {entry.mode & 0o7777:o})"
