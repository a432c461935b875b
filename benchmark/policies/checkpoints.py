"""Policies on disk: transformers checkpoints with a tokenizer, checked before anything is computed from them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from benchmark.core.errors import UserError
from benchmark.core.hub import located, refusal

_UNREADABLE = (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError)
WEIGHTS = "*.safetensors"
SMALL_FILES = ("*.json", "*.txt", "*.model", "*.jinja")  # what a policy is made of besides its weights
HUB_FILES = (*SMALL_FILES, WEIGHTS)
_PROBE = "a text"  # of which every tokenizer makes a token
# Settings of a config that change neither the shape of the weights nor what is computed from given token ids.
_NOT_ARCHITECTURE = {
    "_name_or_path",
    "architectures",
    "bos_token_id",
    "dtype",
    "eos_token_id",
    "id2label",
    "label2id",
    "pad_token_id",
    "torch_dtype",
    "transformers_version",
    "use_cache",
}


def load_policy(
    source: Path | str,
    device: torch.device | str = "cpu",
    attention: str | None = None,
    dtype: torch.dtype = torch.float32,
    pad_token: str | None = None,
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A causal language model in evaluation mode, and its tokenizer.

    Args:
        source: folder of a checkpoint, or a hub id.
        device: where the weights go.
        attention: transformers' attention implementation ("eager", "sdpa", ...); None is transformers' own choice.
        dtype: type of the weights.
        pad_token: added, and the embeddings grown by its row, where the tokenizer has no pad token of its own; the
            policy all but never says it.

    Raises:
        UserError: nothing there, weights incomplete or of other shapes than the config says, no pad token.
    """
    folder = fetch(source)
    model: Any = _read_weights(folder, attn_implementation=attention, dtype=dtype)
    tokenizer = load_tokenizer(folder, require_pad=pad_token is None)
    if not _has_pad(tokenizer):
        _add_pad(model, tokenizer, str(pad_token))
    return model.to(device).eval(), tokenizer


def load_tokenizer(folder: Path, require_pad: bool = True) -> PreTrainedTokenizerBase:
    """The tokenizer of a checkpoint.

    Raises:
        UserError: no such folder; no readable tokenizer, or an empty one, which transformers makes up where the files
            are missing; with `require_pad`, no pad token that differs from
            end-of-sequence.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(resolve_local(folder), local_files_only=True)
    except _UNREADABLE as error:
        raise UserError(f"policy {str(folder)!r} has no readable tokenizer: {_first_line(error)}") from error
    if not tokenizer(_PROBE, add_special_tokens=False)["input_ids"]:
        raise UserError(
            f"policy {str(folder)!r} has no tokenizer: the files are missing or empty. Expected is what "
            "tokenizer.save_pretrained(FOLDER) writes: tokenizer.json and tokenizer_config.json."
        )
    if require_pad and not _has_pad(tokenizer):
        raise UserError(
            f"policy {str(folder)!r} has no pad token of its own (pad {tokenizer.pad_token!r}, end of sequence "
            f"{tokenizer.eos_token!r}): padding would hide where a completion ends. Give the tokenizer a distinct one."
        )
    return tokenizer


def save_policy(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
    weights: dict[str, torch.Tensor] | None = None,
) -> None:
    """Write weights (safetensors; `weights` in the place of the model's own), config, generation config and tokenizer.

    The configs of `model` are given the tokenizer's pad and end-of-sequence ids, so that every engine stops alike.

    Raises:
        UserError: the tokenizer has no pad token that differs from end-of-sequence.
    """
    if not _has_pad(tokenizer):
        raise UserError(f"a policy cannot be saved without a pad token of its own (got {tokenizer.pad_token!r}).")
    ends = model.generation_config.eos_token_id  # chat policies have several, the tokenizer's among them
    several = isinstance(ends, list) and tokenizer.eos_token_id in ends
    for config in (model.config, model.generation_config):
        config.pad_token_id, config.eos_token_id = tokenizer.pad_token_id, tokenizer.eos_token_id
    if several:
        model.generation_config.eos_token_id = ends
    with _quiet():
        model.save_pretrained(folder, state_dict=weights)
        tokenizer.save_pretrained(folder)


def check_checkpoint(folder: Path) -> None:
    """Make sure that the weights in `folder` are whole and fit its config; reads headers only (about 15 ms).

    Raises:
        UserError: no such folder, unreadable config or weights file, a tensor that is missing or has another shape.
    """
    _read_weights(resolve_local(folder), device_map="meta")


def architecture_key(folder: Path) -> str:
    """A hash of what defines a policy's architecture and vocabulary, the same for all policies whose weights can be
    exchanged in place.

    Raises:
        UserError: no readable config.
    """
    config = {key: value for key, value in load_config(folder).to_dict().items() if key not in _NOT_ARCHITECTURE}
    return hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode()).hexdigest()[:16]


def load_config(folder: Path) -> Any:
    """The config of a checkpoint; a UserError where it cannot be read."""
    try:
        return AutoConfig.from_pretrained(resolve_local(folder), local_files_only=True)
    except _UNREADABLE as error:
        raise UserError(f"policy {str(folder)!r} has no readable config: {_first_line(error)}") from error


def weights_stamp(folder: Path) -> tuple[str, tuple[tuple[str, int, int], ...]]:
    """What tells whether a folder still holds the weights that were read: its path, and name, size and time of change
    (nanoseconds) of every weights file."""
    root = resolve_local(folder)
    files = [(path.name, path.stat()) for path in sorted(root.glob(WEIGHTS))]
    return str(root), tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in files)


def end_tokens(folder: Path, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Ids that end a completion: those of the generation config, of the config, and the tokenizer's."""
    path = folder / "generation_config.json"
    named = json.loads(path.read_text()).get("eos_token_id") if path.is_file() else None
    ids: set[int] = set()
    for value in (named, getattr(load_config(folder), "eos_token_id", None), tokenizer.eos_token_id):
        ids.update(value if isinstance(value, list) else [] if value is None else [value])
    return sorted(ids)


def opening(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Tokens that the tokenizer puts before every text: its BOS, or none."""
    ids: list[int] = tokenizer("")["input_ids"]
    return [token for token in ids if token != tokenizer.eos_token_id or token == tokenizer.bos_token_id][:1]


def fetch(source: Path | str, files: Sequence[str] = HUB_FILES) -> Path:
    """The folder of a checkpoint: `source` itself, its mirror, or where the hub's `files` (patterns) of it are kept.

    Raises:
        UserError: neither a folder nor an id that the hub (or, offline, its cache) knows.
    """
    folder = located(source)
    if folder is not None:
        return folder
    from huggingface_hub import snapshot_download

    with _hub_errors(source):
        return Path(snapshot_download(str(source), allow_patterns=list(files), ignore_patterns=["*/*"]))


def hub_files(source: str) -> list[str]:
    """Names of the files that the hub has of an id; offline, of those that its cache has.

    Raises:
        UserError: the hub does not know the id.
    """
    from huggingface_hub import HfApi, constants

    if constants.HF_HUB_OFFLINE:
        return [file.name for file in fetch(source).iterdir()]
    with _hub_errors(source):
        return list(HfApi().list_repo_files(source))


@contextmanager
def _hub_errors(source: Path | str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # the hub's client raises many unrelated types
        raise UserError(
            f"policy {str(source)!r} is neither a folder nor a model that the hub hands out: {refusal(error)}"
        ) from error


def resolve_local(folder: Path) -> Path:
    """The absolute path of a checkpoint's folder; a UserError where there is none."""
    if not folder.is_dir():
        raise UserError(f"policy folder {str(folder)!r} does not exist.")
    return folder.resolve()


def _read_weights(folder: Path, **options: Any) -> PreTrainedModel:
    """A model whose every weight came from `folder`: transformers itself would only warn, and make up the rest."""
    try:
        with _quiet():
            result: Any = AutoModelForCausalLM.from_pretrained(
                folder, local_files_only=True, output_loading_info=True, ignore_mismatched_sizes=True, **options
            )
    except _UNREADABLE as error:
        raise UserError(f"policy {str(folder)!r} cannot be read: {_first_line(error)}") from error
    model, info = result
    faults = [f"{name} is missing" for name in sorted(info["missing_keys"])]
    faults += [
        f"{name} has shape {list(got)}, its config says {list(expected)}"
        for name, got, expected in sorted(info["mismatched_keys"])
    ]
    if faults:
        more = f" (and {len(faults) - 3} more)" if len(faults) > 3 else ""
        raise UserError(f"the weights in {str(folder)!r} do not fit: {'; '.join(faults[:3])}{more}.")
    return model


def _has_pad(tokenizer: PreTrainedTokenizerBase) -> bool:
    return tokenizer.pad_token_id is not None and tokenizer.pad_token_id != tokenizer.eos_token_id


def _add_pad(model: Any, tokenizer: PreTrainedTokenizerBase, token: str) -> None:
    """Give a policy a pad token of its own. Where its embeddings grow by it, the new row is the mean of the others: its
    logit is then the mean logit, so that the policy says it with a probability of at most 1 / vocabulary (Jensen). A
    random row would be near 0, far above the logits of models such as GPT-2, which would say nothing else."""
    tokenizer.add_special_tokens({"pad_token": token})
    rows = model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > rows:
        with _quiet():
            model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
        for layer in (model.get_input_embeddings(), model.get_output_embeddings()):
            layer.weight.data[rows:] = layer.weight.data[:rows].mean(dim=0)
    model.config.pad_token_id = model.generation_config.pad_token_id = tokenizer.pad_token_id


@contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' progress bars and load reports: what matters in them is raised as an error."""
    level, bars = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
        if bars:
            transformers_logging.enable_progress_bar()


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".strip().split("\n", 1)[0]
