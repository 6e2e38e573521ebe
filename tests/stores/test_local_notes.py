"""What stands beside the files of a folder may be spoiled by whoever writes there: it costs tags, no object."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from customhouse.errors import Conflict, Rejected
from customhouse.model import Location
from customhouse.ports import Store
from customhouse.stores import open_store
from tests.stores.contract import VERDICT, whole

TAGS = {VERDICT: "clean", "team": "a"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = open_store(f"file://{tmp_path}")
    made.put("k", b"data", tags=TAGS, content_type="text/plain")
    return made


def note(folder: Path) -> Path:
    [found] = (path for path in (folder / ".customhouse" / "notes").rglob("*") if path.is_file())
    return found


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"\xff", b'{"tags": 5}', b'{"tags": {"a": 1}}', b'{"tags": {}, "content_type": null}', b"7"],
)
def test_a_note_that_does_not_read_is_none(store: Store, tmp_path: Path, data: bytes) -> None:
    note(tmp_path).write_bytes(data)
    stat = store.stat(Location(store.root, "k"))
    assert (stat.tags, stat.content_type) == ({}, "application/octet-stream")
    assert whole(store, stat.location) == b"data"
    assert store.tags(store.tag(stat.location, {"team": "b"})) == {"team": "b"}


def moved(folder: Path) -> Path:
    place = folder / ".customhouse"
    place.rename(folder.parent / f"{folder.name}-moved")
    return place


def as_file(folder: Path) -> None:
    moved(folder).write_bytes(b"")


def as_link(folder: Path) -> None:
    moved(folder).symlink_to(folder.parent / f"{folder.name}-moved")


def as_loop(folder: Path) -> None:
    moved(folder).symlink_to(".customhouse")


def as_linked_note(folder: Path) -> None:
    here = note(folder)
    here.unlink()
    here.symlink_to(folder / "k")


@pytest.mark.parametrize("spoil", [as_file, as_link, as_loop, as_linked_note])
def test_an_object_whose_notes_are_links_or_files_is_there_without_them(
    store: Store, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(tmp_path)
    stat = store.stat(Location(store.root, "k"))
    assert (stat.tags, whole(store, stat.location)) == ({}, b"data")


@pytest.mark.parametrize("spoil", [as_file, as_link, as_loop])
def test_nothing_is_written_through_a_link(store: Store, tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    spoil(tmp_path)
    before = sorted(path.name for path in tmp_path.parent.glob(f"{tmp_path.name}-moved/**/*"))
    with pytest.raises(Rejected, match="no folder can have its name"):
        store.put("other", b"data", tags=TAGS)
    assert sorted(path.name for path in tmp_path.parent.glob(f"{tmp_path.name}-moved/**/*")) == before
    assert not (tmp_path / "other").exists()


def test_a_file_that_another_program_replaces_has_none_of_the_old_tags(store: Store, tmp_path: Path) -> None:
    (tmp_path / "k").write_bytes(b"new")
    assert store.tags(Location(store.root, "k")) == {}


def test_notes_of_versions_that_are_gone_do_not_pile_up(store: Store, tmp_path: Path) -> None:
    for at in range(5):
        store.put("k", f"data {at}".encode(), tags=TAGS)
    assert note(tmp_path).is_file()
    store.delete(Location(store.root, "k"))
    assert [path for path in (tmp_path / ".customhouse" / "notes").rglob("*") if path.is_file()] == []


def test_writers_at_one_time_lose_no_tag_of_each_other(store: Store) -> None:
    def write(name: str) -> None:
        for at in range(10):
            store.tag(Location(store.root, "k"), {name: str(at)})

    threads = [threading.Thread(target=write, args=(f"tag-{at}",)) for at in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.tags(Location(store.root, "k")) == TAGS | {f"tag-{at}": "9" for at in range(4)}


def test_what_was_not_put_leaves_no_note(store: Store, tmp_path: Path) -> None:
    before = sorted(path for path in tmp_path.rglob("*") if path.is_file())

    for _ in range(3):
        with pytest.raises(Conflict):
            store.put("k", b"other", if_absent=True)

    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == before
    assert store.tags(Location(store.root, "k")) == TAGS
