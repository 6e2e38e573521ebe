from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import random
import struct
import zlib
from collections.abc import Callable

import brotli
import py7zr
import pytest
import zstandard
from lz4 import frame as lz4

from customhouse.inspect import Limits
from customhouse.model import SkipReason
from tests.inspect.support import (
    END,
    MARKER,
    Part,
    ar,
    clean,
    cpio,
    entry,
    found,
    handmade,
    iso,
    look,
    reasons,
    rpm,
    rules,
    tarred,
    zipped,
)

Pack = Callable[[bytes], bytes]
PACKERS: dict[str, Pack] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE),
    "zst": zstandard.compress,
    "lz4": lz4.compress,
    "br": lambda data: brotli.compress(data, quality=4),
}
TREE = tarred(("pkg/first.txt", b"first" * 999), ("pkg/marked.txt", MARKER))


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_compressed_tar_reads_as_one_container(suffix: str) -> None:
    inspection = look(PACKERS[suffix](TREE), f"a.tar.{suffix}")

    assert found(inspection) == [f"a.tar.{suffix}!/pkg/marked.txt"]
    assert inspection.coverage.complete
    assert rules(inspection) == {"found"}
    assert inspection.kind == "tar"


@pytest.mark.parametrize("suffix", PACKERS)
def test_compressed_data_that_breaks_off_is_corrupt(suffix: str) -> None:
    packed = PACKERS[suffix](bytes(range(256)) * 999)

    assert SkipReason.CORRUPT in reasons(look(packed[: len(packed) * 2 // 3], f"a.bin.{suffix}"))


@pytest.mark.parametrize("suffix", [suffix for suffix in PACKERS if suffix not in {"br", "lzma"}])
def test_several_streams_in_a_row_are_one_file(suffix: str) -> None:
    pack = PACKERS[suffix]

    inspection = look(pack(b"x" * 999 + MARKER[:9]) + pack(MARKER[9:]), f"a.txt.{suffix}")

    assert found(inspection) == [f"a.txt.{suffix}!/a.txt"]
    assert inspection.coverage.complete


def metadata(data: bytes) -> bytes:
    """A Brotli file without content whose only block is one that readers pass over (RFC 7932, 9.2)."""
    size = len(data) - 1
    width = -(-size.bit_length() // 8)
    bits = 3 << 2 | width << 5 | size << 7
    return bits.to_bytes(1 + width, "little") + data + b"\3"


def test_what_brotli_calls_metadata_hides_little() -> None:
    assert brotli.decompress(metadata(MARKER * 4000)) == b""
    assert rules(look(metadata(MARKER * 4000), "a.br")) == {"hidden-data"}
    assert not clean(look(metadata(MARKER * 4000), "a.br"))
    assert clean(look(metadata(b"a table of a tool's own"), "a.br"))


@pytest.mark.parametrize("quality", [0, 5, 11])
@pytest.mark.parametrize("size", [0, 1, 100, 70_000])
def test_noise_that_brotli_cannot_pack_is_ordinary(quality: int, size: int) -> None:
    noise = random.Random(size).randbytes(size)

    assert clean(look(brotli.compress(noise, quality=quality), "a.br"))


def test_a_stripped_cpio_is_a_skip() -> None:
    """RPM writes it where files are above 4 GiB: members' names and sizes stand in the header."""
    files = gzip.compress(b"07070X" + b"0" * 8 + bytes(2) + MARKER)

    assert reasons(look(rpm(files), "a.rpm")) == {SkipReason.UNSUPPORTED}


def test_bytes_behind_brotli_are_corrupt_as_its_end_cannot_be_told() -> None:
    assert reasons(look(PACKERS["br"](b"hello") + MARKER, "a.txt.br")) == {SkipReason.CORRUPT}


@pytest.mark.parametrize("suffix", [suffix for suffix in PACKERS if suffix != "br"])
def test_bytes_behind_compressed_data_are_a_finding_and_scanned(suffix: str) -> None:
    inspection = look(PACKERS[suffix](b"hello") + b"##" + MARKER, f"a.txt.{suffix}")

    assert "trailing-data" in rules(inspection)
    assert found(inspection) == [f"a.txt.{suffix}!/trailing-data"]


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz", "zst", "lz4"])
def test_zeros_behind_compressed_data_are_padding(suffix: str) -> None:
    assert clean(look(PACKERS[suffix](b"hello") + bytes(512), f"a.txt.{suffix}"))


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_bomb_stops_at_the_ratio(suffix: str) -> None:
    inspection = look(PACKERS[suffix](bytes(12 << 20)), f"a.bin.{suffix}")

    assert reasons(inspection) == {SkipReason.LIMIT}
    assert rules(inspection) == {"ratio-limit"}
    assert inspection.coverage.bytes <= 10 << 20


def test_a_dictionary_larger_than_allowed_is_a_limit() -> None:
    data = bytes(range(256)) * 9000
    xz = lzma.compress(data, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 64 << 20}])
    zst = zstandard.ZstdCompressor(compression_params=zstandard.ZstdCompressionParameters(window_log=27)).compressobj()
    streamed = zst.compress(data) + zst.flush()

    for packed, name in ((xz, "a.xz"), (streamed, "a.zst")):
        assert reasons(look(packed, name, limits=Limits(dictionary=1 << 20))) == {SkipReason.LIMIT}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda frame: frame[:4] + bytes([frame[4] | 8]) + frame[5:], id="reserved bit"),
        pytest.param(lambda frame: frame[:-1], id="no checksum"),
        pytest.param(lambda frame: frame[:-1] + bytes([frame[-1] ^ 1]), id="wrong checksum"),
        pytest.param(lambda frame: frame[:6], id="no block"),
    ],
)
def test_a_zstandard_frame_that_is_not_right_is_never_clean(change: Pack) -> None:
    frame = zstandard.ZstdCompressor(write_checksum=True).compress(b"hello")

    assert clean(look(frame, "a.zst"))
    assert not clean(look(change(frame), "a.zst"))


def test_a_debian_package_is_opened_to_the_last_file() -> None:
    deb = ar((b"debian-binary", b"2.0\n"), (b"control.tar.xz", lzma.compress(tarred(("./postinst", MARKER)))))
    deb += ar((b"data.tar.zst", zstandard.compress(TREE)))[8:]

    inspection = look(deb, "a.deb")

    assert found(inspection) == ["a.deb!/control.tar.xz!/./postinst", "a.deb!/data.tar.zst!/pkg/marked.txt"]
    assert inspection.kind == "deb"
    assert inspection.coverage.complete


def test_long_names_of_ar() -> None:
    gnu = ar((b"//", b"a-very-long-name.o/\n"), (b"/0", MARKER))
    bsd = ar((b"#1/8", b"name.o\0\0" + MARKER))

    assert found(look(gnu, "a.a")) == ["a.a!/a-very-long-name.o"]
    assert found(look(bsd, "a.a")) == ["a.a!/name.o"]


def test_a_static_library_may_hold_a_name_twice() -> None:
    assert clean(look(ar((b"/", b"table"), (b"x.o/", b"1"), (b"x.o/", b"2")), "a.a"))


def test_an_rpm_shows_its_header_and_its_files() -> None:
    files = cpio((b"./usr/bin/x", MARKER, 0o104755), (b"./l", b"/etc/x", 0o120777), (b"./d", b"", 0o040755))

    inspection = look(rpm(gzip.compress(files)), "a.rpm")

    assert found(inspection) == ["a.rpm!/./usr/bin/x"]
    assert rules(inspection) == {"found"}
    assert inspection.coverage.complete


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (cpio((b"../x", b"a", 0o100644)), "path-traversal"),
        (cpio((b"l", b"../x", 0o120777)), "link-escape"),
        (cpio((b"null", b"", 0o020644)), "device-node"),
        (cpio((b"d", b"hidden", 0o040755)), "special-with-data"),
    ],
)
def test_what_is_wrong_in_a_cpio(data: bytes, rule: str) -> None:
    assert rule in rules(look(data, "a.cpio"))


def test_files_of_a_disc() -> None:
    inspection = look(iso((b"README.TXT;1", b"hello"), (b"MARKED.BIN;1", MARKER)), "a.iso")

    assert found(inspection) == ["a.iso!/MARKED.BIN"]
    assert inspection.coverage.complete


FILTERS: dict[str, list[dict[str, int]] | None] = {
    "lzma2": None,
    "bcj": [{"id": py7zr.FILTER_X86}, {"id": py7zr.FILTER_LZMA2, "preset": 6}],
    "delta": [{"id": py7zr.FILTER_DELTA}, {"id": py7zr.FILTER_LZMA2, "preset": 6}],
    "lzma": [{"id": py7zr.FILTER_LZMA, "preset": 6}],
    "zstd": [{"id": py7zr.FILTER_ZSTD}],
    "bzip2": [{"id": py7zr.FILTER_BZIP2}],
    "deflate": [{"id": py7zr.FILTER_DEFLATE}],
    "copy": [{"id": py7zr.FILTER_COPY}],
}


def seven(
    *members: tuple[str, bytes], filters: list[dict[str, int]] | None = None, password: str | None = None
) -> bytes:
    buffer = io.BytesIO()
    with py7zr.SevenZipFile(buffer, "w", filters=filters, password=password) as archive:
        for name, data in members:
            archive.writestr(data, name)
    return buffer.getvalue()


@pytest.mark.parametrize("method", FILTERS)
def test_every_method_of_7z(method: str) -> None:
    members = (("a.txt", b"a" * 5000), ("b/marked.bin", bytes(range(256)) * 50 + MARKER), ("empty", b""))

    inspection = look(seven(*members, filters=FILTERS[method]), "a.7z")

    assert found(inspection) == ["a.7z!/b/marked.bin"]
    assert inspection.coverage.complete
    assert inspection.coverage.members == 4


def test_an_encrypted_7z_is_a_skip() -> None:
    inspection = look(seven(("a.txt", MARKER), password="secret"), "a.7z")

    assert reasons(inspection) == {SkipReason.ENCRYPTED}


def test_a_7z_header_that_counts_what_it_cannot_hold_allocates_nothing() -> None:
    header = b"\x01\x05\xff" + b"\xff" * 7 + b"\x7f\x00\x00"
    crc = zlib.crc32(header)
    start = struct.pack("<QQL", 0, len(header), crc)
    data = b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<L", zlib.crc32(start)) + start + header

    inspection = look(data, "a.7z")

    assert reasons(inspection) == {SkipReason.CORRUPT}
    assert "lying-size" in rules(inspection)


@pytest.mark.parametrize("head", [b"hsqs", b"QFI\xfb", b"MSWIM\0\0\0", b"\xca\xfe\xd0\x0d"])
def test_a_container_that_we_do_not_open_is_an_honest_skip(head: bytes) -> None:
    assert reasons(look(head + bytes(600), "a.img")) == {SkipReason.UNSUPPORTED}


def test_containers_in_containers_of_other_kinds() -> None:
    data = MARKER
    for pack in (
        lambda d: tarred(("in.bin", d)),
        gzip.compress,
        lambda d: zipped(("in.tgz", d)),
        lambda d: ar((b"in.zip", d)),
    ):
        data = pack(data)

    inspection = look(data, "a.a")

    assert found(inspection) == ["a.a!/in.zip!/in.tgz!/in.bin"]
    assert inspection.coverage.complete


def test_layers_of_an_image_are_file_systems() -> None:
    layer = entry(b"bin/su", b"x", mode=0o4755) + END
    inspection = look(image_of(layer, hashlib.sha256(layer).hexdigest()), "image.tar")

    assert clean(inspection)
    assert inspection.kind == "oci-layout"


def image_of(layer: bytes, digest: str) -> bytes:
    return tarred((f"blobs/sha256/{digest}", layer), ("oci-layout", b"{}"), ("index.json", b"{}"))


@pytest.mark.parametrize("magic", [b"\x1f\x8b", b"\x1f\x8a"], ids=["opened", "not-opened"])
def test_a_blob_that_is_not_what_its_digest_says_is_a_finding(magic: bytes) -> None:
    layer = gzip.compress(tarred(("bin/x", b"harmless")), mtime=0)
    image = image_of(magic + layer[2:], hashlib.sha256(layer + b"x").hexdigest())

    assert "digest-mismatch" in rules(look(image, "image.tar"))


def test_an_rpm_without_its_payload_is_not_clean() -> None:
    assert reasons(look(rpm(b""), "a.rpm")) == {SkipReason.CORRUPT}


def test_a_catalogue_of_translations_is_no_model() -> None:
    catalogue = b"\xde\x12\x04\x95" + bytes(4) + b"{" + bytes(600)

    assert look(catalogue, "a.mo").kind == "data"
    assert look((40).to_bytes(8, "little") + b"{" + bytes(600), "a.bin").kind == "safetensors"


def test_bytes_of_no_file_on_a_disc_are_scanned() -> None:
    disc = bytearray(iso((b"A.TXT;1", b"hello"), (b"B.TXT;1", b"bye")))
    for place in (100, 18 * 2048, len(disc) - 2048 + 100):
        marked = bytes(disc[:place]) + MARKER + bytes(disc[place + len(MARKER) :])

        assert len(found(look(marked, "a.iso"))) == 1
    assert clean(look(bytes(disc), "a.iso"))


def test_bytes_between_the_streams_of_a_7z_are_hidden_data() -> None:
    data = seven(("a.txt", b"a" * 500), ("b.txt", b"b"))
    start, size, _ = struct.unpack("<QQL", data[12:32])
    header = data[32 + start :]
    moved = struct.pack("<QQL", start + len(MARKER), size, zlib.crc32(header))
    hidden = data[:8] + struct.pack("<L", zlib.crc32(moved)) + moved + data[32 : 32 + start] + MARKER + header

    inspection = look(hidden, "a.7z")

    assert rules(inspection) == {"hidden-data", "found"}
    assert inspection.coverage.complete


@pytest.mark.parametrize("name", [b"/", b"//", b"/SYM64/", b"__.SYMDEF"])
def test_tables_of_a_library_are_scanned(name: bytes) -> None:
    assert len(found(look(ar((name, MARKER), (b"x.o/", b"1")), "a.a"))) == 1


def test_an_rpm_whose_payload_is_no_archive_is_never_clean() -> None:
    inspection = look(rpm(b"garbage" + MARKER), "a.rpm")

    assert reasons(inspection) == {SkipReason.CORRUPT}
    assert len(found(inspection)) == 1


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (handmade(Part(name=b"link", data=MARKER, attributes=0o120777 << 16)), "a.zip"),
        (cpio((b"link", MARKER, 0o120777)), "a.cpio"),
    ],
)
def test_what_a_link_holds_is_scanned_as_readers_without_links_make_it_a_file(data: bytes, name: str) -> None:
    inspection = look(data, name)

    assert len(found(inspection)) == 1
    assert inspection.coverage.complete


def test_a_part_of_a_package_that_is_no_archive_is_a_finding() -> None:
    deb = ar((b"debian-binary", b"2.0\n"), (b"data.tar.xz", b"\0" + lzma.compress(TREE)[1:]))

    assert rules(look(deb, "a.deb")) == {"name-mismatch", "missing-part"}


def broken(layer: bytes) -> bytes:
    """A layer without its magic number and with a wrong checksum."""
    return layer[:148] + b"9999999\0" + layer[156:257] + b"notatar\0" + layer[265:]


@pytest.mark.parametrize("name", ["l/layer.tar", f"{'a' * 64}.tar", f"{'a' * 64}/layer.tar"])
@pytest.mark.parametrize("last", [False, True])
def test_a_layer_that_is_no_archive_is_a_finding(name: str, *, last: bool) -> None:
    layer = tarred(("etc/motd", b"hello"))
    members = [(name, broken(layer)), ("manifest.json", b"[]")]

    assert rules(look(tarred(*members[:: 1 if last else -1]), "image.tar")) == {"name-mismatch"}


@pytest.mark.parametrize("magic", [b"ustar\0\60\60", b"ustar  \0", bytes(8)])
def test_a_layer_of_any_dialect_is_opened(magic: bytes) -> None:
    layer = entry(b"etc/motd", MARKER, magic=magic) + END

    assert found(look(tarred(("l/layer.tar", layer), ("manifest.json", b"[]")), "image.tar")) == [
        "image.tar!/l/layer.tar!/etc/motd"
    ]


@pytest.mark.parametrize("layer", [b"", bytes(1024), bytes(10240)])
def test_a_layer_without_members_is_ordinary(layer: bytes) -> None:
    assert clean(look(tarred(("l/layer.tar", layer), ("manifest.json", b"[]")), "image.tar"))
