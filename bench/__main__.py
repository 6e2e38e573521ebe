"""`python -m bench [NAME …]`: every benchmark, or those named; figures go to build/bench/NAME.json."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path


def main(names: list[str]) -> int:
    """Run them one after the other: two at a time would measure each other."""
    found = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))
    for name in names or found:
        if name not in found:
            sys.stderr.write(f"bench: no benchmark {name!r}; there are {', '.join(found)}\n")
            return 2
        module = importlib.import_module(f"bench.{name}")
        if hasattr(module, "main"):
            print(f"== {name}")
            module.main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
