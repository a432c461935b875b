"""How long presets take: the first run into an empty store, a second identical run, and the peak memory of a process.

Run: `python speed/presets.py grammar-smoke grammar-quick [--rounds 1] [-- EXTRA OPTIONS]`; medians of several rounds.
The environment is set up already; importing the libraries is part of the time.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]


def seconds(arguments: list[str]) -> float:
    """Wall time of one call of the program."""
    started = time.perf_counter()
    subprocess.run([sys.executable, str(ROOT / "run_all.py"), *arguments], check=True, capture_output=True)
    return time.perf_counter() - started


def main() -> None:
    """Print a row per preset."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("presets", nargs="+", help="SUITE-PRESET")
    parser.add_argument("--rounds", type=int, default=1)
    own, extra = sys.argv[1:], []
    if "--" in own:
        own, extra = own[: own.index("--")], own[own.index("--") + 1 :]
    options = parser.parse_args(own)
    print(f"{'preset':18}{'first run':>12}{'second run':>12}{'peak memory of a process so far':>34}")
    for name in options.presets:
        suite, _, preset = name.rpartition("-")
        first, second = [], []
        for _ in range(options.rounds):
            with tempfile.TemporaryDirectory() as folder:
                call = ["--suite", suite, "--preset", preset, "--out", f"{folder}/run", "--store", f"{folder}/store"]
                first.append(seconds([*call, *extra]))
                second.append(seconds([*call, *extra]))
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
        print(f"{name:18}{median(first):10.1f} s{median(second):10.1f} s{peak:30.2f} GiB", flush=True)


if __name__ == "__main__":
    main()
