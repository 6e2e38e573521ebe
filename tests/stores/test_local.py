from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from customhouse.errors import ConfigError, Conflict, Denied, Gone, Rejected
from customhouse.model import Location
from customhouse.ports import Store
from customhouse.stores import open_store
from tests.stores.contract import VERDICT, StoreContract, whole


def made(folder: Path) -> Store:
    folder.mkdir()
    return open_store(f"file://{folder}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "bucket"


class TestLocal(StoreContract):
    part_size = 1 << 20

    @pytest.fixture
    def store(self, folder: Path) -> Store:
        return made(folder)

    @pytest.fixture
    def other(self, tmp_path: Path) -> Store:
        return made(tmp_path / "other")


@pytest.fixture
def store(folder: Path) -> Store:
    return made(folder)


def keys(store: Store) -> list[str]:
    return [entry.location.key for entry in store.list()]


def test_an_existing_folder_is_read_under_its_ordinary_names(store: Store, folder: Path) -> None:
    (folder / "in").mkdir()
    (folder / "in" / "app-1.0.whl").write_bytes(b"wheel")
    assert keys(store) == ["in/app-1.0.whl"]
    assert whole(store, Location(store.root, "in/app-1.0.whl")) == b"wheel"
    assert sorted(path.name for path in folder.iterdir()) == ["in"]


def test_an_object_is_an_ordinary_file_and_our_own_files_are_hidden(store: Store, folder: Path) -> None:
    store.put("out/a.txt", b"data", tags={VERDICT: "clean"})
    assert (folder / "out" / "a.txt").read_bytes() == b"data"
    assert keys(store) == ["out/a.txt"]


def test_a_file_name_that_is_no_utf8_can_be_listed_read_and_deleted(store: Store, folder: Path) -> None:
    Path(os.fsdecode(bytes(folder) + b"/caf\xe9")).write_bytes(b"latin")
    [entry] = store.list()
    assert str(entry.location).isascii()
    assert whole(store, entry.location) == b"latin"
    store.delete(entry.location)
    assert keys(store) == []


def test_a_link_is_no_object_and_never_followed(store: Store, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "up").symlink_to(tmp_path)
    assert keys(store) == []
    for key in ("link", "up/secret"):
        with pytest.raises(Gone):
            store.read(Location(store.root, key))
    with pytest.raises(Rejected):
        store.put("up/planted", b"1")
    assert not (tmp_path / "planted").exists()


def test_writing_over_a_link_replaces_the_link_not_its_target(store: Store, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "target").write_text("kept")
    (folder / "link").symlink_to(tmp_path / "target")
    store.put("link", b"new")
    assert (tmp_path / "target").read_text() == "kept"
    assert (folder / "link").read_bytes() == b"new"


def test_a_pipe_is_no_object_and_does_not_block(store: Store, folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    assert keys(store) == []
    with pytest.raises(Gone):
        store.read(Location(store.root, "pipe"))


def test_a_folder_and_a_file_cannot_share_a_name(store: Store) -> None:
    store.put("a/b", b"1")
    with pytest.raises(Rejected):
        store.put("a", b"2")
    with pytest.raises(Rejected):
        store.put("a/b/c", b"3")
    assert keys(store) == ["a/b"]


def test_a_file_edited_by_another_program_is_another_version(store: Store, folder: Path) -> None:
    location = store.put("a", b"1", tags={VERDICT: "clean"})
    (folder / "a").write_bytes(b"2")
    with pytest.raises(Conflict):
        store.tag(location, {VERDICT: "clean"})
    assert store.tags(Location(store.root, "a")) == {}


def test_a_file_edited_while_it_is_read_is_a_conflict(store: Store, folder: Path) -> None:
    location = store.put("a", b"1" * (3 << 20))
    with store.read(location) as body:
        chunks = iter(body)
        next(chunks)
        with (folder / "a").open("r+b") as file:
            file.write(b"2")
        os.utime(folder / "a", ns=(1, 1))
        with pytest.raises(Conflict):
            list(chunks)


def test_the_listing_is_sorted_across_folders_and_long_names(store: Store) -> None:
    names = ["n" * 300, "n" * 255, "n" * 299 + "/x", "a/b", "a.b", "a0", "a//b", "..", "n" * 700]
    for name in names:
        store.put(name, b"1")
    assert keys(store) == sorted(names)
    for name in names:
        assert [entry.location.key for entry in store.list(after=name)] == [key for key in sorted(names) if key > name]


def test_nothing_is_left_aside_after_writing_and_deleting(store: Store, folder: Path) -> None:
    location = store.tag(store.put("a", b"1"), {VERDICT: "clean"})
    store.put("a", b"2")
    store.delete(store.put("a", b"3", if_match=store.stat(Location(store.root, "a")).location))
    with pytest.raises(Gone):
        store.stat(location)
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["lock"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_denied(store: Store, folder: Path) -> None:
    folder.chmod(0o555)
    with pytest.raises(Denied):
        store.put("a", b"1")


def test_a_folder_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="create it first"):
        open_store(f"file://{tmp_path}/nowhere")


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to("elsewhere"), os.mkfifo])
@pytest.mark.parametrize("if_absent", [True, False])
def test_a_name_that_a_folder_or_a_link_has_is_refused_for_good_or_taken(
    store: Store, folder: Path, make: Callable[[Path], object], *, if_absent: bool
) -> None:
    make(folder / "k")
    if if_absent or (folder / "k").is_dir():
        with pytest.raises(Rejected) as refused:
            store.put("k", b"data", if_absent=if_absent)
        assert not isinstance(refused.value, Conflict)
        assert not (folder / "k").is_file()
    else:
        assert whole(store, store.put("k", b"data")) == b"data"
        assert not (folder / "elsewhere").exists()
