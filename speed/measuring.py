"""What it costs to measure 50 methods x 20 shifts x 5 seeds and to write their page, from a run's files on.

The run is synthetic: 50 settings of DPO, KLDPO, WDPO and cDPO with four checkpoints each, 300 validation and 300 test
prompts, one completion per prompt. Prints seconds and the process's peak memory of `build_report` and of `write_site`.

Run: `python speed/measuring.py`; needs the test extra. Writing the synthetic run itself takes some minutes.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the synthetic world is that of the tests

from benchmark.measure.build import build_report
from leaderboard import write_site
from tests.synthetic import TRAIN, Trained, write_run

SEEDS, PROMPTS, SHIFTS = 5, 300, 20
SWEEPS = {"kldpo(tau={})": 16, "wdpo(rho={})": 16, "cdpo(epsilon={})": 13}


def methods() -> list[Trained]:
    """Reference, three DPO, an oracle, and sweeps of three methods: 50 in all."""
    dpo = [Trained(f"dpo(beta={beta})", t=t) for beta, t in (("0.1", 1.0), ("0.3", 0.8), ("1", 0.5))]
    swept = [
        Trained(call.format(f"{value:.3f}"), t=0.3 + value)
        for call, count in SWEEPS.items()
        for value in np.linspace(0.05, 0.45, count)
    ]
    return [Trained("reference", t=0.0), *dpo, *swept, Trained("oracle(beta=0.1)", t=0.5, lift=0.18)]


def make_run(folder: Path) -> None:
    """The synthetic run, evaluated on 20 shifts."""
    write_run(folder, seeds=SEEDS, prompts=PROMPTS, methods=methods())
    file = folder / "environment.json"
    environment = json.loads(file.read_text())
    points = [TRAIN.replace("alpha=0.1,", f"alpha={place / (SHIFTS - 1):.6g},") for place in range(SHIFTS)]
    environment["eval_shifts"] = {TRAIN: points}
    file.write_text(json.dumps(environment))


def measure(folder: Path) -> None:
    """Print what measuring the run and writing its page take in this process."""
    started = time.perf_counter()
    report = build_report([folder])
    built = time.perf_counter()
    print(f"{len(report.arenas[0].rows)} rows, {len(report.arenas[0].eval_shifts)} shifts, {SEEDS} seeds")
    print(f"measuring {built - started:6.1f} s, peak {_peak_mb():5.0f} MB", flush=True)
    page = write_site(report, folder / "site")
    print(
        f"writing   {time.perf_counter() - built:6.1f} s, peak {_peak_mb():5.0f} MB, {page.stat().st_size / 1e6:.2f} MB"
    )


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def main() -> None:
    """Each part in a process of its own, so that peaks are told apart."""
    with tempfile.TemporaryDirectory() as name:
        for part in (make_run, measure):
            process = multiprocessing.get_context("spawn").Process(target=part, args=(Path(name) / "run",))
            process.start()
            process.join()


if __name__ == "__main__":
    main()
