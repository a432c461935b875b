"""The vLLM backend beside transformers, weight swaps, and an engine that survives bad checkpoints."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from scipy.stats import chisquare
from transformers import AutoModelForCausalLM

from benchmark.core.data import Prompts
from benchmark.core.errors import UserError
from benchmark.generation import Sampling, vllm_available
from benchmark.generation.engine_process import EngineError, EngineProcess
from benchmark.generation.transformers import TransformersGenerator
from benchmark.generation.vllm import VLLMGenerator

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not vllm_available(), reason="vLLM is not installed")]

GREEDY = Sampling(24, temperature=0)
NEARLY_ALIKE = 1e-4  # nats


@pytest.fixture(scope="module")
def vllm() -> Iterator[VLLMGenerator]:
    """One engine for the whole module."""
    with VLLMGenerator() as generator:
        yield generator


def reference(policy: Path, prompts: Prompts) -> list[list[int]]:
    """Greedy completions of the transformers backend."""
    return TransformersGenerator(device="cpu").generate(policy, prompts, GREEDY).tokens


def assert_same(policy: Path, prompts: Prompts, ours: list[list[int]], theirs: list[list[int]]) -> None:
    """Token for token, up to where the policy finds two tokens nearly alike: float32 rounds as the machine does."""
    model = AutoModelForCausalLM.from_pretrained(policy, dtype=torch.float64).eval()
    for prompt, one, other in zip(prompts.tokens, ours, theirs, strict=True):
        if one == other:
            continue
        at = next(at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)  # else one is cut short
        with torch.no_grad():
            scores = model(torch.tensor([prompt + one[:at]])).logits[0, -1]
        assert float(abs(scores[one[at]] - scores[other[at]])) < NEARLY_ALIKE, (prompt, one, other)


def test_greedy_equals_transformers_through_swaps(
    vllm: VLLMGenerator, policy: Path, other_policy: Path, prompts: Prompts
) -> None:
    """The same tokens, prompts beyond one cache block (128 tokens) included, in one engine for both policies."""
    expected = {folder: reference(folder, prompts) for folder in (policy, other_policy)}
    assert expected[policy] != expected[other_policy]
    vllm.generate(policy, prompts, GREEDY)
    engine = vllm._engine
    for folder in (other_policy, policy, other_policy):
        made = vllm.generate(folder, prompts, GREEDY)
        assert_same(folder, prompts, made.tokens, expected[folder])
        assert [row[-1] == 2 for row in made.tokens] == made.ended.tolist()
    assert vllm._engine is engine


def test_samples_follow_the_softmax(vllm: VLLMGenerator, policy: Path) -> None:
    """First tokens of 6,000 samples against the exact probabilities."""
    count = 6000
    made = vllm.generate(policy, Prompts(["0"], [""], [[5, 6, 7]]), Sampling(1, samples=count, seed=3))
    model = AutoModelForCausalLM.from_pretrained(policy).eval()
    with torch.no_grad():
        exact = model(torch.tensor([[5, 6, 7]])).logits[0, -1].double().softmax(-1).numpy()
    observed = np.bincount([row[0] for row in made.tokens], minlength=len(exact))
    common = exact * count >= 5
    observed, expected = observed[common], exact[common]
    assert chisquare(observed, expected * observed.sum() / expected.sum()).pvalue > 1e-4


def test_seed_decides(vllm: VLLMGenerator, policy: Path, prompts: Prompts) -> None:
    """Same seed, same completions; another seed, others; the samples of one prompt differ."""
    first = vllm.generate(policy, prompts, Sampling(16, samples=2, seed=7))
    assert vllm.generate(policy, prompts, Sampling(16, samples=2, seed=7)).tokens == first.tokens
    assert vllm.generate(policy, prompts, Sampling(16, samples=2, seed=8)).tokens != first.tokens
    assert first.tokens[0] != first.tokens[1]


def test_more_prompt_tokens_than_one_step_takes(vllm: VLLMGenerator, policy: Path) -> None:
    """Seeded sampling of 150 prompts of 160 tokens, 24,000 in all: asked for in parts, in order."""
    tokens = [[3 + (row + i) % 50 for i in range(160)] for row in range(150)]
    prompts = Prompts([str(row) for row in range(150)], [""] * 150, tokens)
    seen: list[int] = []
    made = vllm.generate(policy, prompts, Sampling(2, seed=1), lambda done, total: seen.append(done))
    assert len(made) == 150 and len(seen) > 1 and seen[-1] == 150
    head = vllm.generate(policy, Prompts(["a", "b", "c"], [""] * 3, tokens[:3]), Sampling(2, seed=1))
    assert made.tokens[:3] == head.tokens


def drop_tensor(weights: dict[str, torch.Tensor]) -> None:
    """A checkpoint that lacks a tensor: vLLM itself would only warn."""
    del weights["model.norm.weight"]


def reshape_tensor(weights: dict[str, torch.Tensor]) -> None:
    """A tensor of another shape: vLLM itself would become unusable."""
    weights["model.norm.weight"] = torch.ones(32)


@pytest.mark.parametrize(
    ("spoil", "message"), [(drop_tensor, "norm.weight is missing"), (reshape_tensor, r"shape \[32\]")]
)
def test_bad_weights_leave_the_engine_serving(
    vllm: VLLMGenerator,
    policy: Path,
    prompts: Prompts,
    tmp_path: Path,
    spoil: Callable[[dict[str, torch.Tensor]], None],
    message: str,
) -> None:
    """A UserError before the engine is touched; the next policy is served by the same engine."""
    expected = vllm.generate(policy, prompts, GREEDY).tokens
    engine = vllm._engine
    bad = tmp_path / "bad"
    shutil.copytree(policy, bad)
    weights = load_file(bad / "model.safetensors")
    spoil(weights)
    save_file(weights, bad / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=message):
        vllm.generate(bad, prompts, GREEDY)
    with pytest.raises(UserError, match="does not exist"):
        vllm.generate(tmp_path / "nowhere", prompts, GREEDY)
    assert vllm.generate(policy, prompts, GREEDY).tokens == expected
    assert vllm._engine is engine


def test_unsupported_heads_are_named(make_policy: Callable[..., Path], prompts: Prompts) -> None:
    """Heads of 16 dimensions build an engine on a CPU and fail at the first forward pass: refused before."""
    if torch.cuda.is_available():
        pytest.skip("a limit of the CPU build")
    with VLLMGenerator() as fresh, pytest.raises(UserError, match="16 dimensions"):
        fresh.generate(make_policy(2, heads=4), prompts, GREEDY)


def test_a_dead_engine_is_an_error_and_then_built_anew(vllm: VLLMGenerator, policy: Path, prompts: Prompts) -> None:
    """Killed between calls: built anew unasked. Closed: serves again."""
    expected = vllm.generate(policy, prompts, GREEDY).tokens
    assert vllm._engine is not None
    os.kill(vllm._engine._process.pid, signal.SIGKILL)
    vllm._engine._process.wait()
    assert vllm.generate(policy, prompts, GREEDY).tokens == expected


def test_failures_carry_the_log(tmp_path: Path) -> None:
    """An engine that cannot start says why; the process is gone afterwards."""
    engine = EngineProcess(cuda=False)
    with pytest.raises(EngineError, match=r"(?s)failed at 'swap'.*Traceback"):
        engine.call("swap", 60, model=str(tmp_path))
    assert not engine.alive


def test_time_limit() -> None:
    """No answer in time is an error that names the limit, and ends the process."""
    engine = EngineProcess(cuda=False)
    with pytest.raises(EngineError, match="within 0 s"):
        engine.call("start", 0, model="none")
    assert not engine.alive


def runs(process: int) -> bool:
    """Whether a process exists and is not merely waiting to be collected."""
    status = Path(f"/proc/{process}/stat")
    return status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_no_orphan() -> None:
    """The engine's process ends soon after its parent was killed."""
    code = (
        "import os, signal; from benchmark.generation.engine_process import EngineProcess;"
        "engine = EngineProcess(cuda=False); print(engine._process.pid, flush=True);"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    child = int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stdout)
    for _ in range(1800):  # three minutes: the child looks for its parent only after its imports
        if not runs(child):
            return
        time.sleep(0.1)
    pytest.fail(f"process {child} outlived its parent")
