from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import pytest

from customhouse import scanners
from customhouse.errors import ConfigError
from customhouse.scanners import options


def test_every_module_that_builds_a_scanner_is_listed() -> None:
    names = [module.name for module in pkgutil.iter_modules(scanners.__path__)]
    builders = {name for name in names if hasattr(importlib.import_module(f"customhouse.scanners.{name}"), "build")}
    assert builders == set(scanners.BUILTIN)


def test_scanners_come_in_the_order_of_the_list_and_name_their_engine() -> None:
    built = scanners.load({"pickles": {}, "malware": {}})
    assert [scanner.name for scanner in built] == ["malware", "pickles"]
    assert all(scanner.version for scanner in built)


def test_a_scanner_that_does_not_exist_is_named() -> None:
    with pytest.raises(ConfigError, match="malwear"):
        scanners.load({"malwear": {}})


class Given(options.Options, frozen=True):
    size: int = 1


def test_options_are_typed_and_name_what_is_wrong() -> None:
    assert options.read("thing", {"size": 2}, Given) == Given(2)
    with pytest.raises(ConfigError, match=r"scanners\.thing: .*size"):
        options.read("thing", {"size": "two"}, Given)
    with pytest.raises(ConfigError, match=r"scanners\.thing: .*`colour`.*it has the options size"):
        options.read("thing", {"colour": 1}, Given)


WITHOUT = """
import sys
sys.modules.update(dict.fromkeys(["sigstore", "clamav_client"]))  # as where they are not installed
from customhouse.errors import ConfigError
from customhouse.scanners import load
for name, options in {configured!r}.items():
    try:
        load({{name: options}})
    except ConfigError as error:
        print(error)
"""


def test_a_scanner_whose_library_is_not_installed_stops_the_start_with_one_line() -> None:
    signed = {"name": "*", "identities": [{"issuer": "https://i", "subject": "https://s/*"}]}
    configured = {"signatures": {"rules": [signed]}, "clamav": {}}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(configured=configured)], check=True, capture_output=True, text=True
    )
    lines = done.stdout.splitlines()
    assert len(lines) == len(configured)
    for name, line in zip(configured, lines, strict=True):
        assert line.startswith(f"scanners.{name}: ")
        assert f"pip install 'customhouse[{name}]'" in line
