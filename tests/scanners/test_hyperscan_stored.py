"""Compiled databases: found where they were put, made once, and believed only where nobody else could write."""

from __future__ import annotations

from pathlib import Path

import hyperscan
import pytest

from customhouse.scanners.hyperscan_engine import Engine, compiled
from customhouse.scanners.hyperscan_stored import database, file_name, stored


class Compiler:
    """Compiles one expression and counts how often."""

    def __init__(self, expression: bytes = b"needle") -> None:
        self.expression = expression
        self.times = 0

    def __call__(self) -> hyperscan.Database:
        """The database."""
        self.times += 1
        return compiled([self.expression])


class Places:
    """A folder of rules and one of caches."""

    def __init__(self, folder: Path) -> None:
        self.rules, self.caches = folder / "rules", folder / "caches"
        self.rules.mkdir()
        self.caches.mkdir()
        self.cache = self.caches / "customhouse"

    def database(self, digest: str, compiler: Compiler) -> hyperscan.Database:
        """What the scanners get."""
        return database(self.rules, digest, compiler, caches=self.caches)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path)


def finds(found: hyperscan.Database, data: bytes = b"a needle") -> bool:
    return bool(Engine(found).ends(data, 10))


def test_a_database_is_compiled_once(places: Places) -> None:
    compiler = Compiler()
    assert all(finds(places.database("d", compiler)) for _ in range(3))
    assert compiler.times == 1


def test_other_expressions_have_a_database_of_their_own(places: Places) -> None:
    assert finds(places.database("d", Compiler()))
    assert not finds(places.database("e", Compiler(b"thread")))


def test_what_a_build_put_beside_the_rules_comes_first(places: Places) -> None:
    (places.rules / file_name("d")).write_bytes(hyperscan.dumpb(compiled([b"needle"])))
    compiler = Compiler(b"thread")
    assert finds(places.database("d", compiler))
    assert compiler.times == 0
    assert not places.cache.exists()


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_cache_that_others_may_write_to_is_not_believed(places: Places, mode: int) -> None:
    places.cache.mkdir()
    places.cache.chmod(mode)
    (places.cache / file_name("d")).write_bytes(hyperscan.dumpb(compiled([b"nothing that is there"])))
    assert finds(places.database("d", Compiler()))


def test_a_cache_that_is_a_link_is_not_believed(places: Places, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    places.cache.symlink_to(elsewhere)
    assert finds(places.database("d", Compiler()))
    assert not list(elsewhere.iterdir())


def test_the_cache_is_for_its_user_alone(places: Places) -> None:
    places.database("d", Compiler())
    assert places.cache.stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in places.cache.iterdir()] == [0o600]


@pytest.mark.parametrize("damage", [b"", b"not a database", None])
def test_a_broken_database_is_compiled_anew(places: Places, damage: bytes | None) -> None:
    places.database("d", Compiler())
    path = places.cache / file_name("d")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    compiler = Compiler()
    assert finds(places.database("d", compiler))
    assert compiler.times == 1
    assert stored(path) is not None


@pytest.mark.parametrize("place", [1, 2, 3])
def test_a_changed_byte_is_noticed(places: Places, place: int) -> None:
    places.database("d", Compiler())
    path = places.cache / file_name("d")
    data = bytearray(path.read_bytes())
    data[len(data) * place // 4] ^= 0xFF
    path.write_bytes(data)
    assert finds(places.database("d", Compiler()))


def test_where_no_folder_can_be_made_a_database_is_compiled_all_the_same(places: Places) -> None:
    places.caches.rmdir()
    places.caches.touch()
    assert finds(places.database("d", Compiler()))
