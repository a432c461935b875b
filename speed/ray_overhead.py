"""What the Ray executor costs over the local one: the same run by both, in turns, on stores of their own.

Prints seconds of each round and the ratio of the medians. Run: `python speed/ray_overhead.py [--rounds 3]
[-- OPTIONS OF run_all.py]`; by default the smoke preset with two workers. Needs the extra `ray`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
DEFAULT = ["--preset", "smoke", "--workers", "2"]


def seconds(executor: str, options: list[str], home: Path) -> float:
    """Of one run from an empty store."""
    with tempfile.TemporaryDirectory(dir=home) as folder:
        where = ["--store", f"{folder}/store", "--out", f"{folder}/out", "--executor", executor]
        started = time.perf_counter()
        subprocess.run([sys.executable, str(ROOT / "run_all.py"), *options, *where], check=True, capture_output=True)
        return time.perf_counter() - started


def main() -> None:
    """Time both in turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("options", nargs="*", default=DEFAULT)
    given = parser.parse_args()
    taken: dict[str, list[float]] = {"local": [], "ray": []}
    with tempfile.TemporaryDirectory() as home:
        for number in range(given.rounds):
            for executor, its in taken.items():
                its.append(seconds(executor, given.options, Path(home)))
                print(f"round {number + 1}: {executor:5} {its[-1]:7.1f} s", flush=True)
    print(f"ray over local: {median(taken['ray']) / median(taken['local']):.3f}")


if __name__ == "__main__":
    main()
