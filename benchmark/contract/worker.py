"""One of two data-parallel workers: `python -m benchmark.contract.worker FOLDER`, started by `workers.py`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import torch
from torch import distributed

from benchmark.contract.lab import Lab
from benchmark.contract.workers import MICRO, ORDER
from benchmark.core.plugins import load_file
from benchmark.core.processes import die_with_parent
from methods import PairwiseMethod
from methods.base import parse_method


def main(folder: Path) -> None:
    """Take one step for every call of the order; rank 0 writes the gradient of number n to `n.pt`.

    The processes meet where their launcher says (`accelerate launch`, torchrun), else through a file, so that no port
    has to be free.
    """
    die_with_parent(os.getppid())  # whoever asked for the steps; the method under test may hang
    torch.set_num_threads(1)
    rank, workers = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    place = "env://" if "TORCHELASTIC_RUN_ID" in os.environ else f"file://{folder / 'meeting'}"
    distributed.init_process_group("gloo", init_method=place, rank=rank, world_size=workers)
    order = json.loads((folder / ORDER).read_text())
    for file in order["plugins"]:
        load_file(Path(file))
    lab = Lab(folder / f"rank-{rank}")
    for number, call in enumerate(order["calls"]):
        method = parse_method(call)
        assert isinstance(method, PairwiseMethod)
        gradients = lab.step(method, MICRO)
        if rank == 0:
            torch.save(gradients, folder / "unfinished.pt")
            (folder / "unfinished.pt").rename(folder / f"{number}.pt")
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
