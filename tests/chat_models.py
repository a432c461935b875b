"""Tokenizers and checkpoints in the formats of real chat models: true special tokens, true ids, small widths.

Templates have the structure of the real ones, as far as one user's turn and one answer go. A tokenizer knows the words
that it is given, alone and after a space; all others are one unknown word.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    GPT2Config,
    GPT2ForSequenceClassification,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
    LlamaModel,
    PreTrainedTokenizerFast,
)

WORDS = ("which", "way", "home", "dear", "friend", "left", "right", "kind", "rude", "please", "never", "maybe", "far")
LLAMA_POSITIONS, GPT2_POSITIONS = 4096, 1024
NEWLINES = ("\n", "\n\n")
HH_WORDS = ("Human", "Assistant", ":")  # of the texts around a prompt in Anthropic's data

LLAMA3_TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] | trim + '<|eot_id|>' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
LLAMA32_TEMPLATE = (  # from Llama 3.1 on a system turn carries a date
    "{{ bos_token }}"
    "{% if not date_string is defined %}{% set date_string = strftime_now('%d %b %Y') %}{% endif %}"
    "{{ '<|start_header_id|>system<|end_header_id|>\n\n' + date_string + '<|eot_id|>' }}"
) + LLAMA3_TEMPLATE.removeprefix("{{ bos_token }}")
QWEN_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LLAMA3_SPECIAL = {
    "<|begin_of_text|>": 128000,
    "<|end_of_text|>": 128001,
    "<|start_header_id|>": 128006,
    "<|end_header_id|>": 128007,
    "<|eot_id|>": 128009,
}
LLAMA3_IDS = {"\n\n": 271, "user": 882, "system": 9125, "assistant": 78191}  # true ids of what its templates write
QWEN_SPECIAL = {"<|endoftext|>": 151643, "<|im_start|>": 151644, "<|im_end|>": 151645}
GPT2_END = "<|endoftext|>"


def llama3_tokenizer(
    template: str = LLAMA3_TEMPLATE, true_ids: bool = True, pad: str | None = None, words: Sequence[str] = WORDS
) -> PreTrainedTokenizerFast:
    """Of Llama-3-Instruct. true_ids: those of the real tokenizer, of 128,257 tokens; else small ones."""
    texts = ["user", "system", "assistant", *_spaced(words), "26", " Jul", " 2024"]
    special = {**LLAMA3_SPECIAL, **({pad: 128256} if pad else {})}
    names = {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>", **({"pad_token": pad} if pad else {})}
    return _tokenizer(texts, special, LLAMA3_IDS if true_ids else {}, true_ids, names, template)


def qwen_tokenizer() -> PreTrainedTokenizerFast:
    """Of Qwen-Instruct: no BOS; padding has a token of its own."""
    names = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
    texts = ["user", "assistant", *_spaced(WORDS)]
    return _tokenizer(texts, QWEN_SPECIAL, {"\n": 198, "user": 872, "assistant": 77091}, True, names, QWEN_TEMPLATE)


def gpt2_tokenizer(words: Sequence[str] = WORDS, pad: str | None = None) -> PreTrainedTokenizerFast:
    """Of GPT-2: one token begins and ends every text, none pads, and nothing is added to a text; no chat template."""
    names = {"bos_token": GPT2_END, "eos_token": GPT2_END, **({"pad_token": pad} if pad else {})}
    return _tokenizer(_spaced((*words, *HH_WORDS)), {GPT2_END: 50256}, {}, False, names, None)


def _spaced(words: Sequence[str]) -> list[str]:
    return [text for word in words for text in (word, f" {word}")]


def _tokenizer(
    texts: Sequence[str],
    special: dict[str, int],
    fixed: dict[str, int],
    true_ids: bool,
    names: dict[str, str],
    template: str | None,
) -> PreTrainedTokenizerFast:
    known = ["<unk>", *NEWLINES, *texts]
    ids = {text: fixed[text] for text in known if text in fixed}
    free = (number for number in range(len(known) + len(fixed)) if number not in fixed.values())
    ids |= {text: next(free) for text in known if text not in ids}
    ids |= special if true_ids else {text: len(known) + row for row, text in enumerate(special)}
    letters = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    plain = {"<unk>", *special}
    vocabulary = {text if text in plain else letters.pre_tokenize_str(text)[0][0]: ids[text] for text in ids}
    core = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    split = pre_tokenizers.Split(Regex(r"\n+| ?\w+| ?[^\w\s]|\s"), "isolated")
    core.pre_tokenizer = pre_tokenizers.Sequence([split, letters])
    core.decoder = decoders.ByteLevel()
    core.add_special_tokens([AddedToken(text, normalized=False, special=True) for text in special])
    made = PreTrainedTokenizerFast(
        tokenizer_object=core, unk_token="<unk>", clean_up_tokenization_spaces=False, **names
    )
    made.chat_template = template
    return made


def _llama(rows: int, width: int, seed: int, **more: Any) -> LlamaConfig:
    torch.manual_seed(seed)
    return LlamaConfig(
        vocab_size=rows,
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=2,
        num_attention_heads=max(1, width // 32),
        num_key_value_heads=max(1, width // 32),
        max_position_embeddings=LLAMA_POSITIONS,
        initializer_range=0.1,
        rms_norm_eps=1e-2,
        **more,
    )


def _gpt2(rows: int, width: int, seed: int, **more: Any) -> GPT2Config:
    torch.manual_seed(seed)
    return GPT2Config(
        vocab_size=rows,
        n_positions=GPT2_POSITIONS,
        n_embd=width,
        n_layer=2,
        n_head=max(1, width // 32),
        initializer_range=0.1,
        bos_token_id=rows - 1,
        eos_token_id=rows - 1,
        **more,
    )


def llama3_policy(folder: Path, width: int = 64, seed: int = 0) -> Path:
    """A Llama-3-shaped chat policy; like the real one, it has no pad token and several ends."""
    tokenizer = llama3_tokenizer(true_ids=False)
    ends = tokenizer.convert_tokens_to_ids(["<|end_of_text|>", "<|eot_id|>"])
    config = _llama(len(tokenizer), width, seed, bos_token_id=tokenizer.bos_token_id, eos_token_id=ends)
    return _saved(LlamaForCausalLM(config), tokenizer, folder)


def gpt2_policy(folder: Path, width: int = 64, seed: int = 0) -> Path:
    """A GPT-2-shaped policy, which has no chat template."""
    tokenizer = gpt2_tokenizer()
    return _saved(GPT2LMHeadModel(_gpt2(len(tokenizer), width, seed)), tokenizer, folder)


def gpt2_reward(folder: Path, seed: int, width: int = 32, labels: Sequence[str] = ("score",)) -> Path:
    """A GPT-2-shaped reward model that reads pairs of texts, one head per label."""
    tokenizer = gpt2_tokenizer()
    config = _gpt2(len(tokenizer), width, seed, id2label=dict(enumerate(labels)))
    return _saved(GPT2ForSequenceClassification(config), tokenizer, folder)


def llama3_reward(folder: Path, seed: int, width: int = 32) -> Path:
    """A Llama-3-shaped reward model that reads conversations."""
    tokenizer = llama3_tokenizer(true_ids=False)
    config = _llama(len(tokenizer), width, seed, num_labels=1, bos_token_id=tokenizer.bos_token_id)
    return _saved(LlamaForSequenceClassification(config), tokenizer, folder)


ARMORM_ROWS, OBJECTIVES = 128257, 19


def armorm(folder: Path, seed: int = 0, width: int = 16, gating_width: int = 12) -> Path:
    """A checkpoint as `RLHFlow/ArmoRM-Llama3-8B-v0.1` has it: its names of tensors, its vocabulary, its pad token."""
    folder.mkdir(parents=True, exist_ok=True)
    config = _llama(ARMORM_ROWS, width, seed, bos_token_id=128000, eos_token_id=128001, pad_token_id=128256)
    tensors = {f"model.{name}": tensor for name, tensor in LlamaModel(config).state_dict().items()}
    tensors["regression_layer.weight"] = torch.randn(OBJECTIVES, width)
    tensors["reward_transform_matrix"] = torch.eye(OBJECTIVES)
    tensors["reward_transform_matrix"][4] -= torch.rand(OBJECTIVES) * 0.2  # the row of verbosity carries penalties
    widths = [width, gating_width, gating_width, gating_width, OBJECTIVES]
    for number in range(4):
        scale = 3 / widths[number] ** 0.5
        tensors[f"gating.layers.{number}.weight"] = scale * torch.randn(widths[number + 1], widths[number])
        tensors[f"gating.layers.{number}.bias"] = torch.randn(widths[number + 1])
    tensors["gating.logit_scale"] = torch.tensor([1.3])
    whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(whole, folder / "model.safetensors", {"format": "pt"})
    described = {
        **config.to_dict(),
        "architectures": ["LlamaForRewardModelWithGating"],
        "auto_map": {"AutoModelForSequenceClassification": "modeling_custom.LlamaForRewardModelWithGating"},
        "num_objectives": OBJECTIVES,
        "gating_temperature": 10,
        "gating_hidden_dim": gating_width,
        "gating_n_hidden": 3,
        "id2label": {str(number): f"LABEL_{number}" for number in range(OBJECTIVES)},
    }
    (folder / "config.json").write_text(json.dumps(described))
    llama3_tokenizer(pad="[PAD]").save_pretrained(folder)
    return folder


def _saved(model: Any, tokenizer: Any, folder: Path) -> Path:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
