"""Choosing a backend."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmark.core.errors import UserError
from benchmark.generation import backends, make_generator, resolve_backend


def test_auto_is_vllm_only_where_it_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    """vLLM needs both the package and a CUDA device."""
    for installed, cuda, expected in (
        (True, True, "vllm"),
        (True, False, "transformers"),
        (False, True, "transformers"),
    ):
        monkeypatch.setattr(backends, "vllm_available", lambda installed=installed: installed)
        monkeypatch.setattr(backends, "gpu_count", lambda cuda=cuda: int(cuda))
        assert resolve_backend("auto") == expected


def test_absent_and_unknown_backends(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says which extra to install, or the nearest name."""
    monkeypatch.setattr(backends, "vllm_available", lambda: False)
    with pytest.raises(UserError, match="extra 'cpu'"):
        resolve_backend("vllm")
    with pytest.raises(UserError, match="Did you mean 'transformers'"):
        make_generator("transformer")


def test_make_generator() -> None:
    """Options reach the backend."""
    made = make_generator("transformers", device="cpu", batch_size=3)
    assert made.name == "transformers" and made.batch_size == 3  # type: ignore[attr-defined]


def test_importing_the_package_is_light() -> None:
    """Neither torch nor transformers nor vLLM is imported before a generator is made."""
    code = "import sys, benchmark.generation; print({'torch', 'transformers', 'vllm'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
