"""What the store's care costs: checksums over the stages that made the artefacts, and listing a large store.

Checksums are computed when an artefact is written and again when a later run uses it: both stand against the
processor's seconds that the stages themselves took, as the artefacts record them.

Run: `python speed/store.py STORE [--artefacts 100000]`; STORE is that of a finished run, of `quick` for one.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from benchmark.core.checksums import manifest
from benchmark.core.store import META, Store
from benchmark.pipeline.upkeep import bytes_in, kinds

ROUNDS = 3


def checksums(store: Store) -> None:
    """Print what checksums of all artefacts take, once at writing and once at use."""
    folders = [store.path(kind, key) for kind, key in store.artefacts()]
    stages = sum(float(meta["cpu_seconds"]) for _, meta in store.metas())
    times = []
    for _ in range(ROUNDS):
        started = time.process_time()
        for folder in folders:
            manifest(folder)
        times.append(time.process_time() - started)
    written = min(times)
    started = time.process_time()
    damaged = [folder for folder in folders if store.fault(folder.parent.name, folder.name) is not None]
    used = time.process_time() - started
    size = sum(map(bytes_in, folders)) / 1e6
    print(f"{len(folders)} artefacts, {size:.0f} MB, {len(damaged)} damaged; their stages took {stages:.1f} s")
    print(f"checksums at writing {written:.2f} s, {100 * written / stages:.2f}% of the stages")
    print(f"verified at use      {used:.2f} s, {100 * used / stages:.2f}%")


def listing(count: int) -> None:
    """Print what counting a store of so many artefacts takes, as `store ls` does."""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            artefact = Path(folder) / f"kind_{number % 10}" / f"{number:032x}"
            artefact.mkdir(parents=True)
            (artefact / META).write_text(json.dumps({"label": "dpo"}))
        started = time.perf_counter()
        found = sum(kind.artefacts for kind in kinds(Store(Path(folder))))
        print(f"store ls of {found:,} artefacts: {time.perf_counter() - started:.2f} s")


def main() -> None:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("--artefacts", type=int, default=100_000)
    options = parser.parse_args()
    checksums(Store(options.store))
    listing(options.artefacts)


if __name__ == "__main__":
    main()
