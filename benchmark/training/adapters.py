"""Low-rank adapters (Hu et al., arXiv:2106.09685) instead of all weights, by PEFT; checkpoints are whole."""

from __future__ import annotations

import importlib.util
from typing import Any

import torch
from torch import Tensor
from transformers.pytorch_utils import Conv1D

from benchmark.training.settings import TrainingSettings


def with_adapters(model: Any, settings: TrainingSettings, seed: int) -> Any:
    """The model with adapters on all linear layers but the head, and nothing else to train; itself where none are set.

    Args:
        model: a causal language model.
        settings: of the training.
        seed: of the adapters' initial weights, under which the model is what it was.
    """
    if settings.lora is None:
        return model
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=settings.lora.rank,
        lora_alpha=settings.lora.alpha,  # type: ignore[arg-type]  # PEFT divides it by the rank, whole or not
        lora_dropout=0.0,
        target_modules="all-linear",
        fan_in_fan_out=any(isinstance(module, Conv1D) for module in model.modules()),
        task_type="CAUSAL_LM",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return get_peft_model(model, config)


def whole_policy(model: Any) -> tuple[Any, dict[str, Tensor] | None]:
    """The plain model, and its weights with the adapters added, W + alpha / rank B A; None where it has no adapters.

    The model itself stays as it is: merging and taking back would round its weights at every checkpoint.
    """
    if importlib.util.find_spec("peft") is None:
        return model, None
    from peft import PeftModel
    from peft.tuners.lora import LoraLayer

    if not isinstance(model, PeftModel):
        return model, None
    plain = model.get_base_model()
    weights = {
        name.replace(".base_layer.", "."): tensor.detach()
        for name, tensor in plain.state_dict().items()
        if ".lora_" not in name
    }
    for name, module in plain.named_modules():
        if isinstance(module, LoraLayer):
            layer: Any = module
            weights[f"{name}.weight"] = (layer.get_base_layer().weight + layer.get_delta_weight("default")).detach()
    return plain, weights
