"""The reward models of the suite: every checkpoint is read once, and its numbers become z-scores."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmark.core.data import Floats
from benchmark.core.errors import UserError
from benchmark.policies.chat import HUMAN
from benchmark.scoring.answers import ANSWER, AnswerFormat, AnswerScorer
from benchmark.scoring.armorm import ArmoRM, check_armorm, is_armorm
from benchmark.scoring.sequence_classification import SequenceClassifier, check_classifier, head_position
from benchmark.scoring.url_judge import URLJudge
from benchmark.suites.reward_models.settings import JudgeSettings, ScorerSettings

STATISTICS = "statistics.json"
WHOLE = 1 << 20  # tokens: each model's own limit counts


def check_scorer(settings: ScorerSettings, text_tokens: int) -> None:
    """Look at a scorer before anything runs, by its small files.

    Args:
        settings: which one.
        text_tokens: of the longest prompt with its answer.

    Raises:
        UserError: it cannot be had, is no reward model, has no such head, or cannot read so much.
    """
    if isinstance(settings, JudgeSettings) and settings.url is not None:
        _url_judge(settings).check()
        return
    if is_armorm(settings.source):
        heads = check_armorm(settings.source, text_tokens)
    else:
        heads = check_classifier(settings.source, format_of(settings), text_tokens)
    head_position(settings.source, heads, settings.head)


def format_of(settings: ScorerSettings) -> AnswerFormat | None:
    """What a reward model reads; None: its own chat template."""
    if settings.format is None:
        return None
    return AnswerFormat(settings.format, settings.prompt or HUMAN, settings.answer or ANSWER)


def raw_rewards(
    scorers: Mapping[str, ScorerSettings], prompts: Sequence[str], answers: Sequence[str]
) -> dict[str, Floats]:
    """Raw rewards by name, each of shape [answers]; a checkpoint that several names use is asked once.

    Args:
        scorers: by name.
        prompts: one beside each answer.
        answers: what is judged.
    """
    asked: dict[AnswerScorer, Floats] = {}
    columns = {}
    for name, settings in scorers.items():
        scorer = _scorer(settings)
        if scorer not in asked:
            asked[scorer] = scorer.score(prompts, answers)
        columns[name] = asked[scorer][:, head_position(settings.source, scorer.heads, settings.head)]
    return columns


def save_statistics(rewards: Mapping[str, Floats], folder: Path) -> None:
    """Write mean and standard deviation of every column over the completions that pairs are made of.

    Raises:
        UserError: a column that is the same for all of them.
    """
    statistics = {}
    for name, values in rewards.items():
        known = values[~np.isnan(values)]
        if not len(known) or not known.std() > 0:
            raise UserError(
                f"the reward model {name!r} gives all {len(known)} training completions the same reward: it cannot "
                "tell them apart. Look at its format, and at what the policy writes."
            )
        statistics[name] = {"mean": float(known.mean()), "deviation": float(known.std()), "completions": len(known)}
    (folder / STATISTICS).write_text(json.dumps(statistics, indent=1))


def standardised(rewards: Mapping[str, Floats], folder: Path, clip: float) -> dict[str, Floats]:
    """z = (r - mean) / deviation by what `save_statistics` wrote, at most `clip` away from 0; NaN stays NaN."""
    statistics = _statistics(folder)
    return {
        name: np.clip((values - statistics[name]["mean"]) / statistics[name]["deviation"], -clip, clip)
        for name, values in rewards.items()
    }


@functools.lru_cache(maxsize=8)
def _statistics(folder: Path) -> dict[str, dict[str, float]]:
    return dict(json.loads((folder / STATISTICS).read_text()))


def _scorer(settings: ScorerSettings) -> AnswerScorer:
    if isinstance(settings, JudgeSettings) and settings.url is not None:
        return _url_judge(settings)
    return _checkpoint(settings.source, format_of(settings))


def _url_judge(settings: JudgeSettings) -> URLJudge:
    assert settings.url is not None
    scale = settings.low, settings.high
    return URLJudge(settings.url, settings.model, settings.template, *scale, settings.key, settings.cache)


@functools.lru_cache(maxsize=8)
def _checkpoint(source: str, format_: AnswerFormat | None) -> AnswerScorer:
    """Reward models stay in memory: a cell scores a dozen times with the same ones."""
    return ArmoRM.load(source, WHOLE) if is_armorm(source) else SequenceClassifier.load(source, format_, WHOLE)
