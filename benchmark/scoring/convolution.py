"""A small multi-label reward model trained from scratch: word embeddings, one convolution, max and mean pooling.

The shape is that of Kim (2014, arXiv:1408.5882) with a single filter width and a mean beside the maximum.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from benchmark.core.data import Floats
from benchmark.core.graph import Progress, silent
from benchmark.scoring.base import RewardModel
from benchmark.scoring.batches import shuffled_batches, sorted_batches
from benchmark.scoring.words import FIRST_WORD, PAD, UNKNOWN, Vocabulary

FILTER_WIDTH = 3
DROPOUT = 0.3  # of pooled features, while training
UNKNOWN_RATE = 0.05  # of words hidden while training, so that the unknown word has a meaning
SCORE_BATCH = 128
_WEIGHTS = "model.safetensors"


class ConvolutionNetwork(nn.Module):
    """Word ids in, one logit per objective out; padding never changes a logit."""

    def __init__(self, words: int, objectives: int, embedding_width: int, channels: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, embedding_width, padding_idx=PAD)
        self.convolution = nn.Conv1d(embedding_width, channels, FILTER_WIDTH, padding=FILTER_WIDTH // 2)
        self.dropout = nn.Dropout(DROPOUT)
        self.head = nn.Linear(2 * channels, objectives)

    def forward(self, ids: Tensor) -> Tensor:
        """Logits of shape [texts, objectives] from ids of shape [texts, words], padded on the right."""
        present = (ids != PAD).unsqueeze(1)  # [texts, 1, words]
        features = self.convolution(self.embedding(ids).transpose(1, 2)).relu() * present
        mean = features.sum(2) / present.sum(2)
        return self.head(self.dropout(torch.cat([features.amax(2), mean], dim=1)))


class ConvolutionRewardModel(RewardModel):
    """A fitted `ConvolutionNetwork` with its vocabulary."""

    kind = "convolution"

    def __init__(self, network: ConvolutionNetwork, vocabulary: Vocabulary, objectives: Sequence[str]) -> None:
        self.network = network.eval()
        self.vocabulary = vocabulary
        self.objectives = tuple(objectives)

    @torch.inference_mode()
    def score(self, texts: Sequence[str], batch_size: int = SCORE_BATCH) -> Floats:
        """Logits of shape [texts, objectives], batched by length."""
        rows = [self.vocabulary.encode(text) for text in texts]
        scores = np.empty((len(rows), len(self.objectives)))
        for batch in sorted_batches([len(row) for row in rows], batch_size):
            scores[batch] = self.network(_pad([rows[row] for row in batch])).numpy()
        return scores

    def save(self, folder: Path) -> None:
        """Write weights, vocabulary and sizes."""
        save_file(self.network.state_dict(), folder / _WEIGHTS)
        described = {
            "kind": self.kind,
            "objectives": self.objectives,
            "embedding_width": self.network.embedding.embedding_dim,
            "channels": self.network.convolution.out_channels,
            "vocabulary": self.vocabulary.words,
        }
        (folder / "reward_model.json").write_text(json.dumps(described))

    @classmethod
    def load(cls, folder: Path) -> ConvolutionRewardModel:
        """Read what `save` wrote."""
        described = json.loads((folder / "reward_model.json").read_text())
        vocabulary, objectives = Vocabulary(described["vocabulary"]), described["objectives"]
        network = ConvolutionNetwork(
            len(vocabulary), len(objectives), described["embedding_width"], described["channels"]
        )
        network.load_state_dict(load_file(folder / _WEIGHTS))
        return cls(network, vocabulary, objectives)


def fit_convolution(
    texts: Sequence[str],
    labels: Floats,
    objectives: Sequence[str],
    *,
    seed: int,
    epochs: int = 3,
    batch_size: int = 64,
    learning_rate: float = 5e-3,
    embedding_width: int = 64,
    channels: int = 96,
    progress: Progress = silent,
) -> ConvolutionRewardModel:
    """Fit a multi-label reward model by binary cross-entropy; torch's global random state is left as it was.

    Args:
        texts: training texts.
        labels: probability of every objective, shape [texts, objectives], in [0, 1].
        objectives: names of the columns of `labels`.
        seed: of initial weights, order, dropout and hidden words.
        epochs: passes over the texts; Adam's step falls linearly to 0 over all of them.
        batch_size: texts per step.
        learning_rate: Adam's step at the start.
        embedding_width: numbers per word.
        channels: filters of the convolution.
        progress: called with (steps done, steps in all).
    """
    _check(texts, labels, objectives)
    vocabulary = Vocabulary.of(texts)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = ConvolutionNetwork(len(vocabulary), len(objectives), embedding_width, channels)
        targets = torch.as_tensor(labels, dtype=torch.float32)
        rows = [vocabulary.encode(text) for text in texts]
        _train(network, rows, targets, seed, epochs, batch_size, learning_rate, progress)
    return ConvolutionRewardModel(network, vocabulary, objectives)


def _train(
    network: ConvolutionNetwork,
    rows: list[list[int]],
    targets: Tensor,
    seed: int,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    progress: Progress,
) -> None:
    steps = epochs * -(-len(rows) // batch_size)
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=steps)
    generator, lengths, done = np.random.default_rng(seed), [len(row) for row in rows], 0
    network.train()
    for _ in range(epochs):
        for batch in shuffled_batches(lengths, batch_size, generator):
            ids = _hide(_pad([rows[row] for row in batch]))
            loss = nn.functional.binary_cross_entropy_with_logits(network(ids), targets[torch.from_numpy(batch)])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            done += 1
            progress(done, steps)


def _pad(rows: Sequence[Sequence[int]]) -> Tensor:
    """Ids of shape [texts, words of the longest], padded on the right."""
    return nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=PAD)


def _hide(ids: Tensor) -> Tensor:
    """`ids` with some words replaced by the unknown word."""
    return ids.masked_fill((torch.rand(ids.shape) < UNKNOWN_RATE) & (ids >= FIRST_WORD), UNKNOWN)


def _check(texts: Sequence[str], labels: Floats, objectives: Sequence[str]) -> None:
    if not len(texts):
        raise ValueError("a reward model needs at least one training text")
    if np.shape(labels) != (len(texts), len(objectives)):
        raise ValueError(f"labels have shape {np.shape(labels)}, expected {(len(texts), len(objectives))}")
    if not (np.min(labels) >= 0 and np.max(labels) <= 1):
        raise ValueError(f"labels must lie in [0, 1]: got {np.min(labels)} to {np.max(labels)}")
