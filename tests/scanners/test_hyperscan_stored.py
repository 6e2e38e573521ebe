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


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "customhouse"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    return folder


def finds(found: hyperscan.Database, data: bytes = b"a needle") -> bool:
    return bool(Engine(found).ends(data, 10))


@pytest.mark.usefixtures("cache")
def test_a_database_is_compiled_once(rules: Path) -> None:
    compiler = Compiler()
    assert all(finds(database(rules, "d", compiler)) for _ in range(3))
    assert compiler.times == 1


@pytest.mark.usefixtures("cache")
def test_other_expressions_have_a_database_of_their_own(rules: Path) -> None:
    assert finds(database(rules, "d", Compiler()))
    assert not finds(database(rules, "e", Compiler(b"thread")))


def test_what_a_build_put_beside_the_rules_comes_first(cache: Path, rules: Path) -> None:
    (rules / file_name("d")).write_bytes(hyperscan.dumpb(compiled([b"needle"])))
    compiler = Compiler(b"thread")
    assert finds(database(rules, "d", compiler))
    assert compiler.times == 0
    assert not cache.exists()


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_cache_that_others_may_write_to_is_not_believed(cache: Path, rules: Path, mode: int) -> None:
    cache.mkdir()
    cache.chmod(mode)
    (cache / file_name("d")).write_bytes(hyperscan.dumpb(compiled([b"nothing that is there"])))
    assert finds(database(rules, "d", Compiler()))


def test_a_cache_that_is_a_link_is_not_believed(cache: Path, rules: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    cache.symlink_to(elsewhere)
    assert finds(database(rules, "d", Compiler()))
    assert not list(elsewhere.iterdir())


def test_the_cache_is_for_its_user_alone(cache: Path, rules: Path) -> None:
    database(rules, "d", Compiler())
    assert cache.stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in cache.iterdir()] == [0o600]


@pytest.mark.parametrize("damage", [b"", b"not a database", None])
def test_a_broken_database_is_compiled_anew(cache: Path, rules: Path, damage: bytes | None) -> None:
    database(rules, "d", Compiler())
    path = cache / file_name("d")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    compiler = Compiler()
    assert finds(database(rules, "d", compiler))
    assert compiler.times == 1
    assert stored(path) is not None


@pytest.mark.parametrize("place", [1, 2, 3])
def test_a_changed_byte_is_noticed(cache: Path, rules: Path, place: int) -> None:
    database(rules, "d", Compiler())
    path = cache / file_name("d")
    data = bytearray(path.read_bytes())
    data[len(data) * place // 4] ^= 0xFF
    path.write_bytes(data)
    assert finds(database(rules, "d", Compiler()))


def test_without_a_home_a_database_is_compiled_all_the_same(
    monkeypatch: pytest.MonkeyPatch, rules: Path, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(file))
    assert finds(database(rules, "d", Compiler()))
