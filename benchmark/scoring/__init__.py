"""Scoring: text in, one raw number per objective out. `load_reward_model` reads back any saved reward model."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

from benchmark.core.errors import UserError, unknown
from benchmark.scoring.base import RewardModel

__all__ = ["RewardModel", "load_reward_model"]

# Imported when asked for: each brings a library that the others do not need.
_KINDS = {
    "convolution": "benchmark.scoring.convolution:ConvolutionRewardModel",
    "linear": "benchmark.scoring.linear:LinearRewardModel",
    "transformer": "benchmark.scoring.transformer:TransformerRewardModel",
}


def load_reward_model(folder: Path) -> RewardModel:
    """The reward model that was saved into `folder`, whatever its kind.

    Raises:
        UserError: the folder holds no reward model, or one of an unknown kind.
    """
    described = folder / "reward_model.json"
    if not described.is_file():
        raise UserError(f"{str(folder)!r} holds no reward model: reward_model.json is missing.")
    kind = json.loads(described.read_text()).get("kind", "")
    if kind not in _KINDS:
        raise unknown("kind of reward model", kind, _KINDS)
    module, _, name = _KINDS[kind].partition(":")
    loaded: RewardModel = getattr(importlib.import_module(module), name).load(folder)
    return loaded
