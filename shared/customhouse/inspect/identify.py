"""What bytes are: by magic numbers first, by names only where bytes cannot tell."""

from __future__ import annotations

import re
import zlib
from collections.abc import Collection

HEAD = 34 * 1024
"""Bytes that suffice: an ISO 9660 descriptor begins at 32,769."""

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"PK\x03\x04", "zip"),
    (0, b"PK\x05\x06", "zip"),
    (0, b"PK\x06\x06", "zip"),
    (0, b"PK\x01\x02", "zip"),
    (0, b"PK\x07\x08PK", "zip"),
    (0, b"\x1f\x8b\x08", "gzip"),
    (0, b"\xfd7zXZ\0", "xz"),
    (0, b"\x28\xb5\x2f\xfd", "zstd"),
    (0, b"\x04\x22\x4d\x18", "lz4"),
    (0, b"\x02\x21\x4c\x18", "lz4-legacy"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z"),
    (0, b"Rar!\x1a\x07", "rar"),
    (0, b"!<arch>\n", "ar"),
    (0, b"!<thin>\n", "ar-thin"),
    (0, b"\xed\xab\xee\xdb", "rpm"),
    (0, b"070701", "cpio"),
    (0, b"070702", "cpio"),
    (0, b"070707", "cpio"),
    (0, b"07070X", "cpio-stripped"),
    (0, b"\xc7\x71", "cpio-binary"),
    (0, b"MSCF\0\0\0\0", "cab"),
    (0, b"xar!", "xar"),
    (0, b"LZIP\x01", "lzip"),
    (0, b"LZIP\0", "lzip"),
    (0, b"\x1f\x9d", "compress"),
    (0, b"MSWIM\0\0\0", "wim"),
    (0, b"hsqs", "squashfs"),
    (0, b"conectix", "vhd"),
    (0, b"vhdxfile", "vhdx"),
    (0, b"KDMV", "vmdk"),
    (0, b"QFI\xfb", "qcow2"),
    (0, b"\xca\xfe\xd0\x0d", "pack200"),
    (0, b"\xff\x06\0\0sNaPpY", "snappy"),
    (0, b"ITSF\x03\0\0\0", "chm"),
    (0, b"\x60\xea", "arj"),
    (7, b"**ACE**", "ace"),
    (2, b"-lh", "lha"),
    (0, b"\x7fELF", "elf"),
    (0, b"\xcf\xfa\xed\xfe", "macho"),
    (0, b"\xce\xfa\xed\xfe", "macho"),
    (0, b"\xfe\xed\xfa\xcf", "macho"),
    (0, b"\xfe\xed\xfa\xce", "macho"),
    (0, b"\0asm\x01\0\0\0", "wasm"),
    (0, b"dex\n", "dex"),
    (0, b"#!", "script"),
    (0, b"%PDF-", "pdf"),
    (0, b"\x89PNG\r\n\x1a\n", "png"),
    (0, b"\xff\xd8\xff", "jpeg"),
    (0, b"GIF8", "gif"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),
    (0, b"{\\rtf", "rtf"),
    (0, b"SQLite format 3\0", "sqlite"),
    (0, b"PAR1", "parquet"),
    (0, b"GGUF", "gguf"),
    (0, b"\x89HDF\r\n\x1a\n", "hdf5"),
    (0, b"\x93NUMPY", "npy"),
    (0, b"wOF2", "woff2"),
    (0, b"Cr24", "crx"),
    (0, b"JM\x01\0", "jmod"),
    (0, b"ISc(", "installshield"),
    (0, b"SIT!", "stuffit"),
    (0, b"StuffIt ", "stuffit"),
    (0, b"ZOO ", "zoo"),
    (0, b"\x89LZO\0\r\n\x1a\n", "lzop"),
    (0, b"LRZI", "lrzip"),
    (0, b"7kSt\xa0\x31", "zpaq"),
    (0, b"zPQ\x01", "zpaq"),
    (0, b"zPQ\x02", "zpaq"),
    (0, b"bvx1", "lzfse"),
    (0, b"bvx2", "lzfse"),
    (0, b"bvxn", "lzfse"),
    (0, b"\x1f\x1e", "pack"),
    (0, b"sqsh", "squashfs"),
    (0, b"\x45\x3d\xcd\x28", "cramfs"),
    (0, b"-rom1fs-", "romfs"),
    (0, b"XFSB\0", "xfs"),
    (0, b"UBI#\x01", "ubi"),
    (0, b"PYZ\0", "pyinstaller"),
    (0, b"LUKS\xba\xbe", "luks"),
    (0, b"age-encryption.org/", "age"),
    (0, b"Salted__", "openssl-enc"),
    (0, b"ALZ\x01", "alz"),
    (0, b"EGGA\0\x01", "egg-archive"),
    (0, b"ArC\x01", "freearc"),
    (0, b"SZDD\x88\xf0\x27\x33", "szdd"),
    (0, b"KWAJ\x88\xf0\x27\xd1", "kwaj"),
    (0, b"RZIP\x02", "rzip"),
    (0, b"BZ3v1", "bzip3"),
    (0, b"PACK\0\0\0\x02", "git-pack"),
    (0, b"PACK\0\0\0\x03", "git-pack"),
    (0, b"# v2 git bundle\n", "git-bundle"),
    (0, b"# v3 git bundle\n", "git-bundle"),
    (0, b"\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0", "cd-sectors"),
    (0, b"IsZ!", "isz"),
    (0, b"MComprHD\0", "chd"),
    (0, b"\x85\x19\x01\xe0", "jffs2"),
    (0, b"\x85\x19\x02\xe0", "jffs2"),
    (0, b"\x85\x19\x03\x20", "jffs2"),
    (0, b"\x37\xe4\x53\x96\xc9\xdb\xd6\x07", "zisofs"),
    (0, b"\xef\x22\x55\xa1\xbc\x1b\x95\xa0", "zisofs"),
    (257, b"ustar", "tar"),
)
_FIRST: dict[bytes, list[tuple[bytes, str]]] = {}
for _offset, _bytes, _kind in _MAGIC:
    if _offset == 0:
        _FIRST.setdefault(_bytes[:1], []).append((_bytes, _kind))
_DISKS: tuple[tuple[int, bytes, str], ...] = (
    (512, b"EFI PART", "disk"),
    (3, b"NTFS    ", "ntfs"),
    (3, b"EXFAT   ", "fat"),
    (54, b"FAT1", "fat"),
    (82, b"FAT32   ", "fat"),
    (0x40, b"\x7f\x10\xda\xbe", "vdi"),
    (32, b"NXSB", "apfs"),
    (0x8001, b"BEA01", "udf"),
    (1024, b"\xe2\xe1\xf5\xe0", "erofs"),
    (1024, b"\x10\x20\xf5\xf2", "f2fs"),
    (1024, b"H+\0\x04", "hfs"),
    (1024, b"HX\0\x05", "hfs"),
)
"""Disks and file systems: other things may begin like them, so these come late."""
_STRUCTURED = frozenset(bytes([first]) for first in (*b"MBx\x04\xca\x80", *range(0x50, 0x60)))
_LATER = tuple(item for item in _MAGIC if item[0])

_JAVA_1_1 = 45
"""Universal Mach-O and Java share a magic number: a count of architectures is smaller than a class version."""

_ASAR = b"\x04\0\0\0"
_ZLIB = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_CHANCE = 64
_SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")
_BZIP2 = re.compile(rb"BZh[1-9](?:1AY&SY|\x17\x72\x45\x38\x50\x90)")
_LZMA = re.compile(rb"[\x00-\xe0]\x00\x00[\x00-\xff][\x00-\x10](?:\xff{8}|[\x00-\xff]{5}\x00{3})\x00", re.DOTALL)
_TEXT = bytes({7, 8, 9, 10, 12, 13, 27} | set(range(0x20, 0x100)) - {0x7F})

BY_NAME = {".br": "brotli", ".lzma": "lzma", ".tar": "tar"}
"""Formats without a magic number, known by name alone."""

CLAIMS: dict[str, Collection[str]] = {
    ".zip": {"zip"},
    ".whl": {"zip"},
    ".jar": {"zip"},
    ".war": {"zip"},
    ".ear": {"zip"},
    ".nupkg": {"zip"},
    ".apk": {"zip", "gzip"},
    ".conda": {"zip"},
    ".docx": {"zip", "ole"},
    ".xlsx": {"zip", "ole"},
    ".pptx": {"zip", "ole"},
    ".tar": {"tar"},
    ".tgz": {"gzip"},
    ".gz": {"gzip"},
    ".crate": {"gzip"},
    ".gem": {"tar"},
    ".bz2": {"bzip2"},
    ".xz": {"xz"},
    ".zst": {"zstd"},
    ".lz4": {"lz4", "lz4-legacy"},
    ".7z": {"7z"},
    ".rar": {"rar"},
    ".deb": {"ar"},
    ".rpm": {"rpm"},
    ".cab": {"cab"},
}
"""What a file of this extension has to be."""

PLAIN = frozenset({"text", "data"})
"""What bytes are that nothing else tells, a container beneath them included."""
PROGRAMS = frozenset({"elf", "pe", "macho"})
STUBS = PROGRAMS | {"script", "crx", "jmod"}
"""What is ordinary in front of a zip."""
_HARMLESS = re.compile(
    r"\.(?:png|jpe?g|gif|bmp|svg|pdf|docx?|xlsx?|pptx?|txt|md|csv|json|ya?ml|mp[34]|avi|wav)$", re.IGNORECASE
)

_SHOWN = re.compile(r"\.(?:png|jpe?g|gif|bmp|pdf|mp[34]|avi|wav)$", re.IGNORECASE)
"""Names of what is looked at or listened to; text is left out, because stores keep it compressed under its own name."""
_ACTIVE = frozenset({"script", "zip", "7z", "rar", "cab", "tar", "gzip", "bzip2", "xz", "zstd", "rpm", "ar", "iso9660"})
"""What runs, or holds what may."""


def identify(head: bytes, name: str = "") -> str:
    """The kind of bytes that begin with `head`: `zip`, `tar`, `elf`, `text`, …, or `data`."""
    for magic, kind in _FIRST.get(head[:1], ()):
        if head.startswith(magic):
            return kind
    if head.startswith(b"CD001", 0x8001):  # before disks: many discs start as both
        return "iso9660"
    if kind := _placed(head):
        return kind
    if head[:1] in _STRUCTURED and (kind := _structured(head)):
        return kind
    return beneath(head) or _disk(head) or _named(head, name) or _plain(head)


def beneath(head: bytes) -> str:
    """The container that these bytes are to its readers whatever stands at their beginning; "" where they are none.

    A tar's first bytes are a name and a disc's are boot code: both may be any other format's magic number.
    """
    if head.startswith(b"CD001", 0x8001):
        return "iso9660"
    return "tar" if _tar_header(head) else ""


def _placed(head: bytes) -> str:
    """Formats whose mark comes later than their first byte, which may be any."""
    for offset, magic, kind in _LATER:
        if head.startswith(magic, offset) and (kind != "lha" or head[6:7] == b"-"):
            return kind
    if head.startswith(b"\0\0\0\0{", 4) and head[3] <= 5:  # noqa: PLR2004 -- at most 100 MB of JSON, as the format allows
        return "safetensors"
    return ""


def _structured(head: bytes) -> str:  # noqa: PLR0911 -- one line per structure
    """Formats that their first bytes tell, but not by bytes that are always the same."""
    if head.startswith(b"MZ") and len(head) > 64:  # noqa: PLR2004 -- the DOS header
        return "pe"
    if head.startswith((b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf")):
        fat = int.from_bytes(head[4:8], "big") < _JAVA_1_1
        return "macho" if fat else "class"
    if head.startswith(b"BZh") and _BZIP2.match(head):
        return "bzip2"
    if head.startswith(b"\x2a\x4d\x18", 1) and _SKIPPABLE.match(head):
        return _framed(head)
    if head[:1] == b"\x80" and head[1:2] in {b"\x02", b"\x03", b"\x04", b"\x05"}:
        return "pickle"
    if head.startswith(_ASAR) and head[16:24] == b'{"files"':
        return "asar"
    return "zlib" if head.startswith(_ZLIB) and _inflates(head) else ""


def _framed(head: bytes) -> str:
    """Which of the two formats that have skippable frames it is, by the first frame that is none."""
    place = 0
    while _SKIPPABLE.match(head, place):
        place += 8 + int.from_bytes(head[place + 4 : place + 8], "little")
    return "lz4" if head.startswith(b"\x04\x22\x4d\x18", place) else "zstd"


def _inflates(head: bytes) -> bool:
    """Two bytes are little to go by: the rest has to inflate too, to its end or to more than chance would give."""
    stream = zlib.decompressobj()
    try:
        made = len(stream.decompress(head, HEAD))
    except zlib.error:
        return False
    return made >= _CHANCE or (made > 0 and stream.eof)


def _disk(head: bytes) -> str:
    """A disk or file system; ext2 to ext4 by a magic number of two bytes, a state and a block size."""
    if b"\0" not in head[:2048]:
        return ""
    for offset, magic, kind in _DISKS:
        if head.startswith(magic, offset):
            return kind
    linux = head.startswith(b"\x53\xef", 1080) and head[1082:1084] in {b"\1\0", b"\0\0"} and head[1048] < 7  # noqa: PLR2004 -- 64 KiB
    return "ext" if linux else ""


def _tar_header(head: bytes) -> bool:
    """Whether a tar header's checksum is right: the sum of 512 bytes, signed or not, its own field as spaces."""
    field = head[148:156]
    if len(head) < 512:  # noqa: PLR2004 -- a tar block
        return False
    if field[:1] == b"\x80":  # in base 256, as GNU has it
        stated = int.from_bytes(field[1:], "big")
    elif field[:6].strip(b" ").isdigit() and not (digits := field.strip(b" \0")).translate(None, b"01234567"):
        stated = int(digits, 8)
    else:
        return False
    summed = head[:148] + b" " * 8 + head[156:512]
    return stated in {sum(summed), sum(summed) - 256 * sum(byte > 127 for byte in summed)}  # noqa: PLR2004 -- signed


def _named(head: bytes, name: str) -> str:
    kind = BY_NAME.get(extension(name), "")
    if kind == "lzma":
        return kind if _LZMA.match(head) else ""
    if kind == "tar":  # one without members is nothing but zeros
        return kind if head and not head.strip(b"\0") else ""
    return kind if head else ""


def _plain(head: bytes) -> str:
    if head.startswith(b"\x5d") and _LZMA.match(head):
        return "lzma"
    return "data" if b"\0" in head[:8192] or head[:2048].translate(None, _TEXT) else "text"


def extension(name: str) -> str:
    """`.gz` of `a/b.tar.gz`, lower case; nothing for a name without one."""
    _, dot, ending = name.rpartition("/")[2].rpartition(".")
    return f".{ending.lower()}" if dot else ""


def disagreement(name: str, kind: str) -> str:
    """What is odd about this name for this content, if anything: a program that calls itself a picture."""
    if kind in PROGRAMS and (match := _HARMLESS.search(name)):
        return f"the name ends in {match[0]}, the content is a program ({kind})"
    if kind in _ACTIVE and (match := _SHOWN.search(name)):
        return f"the name ends in {match[0]}, the content is {kind}"
    return ""


def broken_claim(name: str, kind: str) -> str:
    """What an artifact's name promises and its content is not."""
    wanted = CLAIMS.get(extension(name))
    if wanted is None or kind in wanted:
        return ""
    return f"the name ends in {extension(name)}, the content is {kind}"


def ends_as_zip(data: bytes, *, whole: bool = True) -> bool:
    """Whether these bytes end with a zip's end record that points at a central directory before it.

    With `whole` False they are the last bytes of more, and the directory may lie before them.
    """
    start = max(0, len(data) - 22 - 0xFFFF)
    if data.rfind(b"\x05", start) < 0:  # in text it never is, and one byte is found far faster
        return False
    place = data.rfind(b"PK\x05\x06", start)
    if place < 0 or place + 22 > len(data):
        return False
    size = int.from_bytes(data[place + 12 : place + 16], "little")
    comment = int.from_bytes(data[place + 20 : place + 22], "little")
    if size == 0xFFFFFFFF:  # noqa: PLR2004 -- the 64-bit end record has it
        return data.startswith(b"PK\x06\x07", max(0, place - 20))
    start = place - size
    if place + 22 + comment != len(data) or size == 0:
        return False
    return (start < 0 and not whole) or data.startswith(b"PK\x01\x02", max(0, start))
