"""How far WDPO's difference solver is off, by its step and by the policy's rms_norm_eps.

Prints, per step size, the relative error of the penalty's parameter gradient against double backward in float32, median
and greatest over batches of 64 pairs, for a policy and pairs of the store of a finished run:

    python speed/difference_error.py .cache/prefshift/policy/KEY/policy .cache/prefshift/pairs/KEY/pairs.parquet

Steps are the displacement of the pair that moves most, relative to the root mean square norm of a token's embedding.
The columns: on one side, on one side but of second order for the peaked pairs (what a run begins with), on both sides.
The last two are what a training run itself estimates of the second from two step sizes. Below each table stands what
a run whose first batch this is would choose (sides, step) and how far off that is.
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
from benchmark.training.batch import PairCollator, ReferenceLogps, of_pairs
from benchmark.training.forward import forward_pairs, squared_input_gradients
from benchmark.training.penalty import (
    STEP,
    Displacement,
    Point,
    StepControl,
    difference_error,
    peaked_count,
    peaks,
    squared_norms,
)
from methods.dpo import DPO

STEPS = (1e-3, 5e-4, 2e-4, 1e-4, 5e-5)
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


def at(model: Any, inputs: dict[str, Any], point: Point | None) -> list[Tensor]:
    """Gradient of the mean loss at the inputs, or of the weighted one at a point beside them; its pairs alone."""
    if point is not None and point.rows is not None:
        inputs = of_pairs(inputs, point.rows)
    forward = forward_pairs(model, inputs, model.get_input_embeddings(), None if point is None else point.shift)
    losses = METHOD.pair_losses(forward.batch) * (1.0 if point is None else point.weights)
    return parameter_gradient(model, losses.sum() / PAIRS)


class Batch:
    """One batch with the exact gradient of the penalty, and differences along its directions."""

    def __init__(self, model: Any, inputs: dict[str, Any]) -> None:
        self.model, self.inputs = model, inputs
        self.wanted, self.directions = exact(model, inputs)
        scale = model.get_input_embeddings().weight.detach().pow(2).sum(1).mean().sqrt()
        self.unit = float(scale / squared_norms(self.directions).max().sqrt())
        self.plain = at(model, inputs, None)
        greatest = peaks(self.directions)
        self.peaked = greatest >= greatest.topk(peaked_count(PAIRS)).values[-1]

    def there(self, step: float, two_sided: bool, peaked: bool = True) -> Displacement:
        """At a relative step; `peaked`: of second order for the peaked pairs."""
        return Displacement([self.directions], step * self.unit, [self.peaked & peaked], two_sided)

    def difference(self, there: Displacement) -> list[Tensor]:
        """Not yet divided by its width."""
        total = [ahead - there.plain * p for ahead, p in zip(self._at(there.ahead(0)), self.plain, strict=True)]
        behind = there.behind(0)
        return total if behind is None else [t - b for t, b in zip(total, self._at(behind), strict=True)]

    def _at(self, point: Point) -> list[Tensor]:
        return at(self.model, self.inputs, point)

    def error(self, there: Displacement) -> float:
        """Of the difference, against double backward."""
        return relative([part / there.width for part in self.difference(there)], self.wanted)

    def estimate(self, step: float, two_sided: bool) -> float:
        """What a run estimates that error to be."""
        return difference_error(*(self.difference(self.there(factor * step, two_sided)) for factor in (1, 2)))

    def chosen(self) -> tuple[StepControl, float]:
        """What a run would choose here, and its error."""
        control = StepControl()
        control.choose(lambda factor, two_sided: self.estimate(STEP * factor, two_sided))
        return control, self.error(self.there(control.step, control.two_sided))


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
            print(f"\nrms_norm_eps {eps:g}{'one side':>21}{'peaked too':>18}{'two sides':>18}{'own, peaked too':>18}")
            for step in STEPS:
                rows = [errors(batch, step) for batch in batches]
                numbers = "".join(f"{np.median(c):9.1e}{max(c):9.1e}" for c in zip(*rows, strict=True))
                print(f"{step:16.0e}{numbers}", flush=True)
            choices = [batch.chosen() for batch in batches]
            left = [error for _, error in choices]
            two_sided = f"two sides on {sum(control.two_sided for control, _ in choices)} of {len(batches)}"
            print(f"chosen: {two_sided}, error {np.median(left):.1e}, at most {max(left):.1e}", flush=True)


def errors(batch: Batch, step: float) -> tuple[float, ...]:
    """A line of the table."""
    ways = [batch.there(step, False, peaked=False), batch.there(step, False), batch.there(step, True)]
    return (*(batch.error(way) for way in ways), batch.estimate(step, False))


def first(pairs: Pairs, count: int) -> Pairs:
    """The first `count` pairs."""
    return Pairs(pairs.prompts[:count], pairs.chosen[:count], pairs.rejected[:count], pairs.margins[:count])


if __name__ == "__main__":
    main()
