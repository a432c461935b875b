"""The process that holds a vLLM engine. Started by `EngineProcess`; the only module that imports vLLM.

vLLM reseeds torch, takes over its threads and writes to stdout, so it gets a process to itself. It is told what to do
over a connection of its own: (command, arguments) in, ("ok", result) or ("error", message) out.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any


class Engine:
    """One vLLM engine, whose weights are exchanged in place."""

    def __init__(self) -> None:
        self._llm: Any = None

    def start(self, model: str, **options: Any) -> None:
        """Build the engine with the weights in folder `model`; `options` are those of `vllm.LLM`."""
        from vllm import LLM

        self._llm = LLM(model=model, skip_tokenizer_init=True, generation_config="vllm", **options)

    def swap(self, model: str) -> None:
        """Exchange the weights for those in folder `model`, which must have been checked: vLLM would only warn.

        Raises:
            RuntimeError: keys and values of the old weights could not be dropped; they would be used silently.
        """
        self._llm.collective_rpc("reload_weights", kwargs={"weights_path": model})
        self._llm.apply_model(_repack_heads)
        if not self._llm.reset_prefix_cache():
            raise RuntimeError("vLLM's prefix cache could not be reset after the weights were exchanged")

    def generate(
        self, prompts: list[list[int]], seeds: list[int] | None, stop: list[int], **settings: Any
    ) -> list[list[int]]:
        """Tokens that continue every prompt, with the stop token where one was sampled.

        Args:
            prompts: token ids.
            seeds: one per prompt, or None where sampling is greedy.
            stop: ids that end a completion.
            settings: those of `vllm.SamplingParams`, the same for all prompts.
        """
        from vllm import SamplingParams, TokensPrompt

        parameters = [
            SamplingParams(seed=seed, stop_token_ids=stop, detokenize=False, **settings)
            for seed in (seeds if seeds is not None else [None] * len(prompts))
        ]
        inputs = [TokensPrompt(prompt_token_ids=prompt) for prompt in prompts]
        outputs = self._llm.generate(inputs, parameters, use_tqdm=False)
        return [list(output.outputs[0].token_ids) for output in outputs]

    def lend(self, borrower: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        """What `borrower` answers, which is called with the engine and its arguments."""
        return borrower(self._llm, **arguments)


def _repack_heads(model: Any) -> None:
    """Pack the output heads anew. A head tied to the input embeddings has no tensor of its own in a checkpoint, so
    reloading leaves it alone, and on a CPU it would go on to use a packed copy of the old weights."""
    from vllm.model_executor.layers.vocab_parallel_embedding import ParallelLMHead, UnquantizedEmbeddingMethod

    for layer in model.modules():
        if isinstance(layer, ParallelLMHead) and isinstance(layer.quant_method, UnquantizedEmbeddingMethod):
            layer.quant_method.process_weights_after_loading(layer)


def serve(connection: Connection) -> None:
    """Answer commands until the other side closes the connection."""
    engine = Engine()
    commands: dict[str, Callable[..., Any]] = {
        "start": engine.start,
        "swap": engine.swap,
        "generate": engine.generate,
        "lend": engine.lend,
    }
    while True:
        try:
            name, arguments = connection.recv()
        except EOFError:
            return
        try:
            reply = ("ok", commands[name](**arguments))
        except Exception as error:  # whatever vLLM raises is the parent's to judge
            traceback.print_exc()
            reply = ("error", f"{type(error).__name__}: {error}")
        connection.send(reply)


def _die_with(parent: int) -> None:
    """End this process soon after `parent` has ended, even in the midst of a long generation."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_die_with, args=(int(sys.argv[2]),), daemon=True).start()
    serve(Connection(int(sys.argv[1])))
    os._exit(0)  # vLLM's own teardown takes seconds and keeps nothing that is needed
