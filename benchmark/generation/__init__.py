"""Generation of completions: one interface, two backends, imported only when one is made."""

from benchmark.core.graph import Progress, silent
from benchmark.generation.backends import BACKENDS, make_generator, resolve_backend, vllm_available
from benchmark.generation.base import Generator, Sampling

__all__ = [
    "BACKENDS",
    "Generator",
    "Progress",
    "Sampling",
    "make_generator",
    "resolve_backend",
    "silent",
    "vllm_available",
]
