"""`python -m bench._verified FOLDER`: the signatures beside the files of a folder, verified; prints JSON as `_scan`."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from pathlib import Path

BEGAN = time.process_time()

from customhouse.model import Coverage, Inspection, Location  # noqa: E402 -- the import is part of what is measured
from customhouse.scanners import signatures  # noqa: E402 -- as above
from customhouse.signatures.beside import look  # noqa: E402 -- as above
from customhouse.stores import open_store  # noqa: E402 -- as above


def main(folder: str) -> None:
    """Build, then judge each artifact by what stands beside it; the first also imports the library."""
    scanner = signatures.build(json.loads((Path(folder) / "policy.json").read_text()))
    store = open_store(f"file://{folder}")
    spent = [time.process_time() - BEGAN]
    verified = size = 0
    for path in Path(folder).glob("*.whl"):
        data, began = path.read_bytes(), time.process_time()
        digests = {"sha256": hashlib.sha256(data).hexdigest()}
        inspection = Inspection(path.name, "wheel", len(data), digests, (), (), Coverage(1, 1, len(data)))
        around = look(store, Location(store.root, path.name), scanner.names, scanner.largest)
        if rule := scanner.rule(path.name):
            found = scanner.judge(inspection, rule, path.name, {}).apply(inspection, around)
            verified += sum(one.status == "verified" for one in found.signatures)
        spent.append(time.process_time() - began)
        size += len(data)
    start, first, *others = spent
    figures = {"start": start, "first": first, "looking": sum(others), "bytes": size, "facts": verified}
    print(json.dumps(figures))


if __name__ == "__main__":
    main(*sys.argv[1:])
