"""What one cell is trained from, and where its result goes: data alone, on which every way to train stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.core.data import Floats, Pairs, Prompts
from benchmark.core.graph import Progress
from benchmark.training.batch import ReferenceLogps
from benchmark.training.settings import TrainingSettings
from shifts import Shift


@dataclass(frozen=True)
class World:
    """What an online method acts in.

    prompts: those that it completes; max_new_tokens: of a completion; reward: from prompts and completions as text to
    rewards in nats, shape [completions].
    """

    prompts: Prompts
    max_new_tokens: int
    reward: Callable[[Sequence[str], Sequence[str]], Floats]


@dataclass(frozen=True)
class TrainingCell:
    """One method on one training shift with one seed, as far as training must know it.

    policy: folder of the reference; pairs, with the reference's log-probabilities. folder: where checkpoints, curve
    and cost go. scratch: where a run that was stopped finds what it had, if anywhere. parts: folders of the trained
    policies of `Method.parts`, in order. shift, rewards (the table of both sides' learned rewards, in the order of the
    pairs) and world are there where the method says that it needs them; sharpness is that of the labels, in nats per
    unit of utility.
    """

    policy: Path
    pairs: Pairs
    reference: ReferenceLogps
    settings: TrainingSettings
    seed: int
    folder: Path
    progress: Progress
    scratch: Path | None = None
    parts: tuple[Path, ...] = ()
    shift: Shift | None = None
    sharpness: float = 1.0
    rewards: Path | None = None
    world: World | None = None
