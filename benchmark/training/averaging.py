"""A policy from others: the weighted average of their weights, checkpoint by checkpoint."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from benchmark.core.graph import Progress
from benchmark.core.resources import peak_memory_mb, reset_peak_memory

_WEIGHTS = "model*.safetensors"
_BESIDE = ("*.json", "*.txt", "*.model", "*.jinja")  # config, tokenizer, index of the weights


def average_policies(parts: Sequence[Path], weights: Sequence[float], folder: Path, progress: Progress) -> None:
    """Write `step-NNNNNN/` for every checkpoint of the parts, and `cost.json`, which counts the parts' training.

    A step of the result took one step of each part, so step times add up as training times do. There is no training
    curve.

    Args:
        parts: folders of trained policies with the same checkpoints and the same architecture.
        weights: one per part, >= 0, sum to 1.
        folder: where the result goes.
        progress: called with (checkpoints done, checkpoints in all).

    Raises:
        ValueError: no parts, weights that are not of the parts or do not sum to 1, or parts that do not fit together.
    """
    if not parts or len(weights) != len(parts) or min(weights) < 0 or abs(sum(weights) - 1) > 1e-6:
        raise ValueError(f"{len(parts)} parts cannot be averaged with the weights {list(weights)}")
    reset_peak_memory()
    started = time.perf_counter()
    names = [sorted(step.name for step in part.glob("step-*")) for part in parts]
    if not names[0] or any(other != names[0] for other in names):
        raise ValueError(f"the parts have different checkpoints, or none: {names}")
    for done, name in enumerate(names[0]):
        average_checkpoints([part / name for part in parts], weights, folder / name)
        progress(done + 1, len(names[0]))
    cost = _summed([json.loads((part / "cost.json").read_text()) for part in parts])
    cost["train_seconds"] += time.perf_counter() - started
    cost["peak_memory_mb"] = max(cost["peak_memory_mb"], peak_memory_mb())
    (folder / "cost.json").write_text(json.dumps(cost))


def average_checkpoints(checkpoints: Sequence[Path], weights: Sequence[float], folder: Path) -> None:
    """One checkpoint with averaged weights: summed in float64, kept in the first one's type; everything else (config,
    tokenizer) is the first one's.

    Raises:
        ValueError: the checkpoints differ in files, in names of tensors or in shapes.
    """
    folder.mkdir()
    for pattern in _BESIDE:
        for file in checkpoints[0].glob(pattern):
            shutil.copy2(file, folder / file.name)
    files = [sorted(file.name for file in checkpoint.glob(_WEIGHTS)) for checkpoint in checkpoints]
    if not files[0] or any(other != files[0] for other in files):
        raise ValueError(f"the checkpoints keep their weights in different files, or have none: {files}")
    for file_name in files[0]:
        averaged = dict(_averages([checkpoint / file_name for checkpoint in checkpoints], weights))
        save_file(averaged, folder / file_name, metadata={"format": "pt"})


def _averages(files: Sequence[Path], weights: Sequence[float]) -> Iterator[tuple[str, Tensor]]:
    """Names and averages of the tensors; one tensor of every file is in memory at a time."""
    with ExitStack() as stack:
        opened = [stack.enter_context(safe_open(file, framework="pt")) for file in files]
        if any(set(other.keys()) != set(opened[0].keys()) for other in opened):
            raise ValueError("the checkpoints have different tensors")
        for name in opened[0].keys():  # noqa: SIM118  not a mapping
            tensors = [file.get_tensor(name) for file in opened]
            if any(tensor.shape != tensors[0].shape for tensor in tensors):
                raise ValueError(f"{name} has different shapes: {[list(tensor.shape) for tensor in tensors]}")
            yield name, _weighted_sum(tensors, weights)


def _weighted_sum(tensors: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    total = torch.zeros_like(tensors[0], dtype=torch.float64)
    for tensor, weight in zip(tensors, weights, strict=True):
        total += weight * tensor.double()
    return total.to(tensors[0].dtype)


def _summed(costs: Sequence[dict[str, float]]) -> dict[str, float]:
    """Times of the parts add up; the greatest memory counts, and the steps are those of one part."""
    total = {name: sum(cost[name] for cost in costs) for name in ("train_seconds", "step_seconds")}
    return {**total, **{name: max(cost[name] for cost in costs) for name in ("steps", "peak_memory_mb")}}
