"""The stage that trains a cell's policy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmark.core.data import Floats, Pairs, read_table
from benchmark.core.graph import Task, stage
from benchmark.core.seeds import derive_seed
from benchmark.pipeline.text.stages.common import LOGPS, PAIR_REWARDS, PAIRS, PART, POLICY
from benchmark.suites.generated import GeneratedSuite
from benchmark.training.settings import TrainingSettings
from methods import Method
from shifts import Rewards, Shift
from shifts.labels import Labelling


@stage("trained_policy", version=4)
def train_policy(
    task: Task,
    method: Method,
    settings: TrainingSettings,
    seed: int,
    labelling: Labelling,
    shift: Shift | None = None,
    suite: GeneratedSuite | None = None,
) -> None:
    """A trained policy with its checkpoints `step-NNNNNN/`, its training curve (of the ways to train that have one) and
    its cost. `shift` and `suite` are there where the method says that it needs them."""
    from benchmark.training.batch import ReferenceLogps
    from benchmark.training.cell import TrainingCell
    from benchmark.training.job import CellJob

    logps = read_table(task.inputs["reference_logps"] / LOGPS)
    cell = TrainingCell(
        policy=task.inputs["policy"] / POLICY,
        pairs=Pairs.load(task.inputs["pairs"] / PAIRS),
        reference=ReferenceLogps(logps["chosen"], logps["rejected"]),
        settings=settings,
        seed=derive_seed("training", seed),
        folder=task.folder,
        progress=task.progress,
        scratch=task.scratch,
        parts=tuple(folder for name, folder in sorted(task.inputs.items()) if name.startswith(PART)),
        shift=shift,
        sharpness=labelling.sharpness,
        rewards=task.inputs["pairs"] / PAIR_REWARDS,
        world=None if suite is None or shift is None else _world(task, suite, shift, labelling),
    )
    method.train(CellJob(cell))


def _world(task: Task, suite: GeneratedSuite, shift: Shift, labelling: Labelling) -> Any:
    """What an online method acts in: training prompts, and the reward, in nats, that its completions earn."""
    from benchmark.training.cell import World

    def reward(prompts: Sequence[str], completions: Sequence[str]) -> Floats:
        scores = suite.score(prompts, completions, task.inputs["reward_model"], task.inputs.get("judge"))
        learned = {name: scores.learned[:, number] for number, name in enumerate(suite.objectives)}
        return labelling.sharpness * shift.utility(Rewards(learned))

    return World(suite.prompts("train", task.inputs["policy"] / POLICY), suite.max_new_tokens, reward)
