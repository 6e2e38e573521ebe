"""`python -m tests.conformance.benign_pickles [FOLDER]`: the 76 pickles and arrays that joblib and NumPy test with.

Python 2 and 3, protocols 0 to 5, joblib from 0.8 on, arrays of objects, zlib, gzip, bz2, xz and lzma. Each is judged
under the packaged policy as the only member of a zip, and must be clean and seen whole. (Ten are zlib streams that
joblib names `.gz`: as artifacts of their own their name is a false claim, and a finding.)
"""

from __future__ import annotations

import io
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from tests.conformance.benign import Pin, Unavailable, fetch, judge

PINS = (
    Pin("pip", "joblib==1.5.1", "4719a31f054c7d766948dcd83e9613686b27114f190f717cec7eaa2084f8a74a", ""),
    Pin("pip", "numpy==2.3.5", "8cba086a43d54ca804ce711b2a940b16e452807acebe7852ff327f1ecd49b0d4", ""),
)
COUNT = 76
_DATA = re.compile(r"/tests?/data/.*\.(?:pkl|npy|npz|gz|gzip|xz|lzma|bz2|z)$")


def members(wheel: Path) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each file of test data that is a pickle, an array or a compressed one."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if _DATA.search(name):
                yield name, archive.read(name)


def results(folder: Path) -> Iterator[tuple[str, str]]:
    """Each file with what is wrong about the answer, empty where nothing is."""
    for pin in PINS:
        wheel, _ = fetch(pin, folder)
        for name, data in members(wheel):
            yield name, judge("data.zip", _zipped(Path(name).name, data))[1]


def _zipped(name: str, data: bytes) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, data)
    file.seek(0)
    return file


def main(folder: Path) -> int:
    """Print what is not clean and the count; 1 where one is not, or where there are not as many as are known."""
    try:
        judged = list(results(folder))
    except Unavailable as why:
        print(f"not available: {why}")
        return 1
    wrong = [(name, said) for name, said in judged if said]
    for name, said in wrong:
        print(f"{name}: {said}")
    print(f"{len(judged) - len(wrong)} of {len(judged)} pickles and arrays of joblib's and NumPy's test data are clean")
    return 1 if wrong or len(judged) != COUNT else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/benign")))
