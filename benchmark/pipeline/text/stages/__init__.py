"""The stages of a text suite, each a plain function of its inputs: what is stored or where it runs is not known here.

A stage's version goes up when what it computes changes; the store then makes it again, and all that follows from it.
"""

from benchmark.pipeline.text.stages import answers, contract, labelled, models, outcomes, pairs, tasks, training
from benchmark.pipeline.text.stages.common import (
    CHECKS,
    COST,
    CURVE,
    HELDOUT,
    HOTTER,
    LOGPS,
    PAIR_REWARDS,
    PART,
    PROBE_PAIRS,
    PROBES,
    SAMPLES,
)

__all__ = [
    "CHECKS",
    "COST",
    "CURVE",
    "HELDOUT",
    "HOTTER",
    "LOGPS",
    "PAIR_REWARDS",
    "PART",
    "PROBES",
    "PROBE_PAIRS",
    "SAMPLES",
    "answers",
    "contract",
    "labelled",
    "models",
    "outcomes",
    "pairs",
    "tasks",
    "training",
]
