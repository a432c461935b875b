"""What fitting and asking a reward model amounts to, about."""

from __future__ import annotations

from benchmark.core.work import Work
from benchmark.policies.sizes import PolicySize

WORDS = 25  # of a text
CORE_FLOPS = 4e10  # per second of one core: small convolutions run there, beside a GPU too


def convolution_work(texts: float, steps: float, embedding_width: int, channels: int, words: float = WORDS) -> Work:
    """Fitting the small convolution on `texts` texts (epochs counted) in `steps` steps; 0 steps: asking it."""
    filter_width, backward = 3, 3 if steps else 1
    flops = 2 * backward * texts * words * filter_width * embedding_width * channels
    return Work(host_seconds=flops / CORE_FLOPS + 2e-5 * texts + 1.5e-3 * steps)


def linear_work(texts: float, fitted: bool) -> Work:
    """Fitting the linear judge on `texts` texts, or asking it."""
    return Work(host_seconds=(2.5e-4 if fitted else 6e-5) * texts)


def transformer_work(size: PolicySize, texts: float, tokens: float, batch: int, fitted: bool) -> Work:
    """Fitting a transformer's head and body on `texts` texts (epochs counted) of `tokens` tokens, or asking it."""
    passing = size.training if fitted else size.forward
    return passing(texts, tokens, batch) + Work(host_seconds=1e-4 * texts) + (size.checkpoint if fitted else Work())
