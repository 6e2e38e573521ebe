from __future__ import annotations

import codecs
import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.errors import Malformed
from customhouse.signatures.checksums import Entry, about, algorithms, parse

DIGEST = hashlib.sha256(b"hello").hexdigest()
LONG = hashlib.sha512(b"hello").hexdigest()


@pytest.mark.parametrize(
    "text",
    [
        f"{DIGEST}  a.whl\n",
        f"{DIGEST} *a.whl",
        f"{DIGEST.upper()}  a.whl\r\n",
        f"SHA256 (a.whl) = {DIGEST}\n",
        f"SHA256(a.whl)= {DIGEST}\n",
        f"SHA2-256(a.whl)= {DIGEST}\n",
        f"{DIGEST} a.whl\n",
        f"  {DIGEST}  a.whl\n",
        f"\t{DIGEST} *a.whl\r\n\r\n",
        f"# made by hand\n\n{DIGEST}  a.whl\n",
    ],
)
def test_forms_of_a_named_checksum(text: str) -> None:
    assert parse(text.encode()) == [Entry("sha256", DIGEST, "a.whl")]


@pytest.mark.parametrize("text", [DIGEST, f"{DIGEST}\n", f"{DIGEST}  \n"])
def test_bare_digest_names_nothing(text: str) -> None:
    assert parse(text.encode()) == [Entry("sha256", DIGEST)]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_what_windows_writes_is_read(encoding: str) -> None:
    assert parse(f"{DIGEST}  a.whl\r\n".encode(encoding)) == [Entry("sha256", DIGEST, "a.whl")]


def test_length_tells_the_algorithm() -> None:
    text = "".join(f"{hashlib.new(name, b'').hexdigest()}  x\n" for name in ("md5", "sha1", "sha384", "sha512"))
    assert [entry.algorithm for entry in parse(text.encode())] == ["md5", "sha1", "sha384", "sha512"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n# nothing\n",
        b"hello",
        b"\x7fELF\x00\xff",
        DIGEST[:-1].encode(),
        f"{DIGEST}ff  a".encode(),
        f"{DIGEST} a.whl".encode()[:-7] + b"\ta.whl",
        f"{DIGEST}  a\nrubbish\n".encode(),
        f"SHA512 (a) = {DIGEST}".encode(),
        f"SHA3-256(a)= {DIGEST}".encode(),
        f"{DIGEST},a.whl".encode(),
        f"{DIGEST}\ta.whl".encode(),
        f"sha256:{DIGEST}".encode(),
        f"{DIGEST}{DIGEST[:48]}  a".encode(),
        f"{DIGEST}  a.whl\n".encode("utf-16-le"),
        codecs.BOM_UTF16_LE + b"x",
        f"{DIGEST}  ".encode() + b"\xff",
    ],
)
def test_what_is_no_file_of_checksums_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse(data)


def test_beside_one_file_a_path_or_no_name_is_about_it() -> None:
    entries = [Entry("sha256", DIGEST, name) for name in ("", "dist/a.whl", "dist\\a.whl", "b.whl")]
    assert about(entries, "a.whl", manifest=False) == entries[:3]


def test_a_list_is_about_files_by_their_own_name() -> None:
    entries = [Entry("sha256", DIGEST, name) for name in ("", "dist/a.whl", "./a.whl", "a.whl", "b.whl")]
    assert about(entries, "a.whl", manifest=True) == entries[2:4]


def test_only_what_is_compared_is_computed() -> None:
    text = f"{DIGEST}  a.whl\n{LONG}  b.whl\n".encode()
    assert algorithms(text, "a.whl", manifest=True) == {"sha256"}
    assert algorithms(b"rubbish", "a.whl", manifest=True) == set()


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0/"), min_size=1, max_size=20))
def test_names_come_back_as_sha256sum_writes_them(name: str) -> None:
    plain = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    line = f"{DIGEST}  {name}\n" if plain == name else f"\\{DIGEST}  {plain}\n"
    assert parse(line.encode()) == [Entry("sha256", DIGEST, name)]


@pytest.mark.parametrize("inside", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"])
def test_what_is_no_end_of_a_line_hides_no_entry_in_a_name(inside: str) -> None:
    other = "0" * 64
    assert parse(f"{DIGEST}  x{inside}{other}  a.whl\n".encode()) == [
        Entry("sha256", DIGEST, f"x{inside}{other}  a.whl")
    ]


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="no coreutils here")
@pytest.mark.parametrize("flags", [[], ["--binary"], ["--tag"]])
def test_coreutils_own_output_is_read(tmp_path: Path, flags: list[str]) -> None:
    for name in ("plain", "with space", "back\\slash", "line\nbreak"):
        (tmp_path / name).write_bytes(b"hello")
    command = ["sha256sum", *flags, *sorted(path.name for path in tmp_path.iterdir())]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True).stdout
    assert parse(said) == [Entry("sha256", DIGEST, path.name) for path in sorted(tmp_path.iterdir())]


@given(st.binary(max_size=200))
def test_any_bytes_are_entries_or_malformed(data: bytes) -> None:
    try:
        entries = parse(data)
    except Malformed:
        return
    assert all(set(entry.digest) <= set("0123456789abcdef") for entry in entries)
