"""lm-eval talks much and takes over the process's random numbers: what it may do here, and what stays as it was."""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager

_LOGGERS = ("lm_eval", "datasets", "evaluate")


@contextmanager
def quiet() -> Iterator[None]:
    """Errors alone are logged, no bars of datasets are drawn, and no bootstrap starts processes of its own."""
    import datasets

    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    bars, processes = datasets.is_progress_bar_enabled(), os.environ.get("DISABLE_MULTIPROC")
    for name in levels:
        logging.getLogger(name).setLevel(logging.ERROR)
    datasets.disable_progress_bars()
    os.environ["DISABLE_MULTIPROC"] = "1"
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        if bars:
            datasets.enable_progress_bars()
        os.environ.pop("DISABLE_MULTIPROC")
        os.environ.update({"DISABLE_MULTIPROC": processes} if processes is not None else {})


@contextmanager
def seeded() -> Iterator[None]:
    """Python's, numpy's and torch's generators start from lm-eval's seeds, and afterwards go on as if nothing had been
    drawn."""
    import numpy as np
    import torch
    from lm_eval.defaults import DEFAULT_OTHER_SEED, DEFAULT_RANDOM_SEED

    states = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        random.seed(DEFAULT_RANDOM_SEED)
        np.random.seed(DEFAULT_OTHER_SEED)
        torch.manual_seed(DEFAULT_OTHER_SEED)
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])
