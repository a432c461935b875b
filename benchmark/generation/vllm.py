"""Generation with vLLM: one engine in a process of its own serves all policies of an architecture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from benchmark.core.data import Completions, Prompts
from benchmark.core.errors import UserError
from benchmark.core.seeds import derive_seed
from benchmark.generation.base import (
    CPU_HEAD_DIMENSIONS,
    Generator,
    Progress,
    Sampling,
    as_completions,
    longest_sequence,
    repeat_prompts,
    silent,
)
from benchmark.generation.engine_process import EngineError, EngineProcess
from benchmark.policies.checkpoints import (
    architecture_key,
    check_checkpoint,
    end_tokens,
    load_config,
    load_tokenizer,
    weights_stamp,
)
from benchmark.policies.checks import check_head_dimension
from benchmark.policies.sizes import context_length

_BATCHED_TOKENS = 16384
_SEQUENCES = 256
_CHUNK = 4096  # completions asked for at a time: progress is reported, and time limits hold, per chunk
_LENGTH_STEP = 256
_LOAN_SECONDS = 7 * 24 * 3600  # a borrower may have much to do; a process that died is noticed at once
_DTYPES = ("float32", "bfloat16", "float16")


class VLLMGenerator(Generator):
    """Samples with vLLM. The engine is built for the first policy; for every other policy of the same architecture
    its weights are exchanged in place, and it is built anew for another architecture or a longer context.

    Every completion has its own seed, so completions do not depend on how requests are scheduled.
    """

    name = "vllm"

    def __init__(
        self,
        dtype: str = "float32",
        memory_share: float = 0.4,
        start_timeout: float = 900,
        timeout: float = 1800,
    ) -> None:
        """Settings; nothing is started yet.

        Args:
            dtype: type of weights and activations; on a CPU only float32 equals transformers token for token.
            memory_share: share of a CUDA device's memory that the engine takes.
            start_timeout: seconds that building the engine may take.
            timeout: seconds that exchanging weights, or one chunk of completions, may take.

        Raises:
            UserError: an unknown dtype.
        """
        if dtype not in _DTYPES:
            raise UserError(f"vllm: dtype must be one of {', '.join(_DTYPES)}, got {dtype!r}.")
        self.dtype, self.memory_share, self.start_timeout, self.timeout = dtype, memory_share, start_timeout, timeout
        self._cuda = torch.cuda.is_available()
        self._engine: EngineProcess | None = None
        self._architecture = ""
        self._length = 0
        self._stamp: object = None

    def generate(self, policy: Path, prompts: Prompts, sampling: Sampling, progress: Progress = silent) -> Completions:
        """See `Generator.generate`.

        Raises:
            UserError: as there, or the policy's head size is one that vLLM cannot run on a CPU.
            EngineError: vLLM failed; the next call builds the engine anew.
        """
        tokenizer = load_tokenizer(policy)
        config = load_config(policy)
        ends = end_tokens(policy, tokenizer)
        length = longest_sequence(prompts, sampling, config)
        tokens: list[list[int]] = []
        _, _, sequences = repeat_prompts(prompts, sampling.samples)
        if sequences:
            engine = self._engine_for(policy, config, length)
            for rows in self._chunks([len(sequence) for sequence in sequences]):
                requests = [list(map(int, sequences[row])) for row in rows]
                tokens += engine.call("generate", self.timeout, **_request(requests, rows, sampling, ends))
                progress(len(tokens) // sampling.samples, len(prompts))
        return as_completions(prompts, sampling, tokens, ends, tokenizer)

    def lend(self, policy: Path, length: int, borrower: Callable[..., Any], /, **arguments: Any) -> Any:
        """See `Generator.lend`; as `generate`, it may raise an EngineError."""
        engine = self._engine_for(policy, load_config(policy), length)
        return engine.call("lend", _LOAN_SECONDS, borrower=borrower, arguments=arguments)

    def close(self) -> None:
        """End the engine's process."""
        if self._engine is not None:
            self._engine.close()
        self._engine = self._stamp = None

    def _engine_for(self, policy: Path, config: Any, length: int) -> EngineProcess:
        """An engine that holds the weights of `policy` and `length` positions."""
        architecture, stamp = architecture_key(policy), weights_stamp(policy)
        engine = self._engine if self._engine is not None and self._engine.alive else None
        fits = engine is not None and architecture == self._architecture and length <= self._length
        if engine is not None and fits and stamp == self._stamp:
            return engine
        check_checkpoint(policy)
        if engine is not None and fits:
            try:
                engine.call("swap", self.timeout, model=str(policy.resolve()))
                self._stamp = stamp
                return engine
            except EngineError:  # a half-exchanged engine is of no use, but the checkpoint is sound: build anew
                self.close()
        engine = self._start(policy, config, length)
        self._architecture, self._stamp = architecture, stamp
        return engine

    def _start(self, policy: Path, config: Any, length: int) -> EngineProcess:
        self.close()
        if not self._cuda:
            check_head_dimension(str(policy), config, CPU_HEAD_DIMENSIONS, "vLLM on a CPU")
        self._length = _rounded_up(length, context_length(config))
        options: dict[str, Any] = {
            "dtype": self.dtype,
            "seed": 0,
            "max_model_len": self._length,
            "max_num_seqs": _SEQUENCES,
            "max_num_batched_tokens": self._batched_tokens(),
            "enforce_eager": not self._cuda,
        }
        if self._cuda:
            options["gpu_memory_utilization"] = self.memory_share
        self._engine = EngineProcess(self._cuda)
        self._engine.call("start", self.start_timeout, model=str(policy.resolve()), **options)
        return self._engine

    def _batched_tokens(self) -> int:
        return max(_BATCHED_TOKENS, _SEQUENCES + self._length)

    def _chunks(self, lengths: list[int]) -> Iterator[range]:
        """Consecutive rows to ask for together.

        On a CPU a prompt that the scheduler splits over two steps breaks seeded sampling ("CPU Generator does not use
        offset"), so there all prompt tokens of a chunk, beside one token per running row, fit into one step.
        """
        budget = self._batched_tokens() - _SEQUENCES if not self._cuda else sum(lengths)
        start = total = 0
        for row, length in enumerate(lengths):
            if row > start and (row - start == _CHUNK or total + length > budget):
                yield range(start, row)
                start, total = row, 0
            total += length
        yield range(start, len(lengths))


def _request(prompts: list[list[int]], rows: range, sampling: Sampling, ends: list[int]) -> dict[str, Any]:
    """The arguments of the engine's `generate` for the completions `rows`."""
    greedy = sampling.temperature == 0
    seeds = None if greedy else [derive_seed("completions", sampling.seed, row) for row in rows]
    return {
        "prompts": prompts,
        "seeds": seeds,
        "stop": ends,
        "max_tokens": sampling.max_new_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
    }


def _rounded_up(length: int, positions: int | None) -> int:
    """A context for `length` tokens with room for somewhat longer prompts later, within the policy's positions."""
    rounded = -(-length // _LENGTH_STEP) * _LENGTH_STEP
    return rounded if positions is None else min(rounded, positions)
