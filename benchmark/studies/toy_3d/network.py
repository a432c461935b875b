"""The toy's network: a prompt's embedding, three linear layers, one number per response."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from benchmark.core.seeds import derive_seed
from benchmark.studies.toy_3d.settings import Toy3DSettings


class Network:
    """Three linear layers with tanh between them, in float64. As a policy its outputs are logits, as a reward model
    rewards."""

    def __init__(self, settings: Toy3DSettings, seed: int) -> None:
        """Random weights, normal with variance 1 / inputs, zero biases; the same for all methods of a seed."""
        random = torch.Generator().manual_seed(derive_seed("toy_3d", "network", seed))

        def normal(rows: int, columns: int, variance: float) -> Tensor:
            return torch.randn(rows, columns, generator=random, dtype=torch.float64) * variance**0.5

        widths = (settings.embedding, settings.width, settings.width, settings.responses)
        common = normal(1, settings.embedding, settings.similarity)
        self.embeddings = common + normal(settings.prompts, settings.embedding, 1 - settings.similarity)
        self.weights = [normal(ins, outs, 1 / ins) for ins, outs in pairwise(widths)]
        self.biases = [torch.zeros(outs, dtype=torch.float64) for outs in widths[1:]]
        for tensor in self.parameters():
            tensor.requires_grad_()

    def parameters(self) -> list[Tensor]:
        """Everything that is trained, the embeddings included."""
        return [self.embeddings, *self.weights, *self.biases]

    def hidden(self, inputs: Tensor) -> Tensor:
        """Outputs of the second hidden layer, shape [inputs, width]."""
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            inputs = torch.tanh(inputs @ weight + bias)
        return inputs

    def outputs(self, inputs: Tensor) -> Tensor:
        """One number per response, shape [inputs, responses], of embeddings [inputs, embedding]."""
        return self.hidden(inputs) @ self.weights[-1] + self.biases[-1]

    def table(self) -> Tensor:
        """Outputs of all prompts, shape [prompts, responses]."""
        return self.outputs(self.embeddings)

    def fit(self, wanted: Tensor) -> None:
        """Make `table()` equal to `wanted` exactly, by the least change of the last layer that does it."""
        with torch.no_grad():
            hidden = self.hidden(self.embeddings)
            features = torch.cat([hidden, torch.ones(len(hidden), 1, dtype=torch.float64)], dim=1)
            change = torch.linalg.pinv(features) @ (wanted - self.table())
            self.weights[-1] += change[:-1]
            self.biases[-1] += change[-1]
