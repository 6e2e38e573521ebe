"""Pickles inside archives and compressed streams, through the whole inspection; none is ever loaded."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import pickle
import tarfile
import zipfile
from typing import TYPE_CHECKING

import py7zr
import pytest
import zstandard

from customhouse.inspect import Limits, inspect
from customhouse.scanners import pickles

if TYPE_CHECKING:
    from collections.abc import Callable


class Runs:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return os.system, ("id",)


BAD, GOOD = pickle.dumps({"weights": Runs()}, 2), pickle.dumps({"weights": [1.5, 2.5]}, 2)
DILL = b"\x80\x04\x8c\ndill._dill\x8c\x10_create_function\x93(tR."


def zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/version", "3\n")
    return out.getvalue()


def tarred(data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("model/data.pkl")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def seven(data: bytes) -> bytes:
    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w") as archive:
        archive.writestr(data, "data.pkl")
    return out.getvalue()


WRAPS: dict[str, Callable[[bytes], bytes]] = {
    "model.pt": zipped,
    "model.tar": tarred,
    "model.7z": seven,
    "model.joblib.gz": gzip.compress,
    "model.joblib.bz2": bz2.compress,
    "model.joblib.xz": lzma.compress,
    "model.pkl.zst": zstandard.compress,
    "model.zip": lambda data: zipped(tarred(gzip.compress(data))),
}


def found(name: str, data: bytes) -> tuple[set[str], bool]:
    inspection = inspect(name, iter([data]), [pickles.build({})], Limits())
    return {finding.rule for finding in inspection.findings}, inspection.coverage.complete


@pytest.mark.parametrize("name", WRAPS)
def test_a_pickle_is_judged_inside_whatever_holds_it(name: str) -> None:
    assert found(name, WRAPS[name](BAD)) == ({"pickle-runs-code"}, True)
    assert found(name, WRAPS[name](GOOD)) == (set(), True)


def test_a_function_that_dill_takes_along_is_denied() -> None:
    assert found("model.dill", DILL) == ({"pickle-name-not-allowed"}, True)
