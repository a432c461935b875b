"""The toy's data and its initial policy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from benchmark.core.seeds import generator
from benchmark.studies.toy_3d.settings import Toy3DSettings

ON, OFF = "on", "off"
SCENARIOS = tuple(f"chosen_{chosen}_rejected_{rejected}" for chosen in (ON, OFF) for rejected in (ON, OFF))
CLASSES = ("chosen", "rejected", "unseen")


def scenario_label(scenario: str) -> str:
    """Such as `chosen on, rejected off`."""
    _, chosen, _, rejected = scenario.split("_")
    return f"chosen {chosen}, rejected {rejected}"


@dataclass(frozen=True)
class World:
    """Pairs and the initial policy of one scenario and seed.

    initial: log-probabilities, shape [prompts, responses]. members: by class, which responses belong to it, boolean,
    shape [prompts, responses]; every response is in one class. prompt, chosen, rejected: of every pair, shape [pairs];
    the pairs of a prompt are all its chosen with all its rejected responses.
    """

    initial: Tensor
    members: dict[str, Tensor]
    prompt: Tensor
    chosen: Tensor
    rejected: Tensor

    @classmethod
    def draw(cls, settings: Toy3DSettings, scenario: str, seed: int) -> World:
        """On-policy responses are taken from the likely ones (the head), off-policy ones from the others. Which
        responses are likely is drawn per prompt and is the same in all scenarios of a seed."""
        _, chosen_from, _, rejected_from = scenario.split("_")
        rng, k = generator("toy_3d", "responses", seed), settings.chosen
        order = np.stack([rng.permutation(settings.responses) for _ in range(settings.prompts)])
        pool = {ON: order[:, : settings.head], OFF: order[:, settings.head :]}
        chosen, rejected = pool[chosen_from][:, :k], pool[rejected_from][:, k : 2 * k]
        tail = (1 - settings.head_mass) / (settings.responses - settings.head)
        initial = np.full(order.shape, tail)
        np.put_along_axis(initial, pool[ON], settings.head_mass / settings.head, axis=1)
        classes = {"chosen": _mask(chosen, order.shape), "rejected": _mask(rejected, order.shape)}
        classes["unseen"] = ~(classes["chosen"] | classes["rejected"])
        return cls(
            initial=torch.from_numpy(np.log(initial)),
            members={name: torch.from_numpy(mask) for name, mask in classes.items()},
            prompt=torch.arange(settings.prompts).repeat_interleave(k * k),
            chosen=torch.from_numpy(np.repeat(chosen, k, axis=1).reshape(-1)),
            rejected=torch.from_numpy(np.tile(rejected, (1, k)).reshape(-1)),
        )


def _mask(columns: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    mask = np.zeros(shape, dtype=bool)
    np.put_along_axis(mask, columns, True, axis=1)
    return mask
