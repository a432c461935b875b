"""What `numerics=portable` costs: a training step under each arithmetic, over one under the machine's own.

Every measurement is a process of its own, since libraries read their variables once; the arithmetics take turns, and
ratios are medians over rounds. `portable` stands beside each of its parts alone. The shapes are those of the policies
of `grammar` and of `emotion` (`step_cost.py`). Run: `python speed/numerics.py [--rounds 5] [--steps 30]`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from benchmark.pipeline.numerics import ONE_THREAD, PORTABLE, worker_environment

MEASURE = "--measure"
ARITHMETICS: dict[str, Mapping[str, str | None]] = {
    "fast": worker_environment("fast"),
    "portable": worker_environment("portable"),
    **{f"  {name} alone": {**ONE_THREAD, name: value} for name, value in PORTABLE.items() if value is not None},
}


def measured(variables: Mapping[str, str | None], steps: int) -> dict[str, float | str]:
    """Milliseconds per step by shape, and the fingerprint, in a process that is started with these variables."""
    kept = {name: value for name, value in os.environ.items() if name not in variables}
    environment = {**kept, **{name: value for name, value in variables.items() if value is not None}}
    command = [sys.executable, __file__, MEASURE, "--steps", str(steps)]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measure(steps: int) -> None:
    """Print what this process takes, as JSON."""
    import torch
    from step_cost import EMOTION, GRAMMAR, Ours

    from benchmark.pipeline.execute.arithmetic import arithmetic

    torch.set_num_threads(1)
    found: dict[str, float | str] = {"fingerprint": arithmetic()["fingerprint"]}
    with tempfile.TemporaryDirectory() as folder:
        for name, shape in (("grammar", GRAMMAR), ("emotion", EMOTION)):
            found[name] = 1000 * median(Ours("dpo", shape=shape)(steps, Path(folder)))
    print(json.dumps(found))


def main() -> None:
    """Print a row per arithmetic."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument(MEASURE, action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.steps)
        return
    rounds = [
        {name: measured(variables, options.steps) for name, variables in ARITHMETICS.items()}
        for _ in range(options.rounds)
    ]
    print(
        f"{'':32}{'fingerprint':>14}" + "".join(f"{shape + ' ms':>12}{'/ fast':>8}" for shape in ("grammar", "emotion"))
    )
    for name in ARITHMETICS:
        line = f"{name:32}{rounds[0][name]['fingerprint']:>14}"
        for shape in ("grammar", "emotion"):
            times = [float(one[name][shape]) for one in rounds]
            ratios = [float(one[name][shape]) / float(one["fast"][shape]) for one in rounds]
            line += f"{median(times):12.1f}{median(ratios):8.2f}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
