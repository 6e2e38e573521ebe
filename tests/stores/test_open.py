from __future__ import annotations

import subprocess
import sys

import pytest

from customhouse.errors import ConfigError
from customhouse.stores import open_store, split
from customhouse.stores.memory import MemoryStore
from customhouse.stores.options import Options


@pytest.mark.parametrize(
    ("url", "root", "prefix"),
    [
        ("s3://bucket", "s3://bucket", ""),
        ("s3://bucket/", "s3://bucket", ""),
        ("gs://bucket/released/eu/", "gs://bucket", "released/eu/"),
        ("az://account/container/in", "az://account/container", "in/"),
        ("memory://name/x", "memory://name", "x/"),
        ("file:///srv/in box/", "file:///srv/in box", ""),
        ("file:///", "file://", ""),
    ],
)
def test_a_url_parts_into_root_and_prefix(url: str, root: str, prefix: str) -> None:
    assert split(url) == (root, prefix)


@pytest.mark.parametrize("url", ["", "bucket", "ftp://host", "s3://", "s3:///key", "az://account", "file://relative"])
def test_a_url_that_names_no_store_stops_the_start(url: str) -> None:
    with pytest.raises(ConfigError):
        split(url)


def test_a_prefix_is_no_part_of_a_store() -> None:
    with pytest.raises(ConfigError, match="split"):
        open_store("memory://name/prefix")


def test_memory_opens_by_name() -> None:
    assert isinstance(open_store("memory://name"), MemoryStore)


@pytest.mark.parametrize("values", [{"page_sise": "3"}, {"page_size": "many"}, {"timeout": "0"}, {"attempts": "-1"}])
def test_an_option_that_is_unknown_or_no_number_is_named(values: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=next(iter(values))):
        Options.read(values)


def test_options_are_read_from_text() -> None:
    assert Options.read({"page_size": "2", "endpoint": "http://127.0.0.1"}) == Options(2, endpoint="http://127.0.0.1")


@pytest.mark.parametrize(
    ("root", "sdk", "extra"),
    [("s3://b", "botocore", "aws"), ("gs://b", "google", "gcp"), ("az://a/c", "azure", "azure")],
)
def test_a_missing_sdk_is_named_with_its_remedy(root: str, sdk: str, extra: str) -> None:
    code = (
        "import sys\n"
        f"sys.modules[{sdk!r}] = None\n"
        "from customhouse.errors import ConfigError\n"
        "from customhouse.stores import open_store\n"
        "try: open_store(sys.argv[1])\n"
        "except ConfigError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, root], capture_output=True, text=True, check=True)
    assert f"pip install 'customhouse[{extra}]'" in done.stdout


def test_no_sdk_is_imported_before_a_store_of_it_is_opened() -> None:
    code = (
        "import sys\n"
        "from customhouse.stores import open_store\n"
        "open_store('memory://a')\n"
        "print(sorted({'botocore', 'google.cloud.storage', 'azure.storage.blob'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
