"""The fingerprint of an arithmetic: a hash of the bits of a small fixed computation, made where stages run.

Two processes with one fingerprint compute alike as far as these operations tell: matrix products in the shapes of small
policies, exponentials, softmax, norms, attention, a convolution, and a few optimiser steps, in torch; linear algebra
and functions in numpy. Inputs are made of integers, so that nothing but the operations differs.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.core.resources import device_name
from benchmark.pipeline.numerics import CHOOSING

DIGITS = 12  # of the fingerprint
WIDTH, WORDS, TOKENS, STEPS = 64, 257, 96, 4  # of the network that is trained
SHAPES = ((1, 64, 64), (7, 64, 257), (33, 7, 5), (64, 64, 64), (512, 64, 128), (96, 512, 128), (1536, 64, 257))


@functools.cache
def arithmetic() -> dict[str, Any]:
    """What this process computes with: `fingerprint`; and what lies behind it: device, torch's vector instructions, the
    processor's maker, the variables that are set. Computed once in a process, in a fifth of a second."""
    import torch

    digest = hashlib.sha256()
    for array in (*_of_torch(), *_of_numpy()):
        digest.update(np.ascontiguousarray(array).tobytes())
    return {
        "fingerprint": digest.hexdigest()[:DIGITS],
        "device": device_name(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "vendor": _vendor(),
        "variables": {name: os.environ[name] for name in CHOOSING if name in os.environ},
    }


def _of_torch() -> Iterator[Any]:
    """Results on the device where stages compute, as arrays."""
    import torch
    from torch.nn import functional

    device = "cuda" if torch.cuda.is_available() else "cpu"

    def given(*shape: int, scale: float = 1.0) -> torch.Tensor:
        return torch.from_numpy(_numbers(*shape) * np.float32(scale)).to(device)

    def results() -> Iterator[torch.Tensor]:
        for rows, inner, columns in SHAPES:
            yield given(rows, inner) @ given(inner, columns)
            yield functional.linear(given(rows, inner), given(columns, inner))
        logits, heads = given(37, WORDS, scale=4), given(8, 2, 20, 32)
        yield from (logits.abs().add(0.1).pow(1.7), logits.exp(), logits.double().exp(), logits.abs().add(0.1).log())
        yield from (logits.tanh(), logits.sigmoid(), logits.abs().add(0.1).rsqrt(), logits.cumsum(1))
        yield from (logits.softmax(-1), logits.log_softmax(-1), logits.logsumexp(-1), logits.sum(), logits.var(1))
        yield from (functional.silu(logits), functional.gelu(logits), functional.logsigmoid(logits))
        yield from (functional.layer_norm(logits, (WORDS,)), functional.rms_norm(logits, (WORDS,)))
        yield functional.scaled_dot_product_attention(heads, heads.flip(2), heads.roll(3, 2), is_causal=True)
        yield functional.conv1d(given(16, WIDTH, 20), given(128, WIDTH, 3))
        yield torch.randn(100, generator=torch.Generator().manual_seed(0))
        yield from _trained(given)

    with torch.enable_grad():
        for result in results():
            yield result.detach().cpu().numpy()


def _trained(given: Any) -> Iterator[Any]:
    """The weights of a small network after a few steps of Adam, written out so that no optimiser must be imported."""
    import torch
    from torch.nn import functional

    weights = [given(WORDS, WIDTH, scale=0.1), given(2 * WIDTH, WIDTH, scale=0.1), given(WIDTH, 2 * WIDTH, scale=0.1)]
    weights = [weight.requires_grad_() for weight in weights]
    first, second = ([torch.zeros_like(weight) for weight in weights] for _ in range(2))
    words = torch.arange(TOKENS, device=weights[0].device)
    for _ in range(STEPS):
        embedded = functional.embedding(words * 7 % WORDS, weights[0])
        hidden = functional.silu(functional.layer_norm(embedded, (WIDTH,)) @ weights[1].T) @ weights[2].T
        loss = functional.cross_entropy((embedded + hidden) @ weights[0].T, words * 5 % WORDS)
        gradients = torch.autograd.grad(loss, weights)
        with torch.no_grad():
            for weight, gradient, mean, square in zip(weights, gradients, first, second, strict=True):
                mean.lerp_(gradient, 0.1)
                square.mul_(0.99).addcmul_(gradient, gradient, value=0.01)
                weight.addcdiv_(mean, square.sqrt().add_(1e-8), value=-1e-2)
    yield from weights


def _of_numpy() -> Iterator[Any]:
    """Results of numpy, in both precisions."""
    for kind in (np.float32, np.float64):
        values = _numbers(TOKENS, WORDS).astype(kind)
        positive = np.abs(values) + kind(0.1)
        yield values @ values.T
        yield from (np.exp(values), np.log(positive), np.log1p(positive), np.tanh(values), positive ** kind(1.7))
        yield from (values.sum(), values.mean(axis=1), values.std(axis=0))
    square = values[:60, :60] + 9 * np.eye(60)
    yield np.linalg.solve(square, values[:60, 70])
    yield np.linalg.lstsq(values[:, :20], values[:, 30], rcond=None)[0]


def _numbers(*shape: int) -> Any:
    """Numbers in [-1, 1) from integers alone, float32: no rounding, hence the same on every machine."""
    places = np.arange(np.prod(shape), dtype=np.int64)
    return (((places * 2654435761) % 65536).astype(np.float32) / np.float32(32768) - np.float32(1)).reshape(shape)


def _vendor() -> str:
    """Who made the processor, as it says itself; libraries choose kernels by that too."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("vendor_id")), "unknown")
