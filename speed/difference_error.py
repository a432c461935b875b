"""How far WDPO's difference solver is off, by its step and by the policy's rms_norm_eps.

Prints, per step size, the relative error of the penalty's parameter gradient against double backward in float32, median
and greatest over batches of 64 pairs, for a policy and pairs of the store of a finished run:

    python speed/difference_error.py .cache/prefshift/policy/KEY/policy .cache/prefshift/pairs/KEY/pairs.parquet

Steps are the displacement of the pair that moves most, relative to the root mean square norm of a token's embedding.
The last two columns are what a training run itself estimates from two step sizes. Below each table stands what a run
whose first batch this is would choose (sides, step) and how far off that is.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmark.core.data import Pairs
from benchmark.policies.checkpoints import load_policy
from benchmark.policies.logprobs import completion_logps
from benchmark.training.batch import PairCollator, ReferenceLogps
from benchmark.training.forward import forward_pairs, squared_input_gradients
from benchmark.training.penalty import STEP, StepControl, difference_error, two_sided_error
from methods.dpo import DPO

STEPS = (1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5)
PAIRS = 64
METHOD = DPO(beta=0.1)


def parameter_gradient(model: Any, value: Tensor) -> list[Tensor]:
    """By every parameter, zeros where it is not used."""
    parameters = list(model.parameters())
    return list(torch.autograd.grad(value, parameters, materialize_grads=True))


def exact(model: Any, inputs: dict[str, Any]) -> tuple[list[Tensor], Tensor]:
    """Gradient of R = sqrt(mean_i ||g_i||^2) by double backward, and the directions g_i / R."""
    forward = forward_pairs(model, inputs, model.get_input_embeddings())
    losses = METHOD.pair_losses(forward.batch)
    assert forward.embeddings is not None
    norms = squared_input_gradients(losses, forward.embeddings, differentiable=True)
    root = norms.mean().sqrt()
    (directions,) = torch.autograd.grad(losses.sum(), forward.embeddings, retain_graph=True)
    return parameter_gradient(model, root), directions / root.detach()


def at(model: Any, inputs: dict[str, Any], displaced: Tensor | None) -> list[Tensor]:
    """Gradient of the mean loss, at displaced inputs."""
    forward = forward_pairs(model, inputs, model.get_input_embeddings(), displaced)
    return parameter_gradient(model, METHOD.pair_losses(forward.batch).mean())


class Batch:
    """One batch with the exact gradient of the penalty, and gradients of the loss along its directions."""

    def __init__(self, model: Any, inputs: dict[str, Any]) -> None:
        self.model, self.inputs = model, inputs
        self.wanted, self.directions = exact(model, inputs)
        chosen, rejected = self.directions.pow(2).sum((1, 2)).chunk(2)
        scale = model.get_input_embeddings().weight.detach().pow(2).sum(1).mean().sqrt()
        self.unit = float(scale / (chosen + rejected).max().sqrt())
        self.plain = at(model, inputs, None)

    def at(self, step: float) -> list[Tensor]:
        """Gradient of the mean loss at a relative step, which may be negative."""
        return at(self.model, self.inputs, self.directions * (step * self.unit))

    def error(self, step: float, two_sided: bool) -> float:
        """Of the difference, against double backward."""
        behind, width = (self.at(-step), 2 * step) if two_sided else (self.plain, step)
        difference = [(n - b) / (width * self.unit) for n, b in zip(self.at(step), behind, strict=True)]
        return relative(difference, self.wanted)

    def estimate(self, step: float, two_sided: bool) -> float:
        """What a run estimates that error to be."""
        if two_sided:
            return two_sided_error(self.at(step), self.at(-step), self.at(2 * step), self.at(-2 * step))
        return difference_error(self.plain, self.at(step), self.at(2 * step))

    def chosen(self) -> tuple[StepControl, float]:
        """What a run would choose here, and its error."""
        control = StepControl()
        control.choose(lambda factor, two_sided: self.estimate(STEP * factor, two_sided))
        return control, self.error(control.step, control.two_sided)


def relative(got: list[Tensor], wanted: list[Tensor]) -> float:
    """||got - wanted|| / ||wanted||."""
    error = sum(float((g - w).pow(2).sum()) for g, w in zip(got, wanted, strict=True))
    return float(np.sqrt(error / sum(float(w.pow(2).sum()) for w in wanted)))


def with_eps(policy: Path, eps: float, folder: Path) -> Path:
    """A copy of a checkpoint that differs in rms_norm_eps alone."""
    copy = folder / f"eps-{eps:g}"
    shutil.copytree(policy, copy)
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "rms_norm_eps": eps}))
    return copy


def main() -> None:
    """Print a table per rms_norm_eps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("policy", type=Path, help="checkpoint at which the error is measured")
    parser.add_argument("pairs", type=Path, help="pairs.parquet")
    parser.add_argument("--reference", type=Path, help="reference policy; default: the policy itself")
    parser.add_argument("--batches", type=int, default=8)
    parser.add_argument("--eps", type=float, nargs="*", default=[1e-2, 1e-4, 1e-6])
    options = parser.parse_args()
    torch.set_num_threads(1)
    pairs = first(Pairs.load(options.pairs), PAIRS * options.batches)
    behind, tokenizer = load_policy(options.reference or options.policy)
    pad = tokenizer.pad_token_id
    sides = [completion_logps(behind, pairs.prompts, side, pad) for side in (pairs.chosen, pairs.rejected)]
    collate = PairCollator(pairs, ReferenceLogps(*sides), pad)
    print(f"the first step of a run: {STEP:g}")
    with tempfile.TemporaryDirectory() as folder:
        for eps in options.eps:
            model, _ = load_policy(with_eps(options.policy, eps, Path(folder)), attention="eager")
            starts = range(0, len(pairs), PAIRS)
            batches = [Batch(model, collate([{"pair": start + i} for i in range(PAIRS)])) for start in starts]
            print(f"\nrms_norm_eps {eps:g}{'one-sided':>21}{'two-sided':>18}{'own, one-sided':>18}")
            for step in STEPS:
                rows = [(b.error(step, False), b.error(step, True), b.estimate(step, False)) for b in batches]
                numbers = "".join(f"{np.median(c):9.1e}{max(c):9.1e}" for c in zip(*rows, strict=True))
                print(f"{step:16.0e}{numbers}", flush=True)
            choices = [batch.chosen() for batch in batches]
            errors = [error for _, error in choices]
            two_sided = f"two sides on {sum(control.two_sided for control, _ in choices)} of {len(batches)}"
            print(f"chosen: {two_sided}, error {np.median(errors):.1e}, at most {max(errors):.1e}", flush=True)


def first(pairs: Pairs, count: int) -> Pairs:
    """The first `count` pairs."""
    return Pairs(pairs.prompts[:count], pairs.chosen[:count], pairs.rejected[:count], pairs.margins[:count])


if __name__ == "__main__":
    main()
